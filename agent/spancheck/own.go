package spancheck

import (
	"net"
	"net/netip"

	"demarc/agent/decode"
)

// ThisMachine lists the addresses of every interface of this machine, but for
// those that every machine has.
func ThisMachine() Own {
	var o Own
	all, err := net.Interfaces()
	if err != nil {
		return o
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 {
			continue
		}
		if len(i.HardwareAddr) == len(decode.MAC{}) {
			if m := decode.MAC(i.HardwareAddr); !m.IsZero() {
				o.MACs = append(o.MACs, m)
			}
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				o.Addrs = append(o.Addrs, p.Addr().Unmap().WithZone(""))
			}
		}
	}
	return o
}
