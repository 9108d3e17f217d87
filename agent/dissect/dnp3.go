package dissect

import (
	"encoding/binary"
	"errors"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "dnp3",
		Tier:     1,
		Over:     []string{"tcp", "udp"},
		Ports:    append(TCP(dnp3Port), UDP(dnp3Port)...),
		Match:    matchDNP3,
		New:      func() Dissector { return &dnp3{} },
		OT:       true,
		Reads:    "addresses, device attributes, operations, stations behind gateways",
		Standard: "IEEE 1815-2012",
	})
}

// dnp3Port is registered with IANA (IEEE 1815 13.2.3).
const dnp3Port = 20000

// The link frame, IEEE 1815 9.2.4, little endian. LEN counts what follows it
// without any CRC; user data comes in blocks of 16 octets, each with its own:
//
//	 0    1    2     3      4     6     8     10
//	+----+----+-----+------+-----+-----+-----+----------------+-----+--
//	| 05 | 64 | LEN | CTRL | dst | src | CRC | 1..16 octets   | CRC | ...
//	|    |    |5..  |      |     |     |     |                |     |
//	+----+----+-----+------+-----+-----+-----+----------------+-----+--
//	CTRL: DIR (from the master) 80h, PRM 40h, FCB 20h, FCV 10h, function
//
// User data is a transport segment (8.2), a fragment in pieces; the fragment
// of an application begins with (4.2.2):
//
//	+----------------------+--------------------+----------+-------------+------
//	| FIN 80 FIR 40 seq 3F | FIR FIN CON UNS seq| function | IIN 2, only |objects
//	| transport            | application control|          | a response  |
//	+----------------------+--------------------+----------+-------------+------
const (
	dnp3Head    = 10
	dnp3Block   = 16
	dnp3MinLEN  = 5
	dnp3MaxData = 250

	dnp3FromMaster = 0x80
	dnp3FIR        = 0x40 // of a transport segment
	dnp3FIN        = 0x80

	dnp3FirstReserved = 0xfff0 // addresses from here on are nobody's own, 9.2.4.1.3
)

// dnp3 reads one conversation. Several outstations may answer behind one
// address: then each is a part of it.
type dnp3 struct {
	claimed  bool
	asked    bool // a request was seen: responses then count nothing of their own
	stations dnp3Stations
	recent   recent
	fragment dnp3Fragment
	text     scratch
	data     [dnp3MaxData]byte // user data of the frame at hand
}

// dnp3Frame is the header of a link frame.
type dnp3Frame struct {
	control  byte
	dst, src uint16
	data     int // octets of user data
	size     int // of the frame with its CRCs
}

// readDNP3 reads the header at the front of b. A header whose CRC is wrong is
// not this protocol.
func readDNP3(b []byte) (f dnp3Frame, err error) {
	if (len(b) > 0 && b[0] != 0x05) || (len(b) > 1 && b[1] != 0x64) || (len(b) > 2 && b[2] < dnp3MinLEN) {
		return f, ErrNotMine
	}
	if len(b) < dnp3Head {
		return f, ErrShort
	}
	h := (*[dnp3Head]byte)(b)
	le := binary.LittleEndian
	if le.Uint16(h[8:]) != dnp3CRC(h[:8]) {
		return f, ErrNotMine
	}
	f.data = int(h[2]) - dnp3MinLEN
	f.control, f.dst, f.src = h[3], le.Uint16(h[4:]), le.Uint16(h[6:])
	f.size = dnp3Head + f.data + 2*((f.data+dnp3Block-1)/dnp3Block)
	return f, nil
}

func matchDNP3(b []byte) bool {
	_, err := readDNP3(b)
	return !errors.Is(err, ErrNotMine) // the header may come in pieces
}

// dnp3Table is the CRC of 9.2.4.3, x16+x13+x12+x11+x10+x8+x6+x5+x2+1, lowest
// bit first: of an octet, and of one with up to three octets of zero behind it.
var dnp3Table = func() (t [4][256]uint16) {
	for i := range t[0] {
		crc := uint16(i)
		for range 8 {
			crc = crc>>1 ^ 0xa6bc*(crc&1)
		}
		t[0][i] = crc
	}
	for n := 1; n < len(t); n++ {
		for i, crc := range t[n-1] {
			t[n][i] = crc>>8 ^ t[0][byte(crc)]
		}
	}
	return t
}()

func dnp3CRC(b []byte) uint16 {
	crc, t := uint16(0), &dnp3Table
	for ; len(b) >= 4; b = b[4:] {
		crc = t[3][b[0]^byte(crc)] ^ t[2][b[1]^byte(crc>>8)] ^ t[1][b[2]] ^ t[0][b[3]]
	}
	for _, x := range b {
		crc = crc>>8 ^ t[0][byte(crc)^x]
	}
	return ^crc
}

// Dissect implements Dissector: one link frame.
func (d *dnp3) Dissect(m *Message, out Out) (int, error) {
	f, err := readDNP3(m.Data)
	if err == nil && f.size > len(m.Data) && !m.Cut {
		err = ErrShort
	}
	if err != nil {
		if errors.Is(err, ErrShort) && (m.Stream || m.Cut) {
			return 0, ErrShort
		}
		return 0, notMine(d.claimed)
	}
	if !m.Trial {
		d.learn(m, f, out)
		d.claimed = d.claimed || f.size <= len(m.Data)
	}
	if f.size > len(m.Data) {
		return 0, ErrShort
	}
	return f.size, nil
}

// learn tells what one frame says.
func (d *dnp3) learn(m *Message, f dnp3Frame, out Out) {
	d.text.reset()
	blocks := m.Data[dnp3Head:]
	segment := dnp3First(blocks, f.data)
	master := f.control&dnp3FromMaster != 0
	a, ok := readDNP3App(segment)
	if ok && a.function != dnp3Confirm {
		master = !a.response // stations that set DIR wrongly do exist
	}
	out.Sender(roleOf(master))
	of := Sender
	if !master {
		of = d.stations.subject(f.src)
	}
	d.address(m, f.src, master, of, out)
	if ok {
		d.count(a, out)
	}
	if !master && len(segment) > 0 && (d.fragment.open || ok && a.attributes()) {
		d.collect(f.src, d.unblock(blocks, f.data), a, ok, of, out)
	}
}

// dnp3First is the first block of n octets of user data, in which the heads of
// transport and application are; nothing when the CRC of any block that is there
// is wrong: a station throws such a frame away.
func dnp3First(b []byte, n int) []byte {
	first := b[:min(dnp3Block, n, len(b))]
	for n > 0 {
		k := min(dnp3Block, n)
		if len(b) < k+2 { // the capture cut off its CRC
			break
		}
		if binary.LittleEndian.Uint16(b[k:]) != dnp3CRC(b[:k]) {
			return nil
		}
		n, b = n-k, b[k+2:]
	}
	return first
}

// unblock copies user data without its CRCs. A block that the capture cut counts
// as far as it goes.
func (d *dnp3) unblock(b []byte, n int) []byte {
	c := wire.New(b)
	at := 0
	for at < n && c.Len() > 0 {
		block := c.Bytes(min(dnp3Block, n-at, c.Len()))
		c.Skip(min(2, c.Len()))
		at += copy(d.data[at:], block)
	}
	return d.data[:at]
}

// address tells a station's own address, and with it the part that it is.
func (d *dnp3) address(m *Message, src uint16, master bool, of Subject, out Out) {
	key := uint64(src) << 2
	if master {
		key |= 1
	}
	if of.Path != "" {
		key |= 2
	}
	if src >= dnp3FirstReserved || !d.recent.fresh(m.Time, key) {
		return
	}
	out.Security(ot.Security{Mode: ot.SecurityNone})
	number := d.text.uint(uint64(src))
	out.Fact(Sender, "dnp3.address", number, "dnp3.link.source", ot.Content)
	if of.Path != "" {
		out.Fact(of, "dnp3.address", number, "dnp3.link.source", ot.Content)
	}
}

// dnp3Stations are the outstations that answered from one end.
type dnp3Stations struct {
	first     uint16
	any, many bool
	parts     numberedParts
}

// subject is the asset that an outstation is: the sender while it is the only
// one there, a part of it once several have answered.
func (s *dnp3Stations) subject(address uint16) Subject {
	switch {
	case address >= dnp3FirstReserved:
		return Sender
	case !s.any:
		s.any, s.first = true, address
	case s.first != address:
		s.many = true
	}
	if !s.many {
		return Sender
	}
	return Part(Sender, s.parts.path("outstation/", uint32(address)))
}

// Resync implements Resyncer: the next header whose CRC is right.
func (d *dnp3) Resync(b []byte) int {
	for i := 0; i+dnp3Head <= len(b); i++ {
		if b[i] == 0x05 && b[i+1] == 0x64 {
			if _, err := readDNP3(b[i:]); err == nil {
				return i
			}
		}
	}
	return -1
}
