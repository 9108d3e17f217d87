package capture

import (
	"fmt"

	"demarc/internal/wire"
)

// ngDrops is what a file says about frames that its writer lost on one
// interface: at packets, and in statistics as totals. Both tell of the same
// frames, so the larger counts.
type ngDrops struct{ packets, stated uint64 }

// enhanced reads an Enhanced Packet Block (section 4.3): interface, time in
// two halves, captured and original length, data, options.
func (s *pcapngSource) enhanced(f *Frame, b []byte) string {
	if len(b) < 20 {
		return "a packet block is too short"
	}
	id := u32(b, s.swap)
	if uint64(id) >= uint64(len(s.local)) {
		return s.noInterface(id)
	}
	i := &s.local[id]
	ticks := uint64(u32(b[4:], s.swap))<<32 | uint64(u32(b[8:], s.swap))
	n, onWire := u32(b[12:], s.swap), length(u32(b[16:], s.swap))
	b = b[20:]
	if uint64(n) > uint64(len(b)) || n > maxSnap {
		return fmt.Sprintf("a packet block says %d bytes of data and has room for %d", n, len(b))
	}
	if after := (int(n) + 3) &^ 3; after < len(b) {
		s.packetDrops(i.index, b[after:])
	}
	s.deliver(f, i, i.clock.nanoseconds(ticks), b[:n:n], onWire)
	return ""
}

// packetDrops reads epb_dropcount: frames lost between this packet and the one before.
func (s *pcapngSource) packetDrops(index int, options []byte) {
	for c := wire.New(options); ; {
		code, v, ok := option(&c, s.swap)
		if !ok {
			return
		}
		if code == 4 && len(v) == 8 {
			s.lost(index, u64(v, s.swap), 0)
		}
	}
}

// obsolete reads a Packet Block (appendix A): interface and drops of 16 bits,
// the rest as in an Enhanced Packet Block.
func (s *pcapngSource) obsolete(f *Frame, b []byte) string {
	if len(b) < 20 {
		return "a packet block is too short"
	}
	id, drops := u16(b, s.swap), u16(b[2:], s.swap)
	if int(id) >= len(s.local) {
		return s.noInterface(uint32(id))
	}
	i := &s.local[id]
	ticks := uint64(u32(b[4:], s.swap))<<32 | uint64(u32(b[8:], s.swap))
	n, onWire := u32(b[12:], s.swap), length(u32(b[16:], s.swap))
	b = b[20:]
	if uint64(n) > uint64(len(b)) || n > maxSnap {
		return fmt.Sprintf("a packet block says %d bytes of data and has room for %d", n, len(b))
	}
	if drops != 0xffff { // not known
		s.lost(i.index, uint64(drops), 0)
	}
	s.deliver(f, i, i.clock.nanoseconds(ticks), b[:n:n], onWire)
	return ""
}

// simple reads a Simple Packet Block (section 4.4): original length and data
// of the section's first interface. It has no time, so the time of the packet
// before stands for it.
func (s *pcapngSource) simple(f *Frame, b []byte) string {
	if len(b) < 4 {
		return "a packet block is too short"
	}
	if len(s.local) == 0 {
		return s.noInterface(0)
	}
	i := &s.local[0]
	onWire := length(u32(b, s.swap))
	b = b[4:]
	n := min(onWire, len(b))
	if i.snap > 0 {
		n = min(n, i.snap)
	}
	if n > maxSnap {
		return fmt.Sprintf("a packet block says %d bytes of data, more than %d", n, maxSnap)
	}
	s.deliver(f, i, s.last, b[:n:n], onWire)
	return ""
}

func (s *pcapngSource) noInterface(id uint32) string {
	return fmt.Sprintf("a packet of interface %d, and the section describes %d", id, len(s.local))
}

func (s *pcapngSource) deliver(f *Frame, i *ngInterface, t int64, data []byte, onWire int) {
	onWire = max(onWire, len(data))
	f.Time, f.Link, f.Interface, f.Length = t, i.link, i.index, onWire
	f.Data, f.TPID, f.TCI = data, 0, 0
	s.last = t
	s.stats.Packets++
	s.stats.Bytes += uint64(onWire)
}

// statistics reads an Interface Statistics Block (section 4.6): what the
// interface (isb_ifdrop) and the operating system (isb_osdrop) lost in all.
func (s *pcapngSource) statistics(b []byte) string {
	if len(b) < 12 {
		return "an interface statistics block is too short"
	}
	id := u32(b, s.swap)
	if uint64(id) >= uint64(len(s.local)) {
		return "" // statistics of an unknown interface harm nothing
	}
	total := uint64(0)
	for c := wire.New(b[12:]); ; {
		code, v, ok := option(&c, s.swap)
		if !ok {
			break
		}
		if (code == 5 || code == 7) && len(v) == 8 {
			total += u64(v, s.swap)
		}
	}
	s.lost(s.local[id].index, 0, total)
	return ""
}

// lost adds to the drops of an interface and keeps the sum in the statistics.
func (s *pcapngSource) lost(index int, packets, stated uint64) {
	d := &s.drops[index]
	before := max(d.packets, d.stated)
	d.packets += packets
	d.stated = max(d.stated, stated)
	s.stats.Drops += max(d.packets, d.stated) - before
}
