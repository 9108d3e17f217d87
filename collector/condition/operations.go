package condition

import (
	"time"

	"demarc/internal/ot"
	"demarc/internal/quarter"
	demarcv1 "demarc/proto/demarc/v1"
)

// count is how often a class of operation was counted in a window: between Low
// and High, where the wire and what is kept of it do not tell exactly.
type count struct {
	Low, High int64
	Unknown   bool // nothing was counted, and not everything was decoded
}

// many stands for a number that is not known.
const many = int64(1) << 40

// operations counts a class in the window, by the quarter hour: one that began
// before the window counts whole. It is zero only if all of c was decoded, both
// ways.
func (k *judge) operations(c *demarcv1.JudgedConnection, class ot.Operation, decoded bool) count {
	h := k.quarters(c)
	if h.Empty() {
		return told(c, class.String(), k.from, decoded)
	}
	q := h.Operations(class, k.from.UnixNano(), k.to.UnixNano())
	n := count{Low: few(q.Low), High: few(q.High)}
	if q.Cut {
		n.High = max(n.High, few(c.GetConnection().GetOperations()[class.String()]))
	}
	n.Unknown = !decoded && n.Low == 0
	if !decoded {
		n.High = many
	}
	return n
}

// few is n as expressions count, at most many.
func few(n uint64) int64 { return int64(min(n, uint64(many))) }

// quarters is what each quarter hour of c held, as far as that is kept.
func (k *judge) quarters(c *demarcv1.JudgedConnection) quarter.History {
	if k.w.Quarters == nil {
		return nil
	}
	return k.w.Quarters(c.GetId())
}

// active reports whether c was active in the window.
func (k *judge) active(c *demarcv1.JudgedConnection) bool {
	if !within(c.GetConnection(), k.from, k.to) {
		return false
	}
	h := k.quarters(c)
	if h.Empty() || h.Cut(k.from.UnixNano()) {
		return true
	}
	found := false
	h.Runs(k.from.UnixNano(), k.to.UnixNano(), func(*quarter.Run) { found = true })
	return found
}

// told counts a class from one instant on, where quarter hours are not kept.
func told(c *demarcv1.JudgedConnection, class string, from time.Time, decoded bool) count {
	d := c.GetConnection()
	total := few(d.GetOperations()[class])
	last := c.GetOperationsLast()[class]
	recent := total > 0 && (last == nil || !last.AsTime().Before(from))
	n := count{Unknown: !decoded}
	if recent {
		n = count{Low: total, High: total}
		if first := d.GetFirstSeen(); first == nil || first.AsTime().Before(from) {
			n.Low = 1 // how many of them are older is not kept
		}
		if !decoded {
			n.High = many
		}
	}
	return n
}

// decoded reports whether everything that c exchanged could be read: both
// sides were seen, its protocol is known from its bytes and tells its
// operations, and nothing hides it.
func (k *judge) decoded(c *demarcv1.JudgedConnection) bool {
	d := c.GetConnection()
	if d.GetOutcome() != "exchanged" || !identified(d) || d.GetGrade() == "behaviour" || d.GetClientPackets() == 0 || d.GetServerPackets() == 0 {
		return false
	}
	if d.GetSecurity() == "sign-and-encrypt" || d.GetSecurityFacts().GetTls() != "" {
		return false
	}
	return !k.undecoded(c) && (len(d.GetOperations()) > 0 || silent[d.GetProtocol()])
}

// undecoded reports whether more of c's segment was not decoded than may be
// lost.
func (k *judge) undecoded(c *demarcv1.JudgedConnection) bool {
	most := k.maxLoss()
	for i := range k.sights {
		for j := range k.sights[i].Segments {
			s := &k.sights[i].Segments[j]
			if s.Site == c.GetSite() && s.Segment == c.GetConnection().GetSegment() && float64(s.Undecoded) > most*float64(max(s.Packets, 1)) {
				return true
			}
		}
	}
	return false
}

// silent protocols carry no operation on a device.
var silent = map[string]bool{
	"arp": true, "icmp": true, "icmpv6": true, "dns": true, "mdns": true, "llmnr": true, "nbns": true, "ntp": true, "ptp": true,
	"lldp": true, "cdp": true, "stp": true, "dhcp": true, "syslog": true, "igmp": true,
}

// changing classes alter what a device does.
var changing = []ot.Operation{ot.Write, ot.Control, ot.Program, ot.Firmware, ot.Configure}
