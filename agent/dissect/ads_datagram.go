package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// adsDatagram is what routers send to port 48899 to find each other and to add
// routes; little endian:
//
//	 0       4        8         12         18     20      24
//	+-------+--------+---------+----------+------+-------+-----------------------
//	| magic | invoke | service | sender's | port | count | tags: id 16, length 16,
//	|       | id     |         | net id   |      |       | value ...
//	+-------+--------+---------+----------+------+-------+-----------------------
//	service: bit 31 response
type adsDatagram struct {
	service  uint32
	answered bool
	netID    []byte
	count    uint32
	tags     wire.Cursor
}

const (
	adsMagic    = 0x71146603
	adsAnswered = 1 << 31
	adsIdentify = 1
	adsAddRoute = 6
	maxADSTags  = 32
)

// Tags of a datagram.
const (
	adsTagVersion  = 3
	adsTagOS       = 4
	adsTagHostName = 5
)

func readADSDatagram(b []byte) (d adsDatagram, ok bool) {
	c := wire.New(b)
	magic := c.U32LE()
	c.Skip(4)
	service := c.U32LE()
	d.netID = c.Bytes(6)
	c.Skip(2)
	d.count = c.U32LE()
	d.tags = c
	d.service, d.answered = service&^adsAnswered, service&adsAnswered != 0
	return d, c.OK() && magic == adsMagic && d.count <= maxADSTags
}

func (d *adsDatagram) known() bool { return d.service >= adsIdentify && d.service <= 16 }

// datagram reads one of them. A request asks who is there, or changes the
// table of routes.
func (d *ads) datagram(m *Message, out Out) (int, error) {
	g, ok := readADSDatagram(m.Data)
	if !ok || !g.known() {
		return 0, notMine(d.claimed)
	}
	out.Sender(roleOf(!g.answered))
	d.netID(g.netID, "ads.datagram.net_id", out)
	if d.sides.counts(m, !g.answered) {
		class := ot.Configure
		if g.service == adsIdentify {
			class = ot.Diagnose
		}
		out.Operation(class, 1)
	}
	if g.answered && g.service == adsIdentify {
		d.tags(&g, out)
	}
	if m.Cut {
		return 0, ErrShort
	}
	d.claim(out)
	return len(m.Data), nil
}

// tags reads what an answer says of its computer.
func (d *ads) tags(g *adsDatagram, out Out) {
	for range g.count {
		id, size := g.tags.U16LE(), int(g.tags.U16LE())
		v := g.tags.Sub(size)
		if !v.OK() {
			return
		}
		switch id {
		case adsTagHostName:
			if name := trim(v.Rest()); len(name) > 0 && printable(name) {
				out.Fact(Sender, ot.Name, name, "ads.datagram.host_name", ot.Identity)
			}
		case adsTagVersion:
			major, minor, build := v.U8(), v.U8(), v.U16LE()
			if v.OK() {
				out.Fact(Sender, adsTwinCAT, d.version(major, minor, build), "ads.datagram.version", ot.Identity)
			}
		case adsTagOS:
			d.system(&v, out)
		}
	}
}

// Platforms of the OSVERSIONINFO structure.
const (
	adsWindowsNT = 2
	adsWindowsCE = 3
)

// system reads OSVERSIONINFO: its size, major, minor, build, platform.
func (d *ads) system(v *wire.Cursor, out Out) {
	v.Skip(4)
	major, minor, build, platform := v.U32LE(), v.U32LE(), v.U32LE(), v.U32LE()
	if !v.OK() || platform != adsWindowsNT && platform != adsWindowsCE {
		return
	}
	at := d.text.mark()
	d.text.adds("Windows ")
	if platform == adsWindowsCE {
		d.text.adds("CE ")
	} else {
		d.text.adds("NT ")
	}
	d.text.uint(uint64(major))
	d.text.byte('.')
	d.text.uint(uint64(minor))
	d.text.byte('.')
	d.text.uint(uint64(build))
	out.Fact(Sender, ot.OS, d.text.since(at), "ads.datagram.os_version", ot.Identity)
}
