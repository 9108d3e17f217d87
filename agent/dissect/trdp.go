package dissect

import (
	"hash/crc32"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "trdp",
		Over:     []string{"udp", "tcp"},
		Tier:     3,
		Ports:    append(UDP(17224, 17225), TCP(17225)...),
		Match:    matchTRDP,
		New:      func() Dissector { return &trdp{} },
		OT:       true,
		Reads:    "process data and messages of trains: names of their ends, requests and notifications",
		Standard: "IEC 61375-2-3:2015 annex A",
	})
}

// Attributes of the ends of messages.
const (
	trdpURI ot.Attribute = "trdp.uri"
)

// trdp reads both kinds of packets, numbers big endian:
//
//	process data: sequence 32, version 16, type 16, ComId 32, topologies 32 32,
//	              length 32, 32, reply ComId 32, reply address 32, check 32
//	message:      sequence 32, version 16, type 16, ComId 32, topologies 32 32,
//	              length 32, status 32, session 128, timeout 32, source 256,
//	              destination 256, check 32
//
// The check is the CRC of IEEE 802.3 over the header, least octet first, and
// with the version proof enough.
type trdp struct {
	told bool
	text scratch
}

const (
	trdpProcess    = 40
	trdpMessage    = 116
	trdpVersion    = 1
	trdpMaxProcess = 1432
	trdpMaxMessage = 65388
)

// trdpHeader is what is kept of a header.
type trdpHeader struct {
	kind        [2]byte
	comID       uint32
	size        int // of header and data, 0 while the header is not whole
	source, dst []byte
}

// trdpKind is the length of the header of a type, 0 when there is none.
func trdpKind(b []byte) int {
	switch string(b) {
	case "Pd", "Pr", "Pp", "Pe":
		return trdpProcess
	case "Mn", "Mr", "Mp", "Mq", "Mc", "Me":
		return trdpMessage
	}
	return 0
}

// readTRDP reads a header; ok is false where b cannot be the beginning of one.
func readTRDP(b []byte) (h trdpHeader, ok bool) {
	c := wire.New(b)
	c.Skip(4)
	if v := c.Peek(1); v != nil && v[0] != trdpVersion {
		return h, false
	}
	c.Skip(2)
	kind := c.Bytes(2)
	if kind == nil {
		return h, true
	}
	copy(h.kind[:], kind)
	head := trdpKind(kind)
	if head == 0 {
		return h, false
	}
	h.comID = c.U32()
	c.Skip(8)
	n := int(c.U32())
	if head == trdpMessage {
		c.Skip(4 + 16 + 4)
		h.source, h.dst = c.Bytes(32), c.Bytes(32)
	} else {
		c.Skip(12)
	}
	check := c.U32LE()
	if !c.OK() {
		return h, len(b) < head
	}
	all := wire.New(b)
	if check != crc32.ChecksumIEEE(all.Bytes(head-4)) || head == trdpProcess && n > trdpMaxProcess || n > trdpMaxMessage {
		return h, false
	}
	h.size = head + (n+3)&^3
	return h, true
}

func matchTRDP(b []byte) bool {
	h, ok := readTRDP(b)
	return ok && h.size > 0
}

func (d *trdp) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	h, ok := readTRDP(m.Data)
	switch {
	case !ok, h.size == 0 && !m.Stream && !m.Cut:
		return 0, notMine(d.told)
	case h.size == 0:
		return 0, ErrShort
	}
	if !d.told && !m.Trial {
		d.told = true
	}
	d.learn(&h, m, out)
	if !m.Stream {
		return len(m.Data), nil
	}
	return h.size, nil
}

func (d *trdp) learn(h *trdpHeader, m *Message, out Out) {
	switch string(h.kind[:]) {
	case "Pr": // asks for process data
		out.Sender(Client)
		out.Operation(ot.Read, 1)
	case "Pp":
		if !toGroup(m) {
			out.Sender(Server)
		}
	case "Mn", "Mr":
		out.Sender(Client)
		out.Operation(ot.Write, 1)
	case "Mc":
		out.Sender(Client)
	case "Mp", "Mq", "Me":
		out.Sender(Server)
	}
	d.uri(Sender, h.source, "trdp.message.source_uri", out)
	if !toGroup(m) {
		d.uri(Receiver, h.dst, "trdp.message.destination_uri", out)
	}
}

// uri tells the user part of a name, "instance.function", which says what an
// end does; the rest of the name is its address.
func (d *trdp) uri(of Subject, v []byte, source string, out Out) {
	if v = trim(v); len(v) > 1 && printable(v) {
		out.Fact(of, trdpURI, v, source, ot.Content)
	}
}

// Resync finds the next header behind a gap.
func (d *trdp) Resync(b []byte) int {
	for i := 0; i+trdpProcess <= len(b); i++ {
		c := wire.New(b)
		c.Skip(i)
		if matchTRDP(c.Rest()) {
			return i
		}
	}
	return -1
}
