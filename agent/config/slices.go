package config

import (
	"fmt"

	"demarc/internal/slice"
	demarcv1 "demarc/proto/demarc/v1"
)

// Slices are frames that the agent keeps as evidence of findings that are made
// later. Without Payload none are kept.
type Slices struct {
	// Payload is what of a frame is kept, and may leave the plant: headers (to
	// the end of the transport header) or all.
	Payload string `yaml:"payload"`
	// MemoryMB is the memory of each interface, taken at the start.
	MemoryMB int `yaml:"memoryMB"` // 1 to 4096; 0 is 32
	// Packets are the first of each conversation that are kept.
	Packets int `yaml:"packets"` // 1 to 1024; 0 is 16
	// MaxKB is how large the frames of one connection may be together.
	MaxKB int `yaml:"maxKB"` // 4 to 256; 0 is 64
}

// On reports whether frames are kept.
func (s Slices) On() bool { return s.Payload != "" }

func (s *Slices) check() error {
	switch s.Payload {
	case "", slice.Headers, slice.All:
	default:
		return fmt.Errorf("slices.payload: %q is not known: %s (what a frame says is cut off) or %s", s.Payload, slice.Headers, slice.All)
	}
	if !s.On() && *s != (Slices{}) {
		return fmt.Errorf("slices: no frames are kept without payload: write %s (what a frame says is cut off) or %s", slice.Headers, slice.All)
	}
	for _, n := range []struct {
		name              string
		value             *int
		least, most, none int
	}{
		{"memoryMB", &s.MemoryMB, 1, 4096, 32}, {"packets", &s.Packets, 1, 1024, 16}, {"maxKB", &s.MaxKB, 4, demarcv1.MaxSlice >> 10, 64},
	} {
		if *n.value == 0 && s.On() {
			*n.value = n.none
		}
		if s.On() && (*n.value < n.least || *n.value > n.most) {
			return fmt.Errorf("slices.%s: %d: write a number between %d and %d", n.name, *n.value, n.least, n.most)
		}
	}
	return nil
}
