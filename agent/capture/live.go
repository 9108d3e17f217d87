package capture

import (
	"fmt"
	"net"
	"sort"
	"strings"
)

// LiveOptions of OpenLive. The zero value is usable.
type LiveOptions struct {
	// Ring is the size in bytes of the ring that the kernel writes frames
	// into, at least 512 KiB; 0 is 32 MiB, a sixth of a second of minimum-size
	// frames at 1 Gbit/s.
	Ring int
	// Outgoing keeps frames that the host itself sends, for an agent that
	// watches its own host's traffic. A SPAN port has none. It has no effect
	// on loopback, where each frame would come twice.
	Outgoing bool
}

// noInterface says which interfaces there are.
func noInterface(name string) error {
	all, err := net.Interfaces()
	if err != nil || len(all) == 0 {
		return fmt.Errorf("interface %s: there is none of this name", name)
	}
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].Name
	}
	sort.Strings(names)
	return fmt.Errorf("interface %s: there is none of this name: take one of %s", name, strings.Join(names, ", "))
}
