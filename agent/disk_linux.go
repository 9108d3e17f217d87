package main

import "golang.org/x/sys/unix"

// disk is what a directory's disk has left for who is not root, of how many
// bytes; 0 where that cannot be told.
func disk(dir string) (free, size uint64) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil || s.Frsize <= 0 {
		return 0, 0
	}
	block := uint64(s.Frsize) // what blocks are counted in
	return s.Bavail * block, s.Blocks * block
}
