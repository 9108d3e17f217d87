package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:  "ge-srtp",
		Over:  []string{"tcp"},
		Tier:  2,
		Ports: TCP(srtpPort, 18246),
		Match: matchSRTP,
		New:   func() Dissector { return &srtp{} },
		OT:    true,
		Reads: "operations, who asks, state of the controller",
		Standard: "no public one; from the text alone: Denton et al., Leveraging the SRTP protocol for over-the-network memory acquisition of a GE Fanuc " +
			"Series 90-30 (DFRWS 2017); GFK-0582 (SNP service requests)",
	})
}

// srtpPort is the default, Denton et al.
const srtpPort = 18245

// srtpState is what a controller says that it does.
const srtpState ot.Attribute = "ge-srtp.plc_state"

// srtp reads service requests of GE controllers, all numbers little endian
// (Denton et al., table 1):
//
//	 0      2     4        6       30     31     32       36       40   41    42        43
//	+------+-----+--------+-------+------+------+--------+--------+----+-----+---------+------
//	| type | no  | length | ...   | no   | kind | source | dest   | n  | of  | service | ...    56 octets
//	+------+-----+--------+-------+------+------+--------+--------+----+-----+---------+------
//	type 2 ask, 3 answer; length of the text behind the 56 octets
//	kind C0h ask, D4h answer, D1h refusal; 80h ask and 94h answer with text: these have
//	n, of and service from 48 on
//
// A session begins with 56 zeros, to which the controller answers with type 1.
type srtp struct {
	sides   sides
	claimed bool
}

const (
	srtpHead    = 56
	srtpInit    = 0
	srtpReady   = 1
	srtpAsk     = 2
	srtpAnswer  = 3
	srtpMaxText = 16 << 10
)

// Kinds of mailbox message.
const (
	srtpAskText    = 0x80
	srtpAskShort   = 0xc0
	srtpDoneText   = 0x94
	srtpDone       = 0xd4
	srtpRefused    = 0xd1
	srtpStatusNone = 0xffff
)

// srtpMessage is one message.
type srtpMessage struct {
	size    int // 0 while its head has not come
	kind    uint16
	mailbox uint8
	service uint8
	status  uint16 // of an answer: the word behind it; srtpStatusNone without
}

// readSRTP reads a head; a beginning of one, for which nothing speaks against
// it, is ok and has no size.
func readSRTP(b []byte) (m srtpMessage, ok bool) {
	c := wire.New(b)
	m.kind = c.U16LE()
	c.Skip(2)
	text := int(c.U16LE())
	if !c.OK() {
		return m, len(b) > 0 && b[0] <= srtpAnswer && (len(b) < 2 || b[1] == 0)
	}
	if m.kind > srtpAnswer || text > srtpMaxText {
		return m, false
	}
	rest := c.Sub(min(srtpHead-6, c.Len()))
	if rest.Len() < srtpHead-6 {
		return m, true
	}
	m.size = srtpHead + text
	if m.kind < srtpAsk {
		return m, text == 0 && m.begins(b)
	}
	rest.Skip(31 - 6)
	m.mailbox = rest.U8()
	return m, m.body(rest, text)
}

// begins reports a message that opens a session: a request is all zeros, its
// answer nearly so.
func (m *srtpMessage) begins(b []byte) bool {
	set := 0
	c := wire.New(b)
	for range srtpHead {
		if c.U8() != 0 {
			set++
		}
	}
	return m.kind == srtpInit && set == 0 || m.kind == srtpReady && set <= 8
}

// body reads what follows the kind, and whether it fits.
func (m *srtpMessage) body(c wire.Cursor, text int) bool {
	c.Skip(8) // source and destination
	with := m.mailbox == srtpAskText || m.mailbox == srtpDoneText
	if with != (text > 0) && m.mailbox != srtpDone {
		return false
	}
	if with {
		c.Skip(8)
	}
	n, of := c.U8(), c.U8()
	if n == 0 || n > of {
		return false
	}
	m.status = srtpStatusNone
	switch m.mailbox {
	case srtpAskText, srtpAskShort:
		m.service = c.U8()
		return m.kind == srtpAsk
	case srtpDone:
		c.Skip(12)
		m.status = c.U16LE()
	case srtpDoneText:
		c.Skip(4)
		m.status = c.U16LE()
	case srtpRefused:
	default:
		return false
	}
	return m.kind == srtpAnswer
}

func matchSRTP(b []byte) bool {
	m, ok := readSRTP(b)
	return ok && m.size > 0 && m.kind >= srtpAsk
}

func (d *srtp) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	s, ok := readSRTP(m.Data)
	opens := ok && s.size > 0 && s.kind < srtpAsk
	if !ok || opens && !d.claimed && m.Src().Port != srtpPort && m.Dst().Port != srtpPort {
		return 0, notMine(d.claimed)
	}
	if s.size == 0 || len(m.Data) < s.size && !m.Cut {
		return 0, ErrShort
	}
	d.learn(m, &s, out)
	if len(m.Data) < s.size {
		return 0, ErrShort
	}
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	return s.size, nil
}

// learn tells what one message says.
func (d *srtp) learn(m *Message, s *srtpMessage, out Out) {
	request := s.kind == srtpInit || s.kind == srtpAsk
	out.Sender(roleOf(request))
	if s.kind < srtpAsk {
		return
	}
	if request {
		d.sides.counts(m, true)
		if class, ok := srtpClass(s.service); ok {
			out.Operation(class, 1)
		}
		return
	}
	if state := s.status >> 12; s.status != srtpStatusNone && int(state) < len(srtpStates) {
		out.Fact(Sender, srtpState, srtpStates[state], "ge-srtp.piggyback.status", ot.Content)
	}
}

// srtpStates are the upper four bits of the status word, GFK-0582 (PLC status
// word).
var srtpStates = [...][]byte{
	[]byte("run, I/O enabled"), []byte("run, I/O disabled"), []byte("stop, I/O disabled"), []byte("stopped by a fault"),
	[]byte("halted"), []byte("suspended"), []byte("stop, I/O enabled"),
}

// Resync implements Resyncer.
func (d *srtp) Resync(b []byte) int {
	for i := 0; i+srtpHead <= len(b); i++ {
		if matchSRTP(b[i:]) {
			return i
		}
	}
	return -1
}
