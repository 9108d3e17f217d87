package dissect

import (
	"demarc/internal/ot"
)

func init() {
	register(Protocol{
		Name:  "melsec",
		Over:  []string{"tcp", "udp"},
		Tier:  1,
		Ports: append(TCP(5007, 5562), UDP(5006, melsoftSearchPort)...),
		Match: matchMELSEC,
		New:   func() Dissector { return &melsec{} },
		OT:    true,
		Reads: "model of the CPU, operations",
		Standard: "Mitsubishi Electric SH-080956 (SLMP Reference Manual), SH-080008 (MELSEC Communication Protocol); MELSOFT connection: no public text, " +
			"melsecq-discover.nse and public captures",
	})
}

// melsec reads the ways in which MELSEC controllers are asked: SLMP, which is
// the MC protocol's frames 3E and 4E, binary or in ASCII (melsec_slmp.go); the
// old frame 1E, known by its requests alone (melsec_1e.go); and what the engineering tools say
// (melsec_melsoft.go). A device keeps to one of them a connection.
type melsec struct {
	sides   sides
	claimed bool
	asked   uint16 // command of the last SLMP request
	old     melsec1E
	text    scratch
}

// melsecFrame is one message, whatever its form.
type melsecFrame struct {
	size     int // 0 while its head has not come
	response bool
	command  uint16 // 0: the form does not repeat it in a response
	class    int    // of operation; -1 none
	end      uint16 // end code of a response
	data     []byte // behind the command or end code, binary or ASCII
	ascii    bool
	named    bool // a response that is known to have a model's name at the front of data
	framed   bool // the head alone is a signature
}

// readMELSEC reads the head of a message; a beginning of one, for which nothing
// speaks against it, is ok and has no size.
func readMELSEC(b []byte) (f melsecFrame, ok bool) {
	if len(b) == 0 {
		return f, false
	}
	switch b[0] {
	case slmpAsk3, slmpAsk4, slmpTell3, slmpTell4, '5', 'D':
		if f, ok = readSLMP(b); ok || b[0] != '5' && b[0] != 'D' {
			return f, ok
		}
		return readSLMPText(b)
	case melsoftAsk, melsoftTell:
		return readMELSOFT(b)
	}
	return f, false
}

// matchMELSEC claims whole messages with a command that is known; one of the
// old frame by its device.
func matchMELSEC(b []byte) bool {
	if _, ok := read1EAsk(b); ok {
		return true
	}
	f, ok := readMELSEC(b)
	return ok && f.size > 0 && f.size == len(b) && f.sane()
}

// sane reports a message that is what its lengths and codes say.
func (f *melsecFrame) sane() bool {
	switch {
	case f.framed:
		return true
	case !f.response:
		return f.class >= 0
	}
	return f.end == 0 || f.end >= slmpErrors
}

func (d *melsec) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	d.text.reset()
	if d.old.mine(m, d.claimed) {
		return d.frame1E(m, out)
	}
	if !m.Stream && melsoftSearch(m) {
		d.claim(out)
		out.Sender(roleOf(len(m.Data) == melsoftSearchAsk))
		if len(m.Data) == melsoftSearchAsk {
			out.Operation(ot.Diagnose, 1)
		}
		return len(m.Data), nil
	}
	f, ok := readMELSEC(m.Data)
	switch {
	case !ok, f.size > 0 && !d.claimed && !f.sane(), !m.Stream && f.size != len(m.Data) && !m.Cut:
		return 0, notMine(d.claimed)
	case f.size == 0 || f.size > len(m.Data) && !m.Cut:
		return 0, ErrShort
	}
	d.learn(m, &f, out)
	if f.size > len(m.Data) {
		return 0, ErrShort
	}
	d.claim(out)
	return f.size, nil
}

// claim tells once what holds for the whole conversation.
func (d *melsec) claim(out Out) {
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
}

// learn tells what one message says. An on-demand message has the form of a
// request and comes from the controller (SH-080956 section 5.9).
func (d *melsec) learn(m *Message, f *melsecFrame, out Out) {
	request := !f.response
	out.Sender(roleOf(request != (f.command == slmpOnDemand)))
	if d.sides.counts(m, request) && f.class >= 0 {
		out.Operation(ot.Operation(f.class), 1)
	}
	if request {
		d.asked = f.command
		return
	}
	if f.named || f.end == 0 && (d.asked == slmpTypeName || d.asked == 0) {
		melsecModel(f, d.asked == slmpTypeName || f.named, out)
	}
}

var melsecVendor = []byte("Mitsubishi Electric")

// melsecNameLen is the width of a model's name, SH-080956 section 5.8.
const melsecNameLen = 16

// melsecModel tells the name in the answer to Read Type Name: 16 characters and
// a code. Where the request was not seen, the answer's shape must say it.
func melsecModel(f *melsecFrame, asked bool, out Out) {
	code := 2
	if f.ascii {
		code = 4
	}
	if len(f.data) < melsecNameLen || !f.named && len(f.data) != melsecNameLen+code {
		return
	}
	name := trim(f.data[:melsecNameLen])
	if len(name) < 3 || !printable(name) || !asked && (name[0] < 'A' || name[0] > 'Z') {
		return
	}
	out.Fact(Sender, ot.Vendor, melsecVendor, "melsec.type_name", ot.Behaviour)
	out.Fact(Sender, ot.Model, name, "melsec.type_name.model", ot.Identity)
}

// Resync finds the next message of a stream behind a gap.
func (d *melsec) Resync(b []byte) int {
	for i := range b {
		f, ok := readMELSEC(b[i:])
		if ok && f.size > 0 && f.size <= len(b)-i && f.sane() {
			return i
		}
	}
	return -1
}
