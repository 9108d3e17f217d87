package dissect

import (
	"bytes"
	"encoding/binary"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "s7comm",
		Over:     []string{"cotp"},
		Tier:     1,
		Match:    matchS7,
		New:      func() Dissector { return &s7comm{} },
		OT:       true,
		Reads:    "module and component identification (SZL), operations, who asks",
		Standard: "no public one; Wireshark wiki S7comm, G. Miru: The Siemens S7 Communication, snap7 and libnodave documentation; SZL: Siemens, System Software for S7-300/400, System and Standard Functions, ch. System Status Lists",
	})
}

// s7comm reads the S7 protocol that S7-300/400 (and 1200/1500 for PUT/GET)
// speak over ISO transport. Its vendor publishes no text; field names follow
// the Wireshark wiki and G. Miru's "The Siemens S7 Communication".
//
//	 0     1       2   3      4   5      6   7      8   9     10    11
//	+-----+-------+----------+----------+----------+----------+-----+-----+
//	| 32h |ROSCTR |redundancy|  PDU     | parameter|   data   |error|error|
//	|     |       |   0      |reference |  length  |  length  |class|code |
//	+-----+-------+----------+----------+----------+----------+-----+-----+
//	ROSCTR 1 job, 2 ack, 3 ack with data (10 and 11 with these two only), 7 userdata
//
// S7comm-plus begins with 72h and is another protocol.
type s7comm struct {
	claimed  bool
	requests bool // a request was seen: answers then count nothing of their own
	secured  bool // the connection's security was told
	steady   bool // all three: poll may look first
	nextSZL  uint8
	text     scratch
	szl      [4]szlList
}

// ROSCTR, Miru part 1.
const (
	s7Job      = 1
	s7Ack      = 2
	s7AckData  = 3
	s7Userdata = 7
)

// Function codes of jobs, Miru part 2 and Wireshark wiki.
const (
	s7Setup           = 0xf0
	s7ReadVar         = 0x04
	s7WriteVar        = 0x05
	s7RequestDownload = 0x1a
	s7DownloadBlock   = 0x1b
	s7DownloadEnded   = 0x1c
	s7StartUpload     = 0x1d
	s7Upload          = 0x1e
	s7EndUpload       = 0x1f
	s7PIService       = 0x28
	s7PLCStop         = 0x29
)

// s7PDU is one PDU: its kind and its two parts, cut short where the capture is.
type s7PDU struct {
	rosctr byte
	param  []byte
	data   []byte
	size   int
}

// readS7 reads the header; ok is false for anything else.
func readS7(b []byte) (p s7PDU, ok bool) {
	const job, ack = 10, 12
	if len(b) < job {
		return p, false
	}
	h, rest := (*[job]byte)(b), b[job:]
	np, nd := int(binary.BigEndian.Uint16(h[6:])), int(binary.BigEndian.Uint16(h[8:]))
	p.rosctr, p.size = h[1], job+np+nd
	switch p.rosctr {
	case s7Job, s7Userdata:
	case s7Ack, s7AckData:
		if len(b) < ack {
			return p, false
		}
		rest = b[ack:]
		p.size += ack - job
	default:
		return p, false
	}
	if h[0] != 0x32 || h[2]|h[3] != 0 || p.rosctr != s7Ack && np == 0 { // protocol, redundancy
		return p, false
	}
	np = min(np, len(rest))
	p.param, rest = rest[:np:np], rest[np:]
	nd = min(nd, len(rest))
	p.data = rest[:nd:nd]
	return p, true
}

func matchS7(b []byte) bool {
	p, ok := readS7(b)
	return ok && p.size == len(b)
}

// Dissect implements Dissector.
func (d *s7comm) Dissect(m *Message, out Out) (int, error) {
	if d.poll(m, out) {
		return len(m.Data), nil
	}
	used, err := d.read(m, out)
	d.steady = d.requests && d.claimed && d.secured
	return used, err
}

// poll reads what is asked most once requests were seen, variables, and the
// answer. What it leaves alone read reads; of the rest both say the same.
func (d *s7comm) poll(m *Message, out Out) bool {
	b := m.Data
	if !d.steady || m.Tag != cotpDT || len(b) <= 12 {
		return false
	}
	h := binary.BigEndian.Uint64(b)
	ack, np, nd := int(h>>49&1), int(h&0xffff), int(binary.BigEndian.Uint16(b[8:]))
	param := 10 + 2*ack
	if h>>32&^0x20000 != 0x32<<24|s7Job<<16 || np == 0 || param+np+nd != len(b) || b[param] != s7ReadVar {
		return false
	}
	out.Sender(roleOf(ack == 0))
	out.Operation(ot.Read, 1-ack)
	return true
}

// read reads a PDU of any kind.
func (d *s7comm) read(m *Message, out Out) (int, error) {
	if m.Tag == cotpCR || m.Tag == cotpCC {
		return 0, notMine(d.claimed)
	}
	p, ok := readS7(m.Data)
	if !ok || p.size < len(m.Data) || (p.size > len(m.Data) && !m.Cut) {
		return 0, notMine(d.claimed)
	}
	switch {
	case p.rosctr == s7Userdata:
		d.text.reset()
		d.userdata(p, out)
	case len(p.param) > 0:
		d.job(p, out)
	}
	if p.size > len(m.Data) {
		return 0, ErrShort
	}
	if !d.secured {
		d.secured = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	d.claimed = true
	return p.size, nil
}

// job reads a job or the answer to one.
func (d *s7comm) job(p s7PDU, out Out) {
	request := p.rosctr == s7Job
	class, fromClient, known := s7Function(p.param[0])
	if !known {
		return
	}
	if request == fromClient {
		out.Sender(Client)
	} else {
		out.Sender(Server)
	}
	if class < 0 || !d.counts(request) {
		return
	}
	if request && p.param[0] == s7PIService {
		if class = piClass(p.param); class < 0 {
			return
		}
	}
	out.Operation(ot.Operation(class), 1)
}

// counts reports whether a message is counted as an operation: a request is,
// an answer only while the mirror has shown no request.
func (d *s7comm) counts(request bool) bool {
	d.requests = d.requests || request
	return request || !d.requests
}

// s7Function tells the class of a job, -1 for none, and whether the client
// asks for it. In a download the controller asks: once the client has
// requested it, the controller fetches block after block (Miru part 2).
func s7Function(code byte) (class int, fromClient, known bool) {
	switch code {
	case s7Setup:
		return -1, true, true
	case s7ReadVar:
		return int(ot.Read), true, true
	case s7WriteVar:
		return int(ot.Write), true, true
	case s7RequestDownload, s7StartUpload, s7Upload, s7EndUpload:
		return int(ot.Program), true, true
	case s7DownloadBlock, s7DownloadEnded:
		return int(ot.Program), false, true
	case s7PIService, s7PLCStop:
		return int(ot.Control), true, true
	}
	return -1, false, false
}

// piClass tells what a program invocation does. Parameter, Miru part 2:
// function, 7 octets, length and argument, length and name. P_PROGRAM starts
// the controller; _INSE, _INS2, _DELE, _GARB and _MODU activate, delete,
// compress and store blocks; _N_F_ handles files of a numeric control. It is -1
// where the capture cut the name.
func piClass(param []byte) int {
	c := wire.New(param)
	c.Skip(8)
	c.Skip(int(c.U16()))
	name := c.Bytes(int(c.U8()))
	switch {
	case !c.OK():
		return -1
	case bytes.HasPrefix(name, []byte("_N_F_")):
		return int(ot.Transfer)
	case bytes.HasPrefix(name, []byte("_N_")), !bytes.HasPrefix(name, []byte("_")):
		return int(ot.Control)
	}
	return int(ot.Program)
}

// s7Slot is the rack and slot that a called TSAP names, when pdu is the
// request to set up S7 communication: the first octet is the kind of
// connection (1 programmer, 2 operator panel, 3 other), the second has the
// rack in three bits and the slot in five (snap7 documentation, "TSAP").
func s7Slot(tsap [2]byte, pdu []byte) (rack, slot uint64, ok bool) {
	p, ok := readS7(pdu)
	if !ok || p.rosctr != s7Job || len(p.param) == 0 || p.param[0] != s7Setup || tsap[0] < 1 || tsap[0] > 3 {
		return 0, 0, false
	}
	return uint64(tsap[1] >> 5), uint64(tsap[1] & 31), true
}
