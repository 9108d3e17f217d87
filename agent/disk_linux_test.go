package main

import (
	"path/filepath"
	"testing"
)

func TestDisk(t *testing.T) {
	dir := t.TempDir()
	if free, size := disk(dir); free == 0 || free > size {
		t.Errorf("%d bytes are free of %d", free, size)
	}
	if free, size := disk(filepath.Join(dir, "gone")); free != 0 || size != 0 {
		t.Errorf("of what is not there %d bytes are free of %d", free, size)
	}
}
