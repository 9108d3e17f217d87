package dissect

import (
	"bytes"
	"errors"

	"demarc/internal/ot"
)

func init() {
	register(Protocol{
		Name:  "mewtocol",
		Over:  []string{"tcp", "udp"},
		Tier:  1,
		Match: matchMewtocol,
		New:   func() Dissector { return &mewtocol{} },
		OT:    true,
		Reads: "series, model and version of Panasonic controllers, operations",
		Standard: FromText + ": Panasonic, FP7 User's Manual chapter 8.2 (MEWTOCOL-COM) and 8.3 (MEWTOCOL7-COM), MEWTOCOL Protocol ACGM0125 (commands); " +
			"OpenLogics MewtocolNet, plctypes.md and reverse_engineering_data.md (status)",
	})
}

// mewtocol reads what computers and Panasonic's FP controllers say, lines of
// ASCII:
//
//	COM: % or <, station 2, # $ or !, command, data, check 2, CR
//	7:   > @ station 3, frame 2, # $ or !, 2 digits, command 4, data, check 4, CR
//
// # asks, $ answers, ! refuses. The check of COM is the exclusive or of all
// before it; a command may have ** in its place.
type mewtocol struct {
	claimed bool
	text    scratch
}

// Limits of a line, without its end.
const (
	mewtocolMost = 4096
	mewtocolHead = 4 // % 01 #
	mewtocol7    = 8 // >@EEE00#
)

type mewtocolLine struct {
	size    int // with its end
	mark    byte
	command []byte
	data    []byte
}

// readMewtocol reads one line: ErrShort when it may go on.
func readMewtocol(b []byte) (l mewtocolLine, err error) {
	line, _, whole := bytes.Cut(b[:min(len(b), mewtocolMost+1)], []byte{'\r'})
	head, command, check := mewtocolHead, 2, 2
	if len(line) > 0 && line[0] == '>' {
		head, command, check = mewtocol7, 6, 4
	}
	if !mewtocolBegins(line, head) || !whole && len(line) > mewtocolMost {
		return l, ErrNotMine
	}
	if !whole {
		return l, ErrShort
	}
	if len(line) < head+check {
		return l, ErrNotMine
	}
	l.size, l.mark = len(line)+1, line[head-1]
	text, sum := line[head:len(line)-check], line[len(line)-check:]
	if !mewtocolSum(line[:len(line)-check], sum, l.mark == '#') {
		return l, ErrNotMine
	}
	if l.mark == '!' {
		if len(text) == 0 || !allHex(text) { // the number of the error
			return l, ErrNotMine
		}
		return l, nil
	}
	if len(text) < command {
		return l, ErrNotMine
	}
	l.command, l.data = text[:command], text[command:]
	if _, ok := mewtocolOperation(l.command); !ok {
		return l, ErrNotMine
	}
	return l, nil
}

// mewtocolBegins reports whether a line begins as one does, as far as it is there.
func mewtocolBegins(line []byte, head int) bool {
	if !printable(line) {
		return false
	}
	for i, c := range line[:min(len(line), head)] {
		ok := false
		switch {
		case i == 0:
			ok = c == '%' || c == '<' || c == '>'
		case i == head-1:
			ok = c == '#' || c == '$' || c == '!'
		case i == 1 && head == mewtocol7:
			ok = c == '@'
		default:
			ok = isHex(c)
		}
		if !ok {
			return false
		}
	}
	return true
}

// mewtocolSum reports whether the check of a line is right. How that of 7, of 16
// bits, begins, the texts do not say: it is held to its digits.
func mewtocolSum(line, sum []byte, asks bool) bool {
	if asks && len(bytes.Trim(sum, "*")) == 0 {
		return true
	}
	if len(sum) == 4 {
		return allHex(sum)
	}
	x := byte(0)
	for _, c := range line {
		x ^= c
	}
	const digits = "0123456789ABCDEF"
	return sum[0] == digits[x>>4] && sum[1] == digits[x&15]
}

// mewtocolOperation is what a command does; ok: it is one.
func mewtocolOperation(command []byte) (o ot.Operation, ok bool) {
	if len(command) == 6 && isDigit(command[0]) && isDigit(command[1]) {
		command = command[2:]
	}
	switch string(command) {
	case "RC", "RD", "RS", "RK", "RR", "MG", "MMRD": // contacts, data, timers, system registers, what is monitored
		return ot.Read, true
	case "WC", "WD", "WS", "WK", "SC", "SD", "MMWT":
		return ot.Write, true
	case "RT", "EX", "STRD": // status
		return ot.Diagnose, true
	case "WR": // system registers
		return ot.Configure, true
	case "RP", "WP":
		return ot.Program, true
	case "RM": // run and stop
		return ot.Control, true
	case "MC", "MD": // what to monitor
		return ot.Subscribe, true
	}
	return 0, false
}

func matchMewtocol(b []byte) bool {
	l, err := readMewtocol(b)
	return err == nil && l.command != nil || len(b) > 0 && errors.Is(err, ErrShort)
}

func (d *mewtocol) Dissect(m *Message, out Out) (int, error) {
	l, err := readMewtocol(m.Data)
	switch {
	case errors.Is(err, ErrShort):
		return 0, err
	case err != nil:
		return 0, notMine(d.claimed)
	case l.command == nil && !d.claimed:
		return 0, ErrNotMine // a refusal alone says too little
	}
	d.claimed = true
	d.text.reset()
	if l.mark != '#' {
		out.Sender(Server)
		if l.mark == '$' {
			d.answer(&l, out)
		}
		return l.size, nil
	}
	out.Sender(Client)
	o, _ := mewtocolOperation(l.command)
	out.Operation(o, 1)
	return l.size, nil
}

// Resync finds the begin of the next line.
func (*mewtocol) Resync(b []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '\r')
		if at += i + 1; i < 0 || at >= len(b) {
			return -1
		}
		if c := b[at]; c == '%' || c == '<' || c == '>' {
			return at
		}
	}
}

var mewtocolVendor = []byte("Panasonic")

// answer finds what a controller says of itself.
func (d *mewtocol) answer(l *mewtocolLine, out Out) {
	switch string(l.command) {
	case "RT": // model, version, capacity, mode, link, error, diagnosis: of 7 the model is 0
		if len(l.data) == 16 && allHex(l.data) && string(l.data[:2]) != "00" {
			out.Fact(Sender, ot.Vendor, mewtocolVendor, "mewtocol.rt", ot.Identity)
			d.version(l.data[2:3], l.data[3:4], "mewtocol.rt.version", out)
		}
	case "EX": // 00RT, mode, items, machine
		if rest, ok := bytes.CutPrefix(l.data, []byte("00RT00")); ok && len(rest) >= 4 {
			d.machine(string(rest[2:4]), out)
		}
	default:
		if rest, ok := bytes.CutPrefix(l.data, []byte("00")); ok && bytes.HasSuffix(l.command, []byte("STRD")) && len(rest) >= 12 {
			d.seven(rest, out)
		}
	}
}

func (d *mewtocol) version(major, minor []byte, source string, out Out) {
	from := d.text.mark()
	d.text.add(major)
	d.text.byte('.')
	d.text.add(minor)
	out.Fact(Sender, ot.FirmwareRev, d.text.since(from), source, ot.Identity)
}

// machine tells a series, and the model where only one has the number.
func (d *mewtocol) machine(number string, out Out) {
	for i := range mewtocolMachines {
		m := &mewtocolMachines[i]
		if m.number != number {
			continue
		}
		out.Fact(Sender, ot.Product, d.text.string(m.series), "mewtocol.exrt.machine", ot.Identity)
		if m.model != "" {
			out.Fact(Sender, ot.Model, d.text.string(m.model), "mewtocol.exrt.machine", ot.Identity)
		}
	}
}

// mewtocolMachines are machine types as MewtocolNet's plctypes.md lists them.
var mewtocolMachines = [...]struct{ number, series, model string }{
	{"30", "FP10SH", ""},
	{"40", "FP0", ""},
	{"41", "FP0", ""},
	{"42", "FP0", "T32"},
	{"43", "FP-SIGMA", ""},
	{"44", "FP-SIGMA", ""},
	{"45", "FP-e", ""},
	{"46", "FP0R", ""},
	{"47", "FP0R", "C32"},
	{"48", "FP0R", "T32"},
	{"49", "FP0R", "F32"},
	{"50", "FP2", ""},
	{"60", "FP2SH", ""},
	{"62", "FP2SH", ""},
	{"70", "FP-X", "C14R"},
	{"71", "FP-X", ""},
	{"72", "FP-X0", ""},
	{"73", "FP-X", "L14"},
	{"74", "FP-X", ""},
	{"75", "FP-X0", ""},
	{"76", "FP-X", ""},
	{"77", "FP-X", ""},
	{"7A", "FP-X", "C40RT0A"},
	{"7F", "FP-X0", ""},
	{"A0", "FP-XH", "C14R"},
	{"A1", "FP-XH", ""},
	{"A4", "FP-XH", ""},
	{"A5", "FP-XH", ""},
	{"A7", "FP-XH", "C38AT"},
	{"A8", "FP-XH", ""},
	{"AC", "FP-XH", ""},
	{"AD", "FP-XH", "M8N30T"},
	{"AE", "FP-XH", ""},
	{"AF", "FP-XH", "C60ETF"},
	{"B0", "FP0H", ""},
	{"B1", "FP0H", ""},
	{"E1", "FP-SIGMA", ""},
}

// seven reads the status of MEWTOCOL7: series, model, order code, version.
func (d *mewtocol) seven(b []byte, out Out) {
	models := [...]string{3: "CPS41E", 4: "CPS31E", 5: "CPS31", 6: "CPS41ES", 7: "CPS31ES", 8: "CPS31S", 9: "CPS21", 10: "ELC500"}
	if string(b[:2]) != "07" || !isDigit(b[2]) || !isDigit(b[3]) || !allHex(b[8:12]) {
		return
	}
	out.Fact(Sender, ot.Vendor, mewtocolVendor, "mewtocol.strd", ot.Identity)
	out.Fact(Sender, ot.Product, mewtocolFP7, "mewtocol.strd.series", ot.Identity)
	if n := int(b[2]-'0')*10 + int(b[3]-'0'); n < len(models) && models[n] != "" {
		out.Fact(Sender, ot.Model, d.text.string(models[n]), "mewtocol.strd.model", ot.Identity)
	}
	d.version(bytes.TrimPrefix(b[8:10], []byte("0")), b[10:12], "mewtocol.strd.version", out)
}

var mewtocolFP7 = []byte("FP7")
