//go:build !linux

package main

// disk cannot tell: an agent runs on Linux alone.
func disk(string) (free, size uint64) { return 0, 0 }
