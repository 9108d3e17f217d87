package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "sel-fast",
		Over:     []string{"tcp", "udp"},
		Tier:     2,
		Match:    matchSEL,
		New:      func() Dissector { return &selFast{} },
		OT:       true,
		Reads:    "who reads and who operates a relay, operations",
		Standard: "Schweitzer Engineering Laboratories AG95-10 (Fast Meter, Fast Operate) and AN2002-14 (Fast Message); from the text alone",
	})
}

// selFast reads the binary protocols of SEL's relays, which share a line with
// their ASCII commands:
//
//	request:       A5 type
//	Fast Meter:    A5 type length ... checksum 1, the sum of all before it
//	Fast Operate:  A5 type length operand, the operand times four plus one, checksum
//	Fast Message:  A5 46 length routing 5 (zero) status 1 function 1 sequence 1 ... check 2
//
// The length is that of the whole. A request is two octets, so that one alone
// claims nothing: an answer must come, or another message behind it.
type selFast struct{ claimed bool }

const (
	selMark     = 0xa5
	selMessage  = 0x46
	selLeast    = 5
	selOperates = 0xe0 // and above: Fast Operate
	selRouting  = 5
)

// What a type is.
const (
	selNoType  = iota
	selDefines // how it is made: relay definition, meter configuration
	selMeters
	selClears
	selControl
	selFastMessage
)

var selTypes = [256]uint8{
	0xc0: selDefines, 0xc1: selDefines, 0xc2: selDefines, 0xc3: selDefines,
	0xcd: selDefines, 0xce: selDefines, 0xcf: selDefines,
	0xd1: selMeters, 0xd2: selMeters, 0xd3: selMeters,
	0xb9: selClears,
	0xe0: selControl, 0xe3: selControl, 0xe5: selControl, 0xe6: selControl, 0xe7: selControl,
	0xe8: selControl, 0xe9: selControl, 0xed: selControl,
	selMessage: selFastMessage,
}

type selFrame struct {
	size     int
	is       uint8
	request  bool // two octets
	function uint8
}

// readSEL reads one message from a side: ErrShort when it may go on. Only a
// client asks, and an answer begins as the request did.
func readSEL(b []byte, from Direction) (f selFrame, err error) {
	c := wire.New(b)
	if c.U8() != selMark && c.OK() {
		return f, ErrNotMine
	}
	kind := c.U8()
	if !c.OK() {
		return f, ErrShort
	}
	f.is = selTypes[kind]
	switch next := c.Peek(1); {
	case f.is == selNoType:
		return f, ErrNotMine
	case kind < selOperates && kind != selMessage && from != FromServer && (next == nil && from == FromClient || next != nil && next[0] == selMark):
		f.size, f.request = 2, true // what follows is a length, unless it is another message
		return f, nil
	}
	n := int(c.U8())
	if c.OK() && n < selLeast {
		return f, ErrNotMine
	}
	body := c.Bytes(n - 3)
	if !c.OK() {
		return f, ErrShort
	}
	f.size = n
	return f, f.check(b[:n:n], body)
}

// check holds a message of whole length to what its type promises.
func (f *selFrame) check(all, body []byte) error {
	c := wire.New(body)
	if f.is == selFastMessage {
		routing, status := c.Bytes(selRouting), c.U8()
		f.function = c.U8()
		if c.Skip(3); !c.OK() || !zero(routing) || status > 1 {
			return ErrNotMine
		}
		return nil
	}
	sum := uint8(0)
	for _, x := range all[:len(all)-1] {
		sum += x
	}
	if sum != all[len(all)-1] {
		return ErrNotMine
	}
	if f.is == selControl {
		if operand := c.U8(); len(all) != 6 || c.U8() != operand*4+1 {
			return ErrNotMine
		}
	}
	return nil
}

// matchSEL claims messages with a checksum, and waits for what may be one.
func matchSEL(b []byte) bool {
	f, err := readSEL(b, Unknown)
	return err == nil && !f.request || len(b) <= 2 && err != ErrNotMine //nolint:errorlint // of its own, never wrapped
}

func (d *selFast) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	f, err := readSEL(m.Data, m.Direction)
	if err == nil && f.request && !d.claimed {
		err = d.alone(m.Data[2:], m.Direction)
	}
	switch {
	case err == ErrShort && (m.Stream || m.Cut): //nolint:errorlint // of its own, never wrapped
		return 0, ErrShort
	case err != nil:
		return 0, notMine(d.claimed)
	}
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	d.tell(&f, out)
	return f.size, nil
}

// alone says whether a request may count by what stands behind it.
func (d *selFast) alone(behind []byte, from Direction) error {
	if len(behind) == 0 {
		return ErrShort
	}
	_, err := readSEL(behind, from)
	return err
}

func (d *selFast) tell(f *selFrame, out Out) {
	switch {
	case f.is == selControl:
		out.Sender(Client)
		out.Operation(ot.Control, 1)
	case f.is == selFastMessage:
		selFunction(f.function, out)
	default:
		out.Sender(roleOf(f.request))
		if f.request {
			out.Operation([...]ot.Operation{selDefines: ot.Diagnose, selMeters: ot.Read, selClears: ot.Control}[f.is], 1)
		}
	}
}

// selFunction tells of Fast Messages, AN2002-14 table 1: bit 7 answers.
func selFunction(function uint8, out Out) {
	const (
		enable, disable = 0x01, 0x02 // messages that are not asked for
		events          = 0x18       // of the sequential events recorder, not asked for
	)
	switch {
	case function&0x80 != 0:
		out.Sender(Server)
	case function == enable, function == disable:
		out.Sender(Client)
		out.Operation(ot.Subscribe, 1)
	case function == events:
		out.Sender(Server)
		out.Operation(ot.Alarm, 1)
	}
}

// Resync finds the next message with a checksum.
func (d *selFast) Resync(b []byte) int {
	for i := range b {
		if b[i] != selMark {
			continue
		}
		if f, err := readSEL(b[i:], Unknown); err == nil && !f.request {
			return i
		}
	}
	return -1
}
