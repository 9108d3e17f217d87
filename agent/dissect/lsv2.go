package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "lsv2",
		Over:     []string{"tcp"},
		Tier:     1,
		Ports:    TCP(19000),
		Match:    matchLSV2,
		New:      func() Dissector { return &lsv2{} },
		OT:       true,
		Reads:    "model, NC and PLC software of HEIDENHAIN numerical controls, logins, operations, files",
		Standard: "no public one; " + FromText + ": pyLSV2 (docs/protocol.rst, pyLSV2/const.py), LSV2-TOOLBOX user manual",
	})
}

// Attributes of HEIDENHAIN controls.
const (
	lsv2PLC   ot.Attribute = "lsv2.plc_version"
	lsv2Login ot.Attribute = "lsv2.login"
)

// lsv2 reads telegrams of HEIDENHAIN controls and of who connects to them:
//
//	 0        4         8
//	+--------+---------+------
//	| length | command | data
//	+--------+---------+------
//
// The length counts the data alone. Commands of clients are A_xx, C_xx and
// R_xx, answers S_xx, T_xx and M_xx; S_FL and T_FD come from who sends a file.
type lsv2 struct {
	claimed bool
	text    scratch
}

const (
	lsv2Header = 8
	lsv2Most   = 64 << 10
)

type lsv2Telegram struct {
	size    int // 0 while the header is not whole
	letter  byte
	command string // the two letters behind the underscore
	data    []byte
}

// lsv2Commands are the two letters that go with each first one.
var lsv2Commands = [...]struct {
	letter byte
	known  []string
}{
	{'A', []string{"LG", "LO"}},
	{'C', []string{"CC", "DC", "DD", "DM", "DS", "EK", "FA", "FC", "FD", "FL", "FR", "GC", "LK", "MB", "MC", "OP", "ST", "TP"}},
	{'M', []string{"CC"}},
	{'R', []string{"CI", "DI", "DP", "DR", "DS", "DT", "FI", "FL", "IN", "MB", "MC", "OC", "OD", "OH", "OI", "OP", "PR", "RI", "ST", "VR"}},
	{'S', []string{"CI", "DI", "DP", "DR", "DS", "DT", "FI", "FL", "IN", "MB", "MC", "OC", "OD", "OH", "OI", "OP", "PR", "RI", "ST", "VR"}},
	{'T', []string{"OK", "ER", "FD", "BD"}},
}

// lsv2Known is the command of a letter that b is, or begins as.
func lsv2Known(letter byte, b []byte) (command string, begins bool) {
	for i := range lsv2Commands {
		if lsv2Commands[i].letter != letter {
			continue
		}
		for _, known := range lsv2Commands[i].known {
			if startsLike(b, known) {
				return known, true
			}
		}
	}
	return "", false
}

// readLSV2 reads the header: !ok for what is none, as early as that shows.
func readLSV2(b []byte) (x lsv2Telegram, ok bool) {
	c := wire.New(b)
	n := c.U32()
	if !c.OK() {
		return x, len(b) < 2 && (len(b) == 0 || b[0] == 0) || len(b) >= 2 && b[0] == 0 && b[1] <= 1
	}
	word := c.Peek(min(c.Len(), 4))
	switch {
	case n > lsv2Most:
		return x, false
	case len(word) == 0:
		return x, true
	case len(word) > 1 && word[1] != '_':
		return x, false
	}
	command, begins := lsv2Known(word[0], word[min(len(word), 2):])
	if !begins || len(word) < 4 {
		return x, begins
	}
	c.Skip(4)
	return lsv2Telegram{size: lsv2Header + int(n), letter: word[0], command: command, data: c.Peek(int(n))}, true
}

func matchLSV2(b []byte) bool {
	x, ok := readLSV2(b)
	return ok && x.size > 0
}

func (d *lsv2) Dissect(m *Message, out Out) (int, error) {
	x, ok := readLSV2(m.Data)
	switch {
	case !ok:
		return 0, notMine(d.claimed)
	case x.size == 0, len(m.Data) < x.size:
		return 0, ErrShort
	}
	if m.Trial {
		return x.size, nil
	}
	d.text.reset()
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	switch x.letter {
	case 'A', 'C', 'R':
		out.Sender(Client)
		d.ask(&x, out)
	case 'S':
		if x.command != "FL" {
			out.Sender(Server)
		}
		if x.command == "VR" {
			d.version(x.data, out)
		}
	case 'M':
		out.Sender(Server)
	}
	return x.size, nil
}

// ask tells what a client wants.
func (d *lsv2) ask(x *lsv2Telegram, out Out) {
	if x.letter == 'A' {
		if x.command == "LG" {
			out.Operation(ot.Authenticate, 1)
			if name, _, _ := bytes.Cut(x.data, []byte{0}); len(name) > 0 && len(name) <= 32 && printable(name) {
				out.Fact(Sender, lsv2Login, name, "lsv2.a_lg", ot.Content)
			}
		}
		return
	}
	out.Operation(lsv2Operation(x.letter, x.command), 1)
}

func lsv2Operation(letter byte, command string) ot.Operation {
	if letter == 'C' {
		switch command {
		case "FL": // files are programs and tables
			return ot.Program
		case "DC", "DD", "DM", "FC", "FD", "FR":
			return ot.Transfer
		case "MC":
			return ot.Configure
		case "MB":
			return ot.Write
		case "ST":
			return ot.Diagnose
		}
		return ot.Control // commands of the system, keys, the lock of the keyboard
	}
	switch command {
	case "VR", "PR", "ST", "CI":
		return ot.Diagnose
	case "FL":
		return ot.Program
	case "DI", "DR", "FI":
		return ot.Transfer
	}
	return ot.Read
}

var lsv2Vendor = []byte("HEIDENHAIN")

// version reads S_VR: all texts in their order, or the one that was asked for,
// which its form must tell: answers may be missing.
func (d *lsv2) version(data []byte, out Out) {
	var texts [4][]byte
	n := 0
	for len(data) > 0 && n < len(texts) {
		texts[n], data, _ = bytes.Cut(data, []byte{0})
		if len(texts[n]) > 64 || !printable(texts[n]) {
			return
		}
		n++
	}
	control, software := texts[0], texts[1]
	if n == 1 {
		software = control
	}
	if lsv2Control(control) {
		out.Fact(Sender, ot.Vendor, lsv2Vendor, "lsv2.s_vr", ot.Behaviour)
		out.Fact(Sender, ot.Product, trim(control), "lsv2.s_vr.control", ot.Identity)
	}
	if lsv2Software(software) {
		out.Fact(Sender, ot.FirmwareRev, trim(software), "lsv2.s_vr.nc_version", ot.Identity)
	}
	if v := trim(texts[2]); n > 2 && len(v) > 0 {
		out.Fact(Sender, lsv2PLC, v, "lsv2.s_vr.plc_version", ot.Identity)
	}
}

// lsv2Control reports the name of a control: TNC640, iTNC530, CNCPILOT 640.
func lsv2Control(b []byte) bool {
	return bytes.Contains(b, []byte("TNC")) || bytes.Contains(b, []byte("CNC"))
}

// lsv2Software reports an NC software number: six digits, then its version.
func lsv2Software(b []byte) bool {
	for i, x := range b {
		if i == 6 {
			return x == ' ' || x == '-'
		}
		if x < '0' || x > '9' {
			return false
		}
	}
	return false
}

// Resync finds the next telegram behind a gap.
func (d *lsv2) Resync(b []byte) int {
	for i := 0; i+lsv2Header <= len(b); i++ {
		if matchLSV2(b[i:]) {
			return i
		}
	}
	return -1
}
