//go:build !race

package probe

// raceDetector: this test binary has it.
const raceDetector = false
