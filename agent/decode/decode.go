package decode

import (
	"demarc/agent/capture"
	"demarc/internal/wire"
)

// maxLayers ends the walk of a frame that nests headers without end.
const maxLayers = 24

// Options of a Decoder. The zero value is usable.
type Options struct {
	Datagrams int // datagrams under reassembly at a time; 0 is 128, each of at most 64 KiB
}

// Stats counts what a Decoder could not read and what it put together.
type Stats struct {
	Cut         uint64 // frames whose headers the capture cut
	Malformed   uint64
	Unsupported uint64
	Fragments   FragmentStats
}

// Decoder turns frames into packets. It keeps the fragments of datagrams and
// nothing else, and belongs to one goroutine.
type Decoder struct {
	stats     Stats
	fragments reassembly
	outer     [maxTunnels]Packet // of the frame at hand
	npdu      [len(llcBACnet) + maxNPDU]byte
}

// New returns a Decoder.
func New(o Options) *Decoder {
	d := &Decoder{}
	d.fragments.init(o.Datagrams)
	return d
}

// Stats returns the counts since New.
func (d *Decoder) Stats() Stats {
	s := d.stats
	s.Fragments = d.fragments.stats
	return s
}

// Expire gives up datagrams that miss fragments for longer than a host would
// wait, at packet time now (Unix nanoseconds). Decode does so whenever a
// fragment comes; a caller needs it in silence only.
func (d *Decoder) Expire(now int64) { d.fragments.expire(now) }

// Decode reads f and fills p, all of it. What could not be read is left zero
// and p.Fault says why; p is never of use behind the next call with the same
// Decoder or source. Checksums are not verified: frames that the capturing
// host sends itself have none yet, and a receiver drops the wrong ones anyway.
func (d *Decoder) Decode(f *capture.Frame, p *Packet) {
	if Plain(f, p) {
		return
	}
	*p = Packet{Time: f.Time, Interface: f.Interface, Length: f.Length, Frames: 1}
	if f.TPID != 0 {
		p.tag(f.TCI)
	}
	d.walk(f, p)
}

// walk reads header after header until one has nothing behind it, and counts
// what went wrong.
func (d *Decoder) walk(f *capture.Frame, p *Packet) {
	c := reader{Cursor: wire.New(f.Data), missing: f.Missing()}
	l := first(f.Link)
	for n := 0; l != done; n++ {
		if n == maxLayers {
			p.Fault = Malformed
			break
		}
		l = d.read(l, &c, p)
	}
	if p.Fault == NoFault && !c.OK() {
		p.Fault = c.short()
	}
	switch p.Fault {
	case Cut:
		d.stats.Cut++
	case Malformed:
		d.stats.Malformed++
	case Unsupported:
		d.stats.Unsupported++
	}
}

// read reads one header and returns the layer behind it.
func (d *Decoder) read(l layer, c *reader, p *Packet) layer {
	switch l {
	case ethernet:
		return readEthernet(c, p)
	case etherType:
		return d.readEtherType(c, p)
	case llc:
		return readLLC(c, p)
	case cooked1:
		return readCooked1(c, p)
	case cooked2:
		return readCooked2(c, p)
	case family:
		return readFamily(c, p)
	case ppp:
		return readPPP(c, p)
	case pppoe:
		return readPPPoE(c, p)
	case mpls:
		return d.readMPLS(c, p)
	case anyIP:
		return readVersion(c, p)
	case ipv4:
		return d.readIPv4(c, p)
	case ipv6:
		return d.readIPv6(c, p)
	case transport:
		return d.readTransport(c, p)
	}
	return d.readOdd(l, c, p)
}

// readOdd reads what captures from plants hold now and then.
func (d *Decoder) readOdd(l layer, c *reader, p *Packet) layer {
	switch l {
	case ppi:
		return readPPI(c, p)
	case nflog:
		return readNFLOG(c, p)
	case netANALYZER:
		return readNetANALYZER(c, false)
	case netANALYZERRaw:
		return readNetANALYZER(c, true)
	case ciscoHDLC:
		return readCiscoHDLC(c, p)
	case frameRelay:
		return readFrameRelay(c, p)
	case radiotap:
		return readRadiotap(c, p)
	case wlan:
		return readWLAN(c, p)
	case mstp:
		return d.readMSTP(c, p)
	case arcnetBSD:
		return readARCNET(c, p, 0)
	case arcnetLinux:
		return readARCNET(c, p, 2)
	}
	p.Fault = Unsupported
	return done
}
