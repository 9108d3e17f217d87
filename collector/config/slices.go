package config

import "fmt"

// Slices are frames that agents recorded of connections with a finding.
type Slices struct {
	// MaxMB is how much of them is kept: the oldest go first. 0 asks for none.
	MaxMB int `yaml:"maxMB"`
	// Days is for how long they are kept.
	Days int `yaml:"days"`
}

func (s Slices) check() error {
	if s.MaxMB < 0 || s.MaxMB > 1<<20 {
		return fmt.Errorf("slices.maxMB: %d: write a number between 0, which keeps none, and %d", s.MaxMB, 1<<20)
	}
	if s.Days < 1 || s.Days > 36500 {
		return fmt.Errorf("slices.days: %d: write a number between 1 and 36500", s.Days)
	}
	return nil
}
