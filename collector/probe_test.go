package main

import (
	"strings"
	"testing"
)

// TestProbePlanSaysWhat: what is left out, or said of a protocol that is not
// asked, is told before anybody is asked about it.
func TestProbePlanSaysWhat(t *testing.T) {
	for args, want := range map[string]string{
		"":                                  "--agent: name the agent",
		"--agent a1":                        "say what to read: --modbus, --opcua or both",
		"--agent a1 --opcua --units 1":      "--units says how to ask over a protocol that is not asked: add --modbus",
		"--agent a1 --modbus --session":     "--session says how to ask over a protocol that is not asked: add --opcua",
		"--agent a1 --modbus --every 9000h": "a duration of at most a year",
		"--agent a1 --modbus --unknown":     "unknown flag: --unknown",
		"--agent a1 --modbus 10.20.4.10":    "10.20.4.10",
	} {
		if _, err := run(t, append([]string{"probe", "plan"}, strings.Fields(args)...)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", args, err, want)
		}
	}
}
