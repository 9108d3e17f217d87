// Package plant generates the example plant: what four SPAN ports of a small
// factory see in five minutes, as capture files. Applications speak as they
// were recorded from real protocol stacks (see recorded/README.md); addresses,
// times and every header are written anew, so the same seed gives the same
// bytes. Run "go run ./internal/plant/gen" after a change here.
package plant

import "time"

// Seed is that of the captures in testdata/plant.
const Seed = 4711

// Start is the time of the first possible frame: a Tuesday, 08:57:30 in
// Houston. A quarter hour begins in the middle.
var Start = time.Date(2026, time.March, 10, 13, 57, 30, 0, time.UTC)

// Length is how long the plant is watched.
const Length = 5 * time.Minute

// Ports are the SPAN ports, each the name of its capture without ".pcap" and
// of the segment that an agent there listens on.
func Ports() []string { return []string{line4Port, line5Port, dmzPort, corpPort} }

const (
	line4Port = "line4"
	line5Port = "line5"
	dmzPort   = "dmz"
	corpPort  = "corp"
)

// Generate returns the capture files by name. Without faults the plant is the
// same, less what faults.go adds.
func Generate(seed int64, faults bool) (map[string][]byte, error) {
	p, err := build(seed)
	if err != nil {
		return nil, err
	}
	for _, l := range p.lines {
		p.production(l)
	}
	p.controlRoom()
	p.datacentre()
	p.cloud()
	p.office()
	p.scanner()
	p.noise()
	if faults {
		p.faults()
	}
	if p.err != nil {
		return nil, p.err
	}
	return p.captures(Length)
}
