//go:build !linux

package capture

import (
	"fmt"
	"runtime"
)

// OpenLive refuses: live capture is for Linux only.
func OpenLive(name string, _ LiveOptions) (Source, error) {
	return nil, fmt.Errorf("interface %s: live capture works on Linux only, this is %s: read a capture file instead", name, runtime.GOOS)
}
