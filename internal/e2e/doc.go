// Package e2e holds tests that need both programs: the example plant goes in
// as frames, and what a person would read comes out. Run them with go test
// ./internal/e2e; -update writes the golden results in testdata/plant anew.
package e2e
