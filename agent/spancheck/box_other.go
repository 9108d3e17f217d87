//go:build !linux

package spancheck

import (
	"fmt"
	"runtime"
)

// Look refuses: the state of an interface is read on Linux only, as live
// capture is.
func Look(name string) (*Box, error) {
	return nil, fmt.Errorf("spancheck: interface %s: its state is read on Linux only, this is %s", name, runtime.GOOS)
}
