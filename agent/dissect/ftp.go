package dissect

import (
	"bytes"

	"demarc/internal/ot"
)

func init() {
	register(Protocol{
		Name:     "ftp",
		Over:     []string{"tcp"},
		Tier:     1,
		Ports:    TCP(ftpPort),
		Match:    ftpMatch,
		New:      func() Dissector { return &ftp{} },
		Reads:    "banner and system of the server, log-ons, files transferred, listed and changed, data channels, TLS",
		Standard: "RFC 959, RFC 2428, RFC 3659, RFC 4217",
	})
}

const ftpPort = 21

// Attributes of FTP.
const (
	ftpBanner ot.Attribute = "ftp.banner"
	ftpSystem ot.Attribute = "ftp.system"
	ftpClient ot.Attribute = "ftp.client"
)

// ftpData is the tag of an announced data channel.
const ftpData = 1

// maxFTPLine bounds a line.
const maxFTPLine = 4096

// ftp reads a control connection line by line (RFC 959 section 4), or passes
// over a data channel that one announced.
type ftp struct {
	sides   sides
	client  side
	claimed bool
	open    bool      // it was told that the session goes in clear
	tls     bool      // the client asked for TLS
	several [3]uint16 // by side: code of a reply of several lines that is not ended
}

// ftpMatch knows what no other protocol of lines says: answers of FTP, and
// commands that only FTP has. The front of a greeting passes, too.
func ftpMatch(b []byte) bool {
	line, ok := ftpLine(b)
	if !ok {
		return len(b) > 0 && len(b) < maxFTPLine && (startsLike(b, "220 ") || startsLike(b, "220-")) && ftpText(b)
	}
	if code, text := ftpReply(line); code != 0 {
		return ftpSure(code, text)
	}
	return ftpOwn(line)
}

// ftpLine cuts the first line without its end.
func ftpLine(b []byte) (line []byte, ok bool) {
	i := bytes.IndexByte(b[:min(len(b), maxFTPLine)], '\n')
	if i < 0 {
		return nil, false
	}
	return bytes.TrimRight(b[:i], "\r"), true
}

// ftpReply reads the code of a reply, 0 when line is none.
func ftpReply(line []byte) (code int, text []byte) {
	if len(line) < 3 || line[0] < '1' || line[0] > '6' || len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		return 0, nil
	}
	if code = int(decimal(line[:3])); code < 100 || len(line) < 5 {
		return max(code, 0), nil
	}
	return code, line[4:]
}

// ftpSure reports a reply that only FTP gives. A greeting is sure when it names
// FTP: mail servers greet with the same code.
func ftpSure(code int, text []byte) bool {
	switch code {
	case 220:
		return containsFold(text, "ftp") && !containsFold(text, "smtp")
	case 331:
		return containsFold(text, "password")
	case 227:
		_, ok := ftpPassive(text)
		return ok
	case 229:
		_, ok := ftpExtended(text)
		return ok
	}
	return false
}

// ftpOwn reports a command that only FTP has.
func ftpOwn(line []byte) bool {
	verb, args := ftpCommand(line)
	switch verb {
	case ftpAuth:
		return equalFold(args, "tls") || equalFold(args, "ssl")
	case ftpPASV, ftpEPSV, ftpSYST:
		return len(args) == 0
	case ftpType:
		return len(args) == 1
	case ftpPort4:
		_, ok := ftpHostPort(args)
		return ok
	case ftpEPRT:
		return len(args) > 6 && args[0] == '|'
	}
	return false
}

// Dissect reads one line.
func (d *ftp) Dissect(m *Message, out Out) (int, error) {
	switch {
	case !m.Stream:
		return 0, ErrNotMine
	case m.Tag == ftpData && !d.claimed:
		return len(m.Data), ErrDone
	case m.Trial:
		trial := *d
		d = &trial
	}
	line, ok := ftpLine(m.Data)
	switch {
	case !ok && len(m.Data) < maxFTPLine && ftpText(m.Data):
		return 0, ErrShort
	case !ok:
		return 0, notMine(d.claimed)
	}
	used := bytes.IndexByte(m.Data, '\n') + 1
	from := d.sides.of(m)
	line = ftpTelnet(line)
	code, text := ftpReply(line)
	switch {
	case !d.claimed && !ftpMatch(m.Data) && !ftpOnPort(m, code, line):
		return 0, ErrNotMine
	case !ftpText(line):
		return 0, notMine(d.claimed)
	case d.several[from] != 0:
		d.more(from, code, line)
		return used, nil
	case code != 0:
		d.reply(m, from, code, text, line, out)
	default:
		d.command(m, from, line, out)
	}
	d.claimed = true
	return used, nil
}

// ftpText reports whether b can be text of a session: RFC 2640 has it in
// UTF-8, older servers in any alphabet; telnet commands may stand before it.
func ftpText(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}

// ftpTelnet takes away the telnet commands before ABOR (RFC 959 section 4.1.3).
func ftpTelnet(line []byte) []byte {
	for len(line) > 1 && line[0] == telnetIAC {
		line = line[2:]
	}
	return line
}

// ftpOnPort reports what is enough on the reserved port: a greeting, or any
// command.
func ftpOnPort(m *Message, code int, line []byte) bool {
	if !onPort(m, ftpPort) {
		return false
	}
	verb, _ := ftpCommand(line)
	return (code == 220 || code == 120) && m.Src().Port == ftpPort || code == 0 && verb != ftpNone && m.Dst().Port == ftpPort
}

// more passes over the lines of a reply up to the one that ends it: its code
// again and a space (section 4.2).
func (d *ftp) more(from side, code int, line []byte) {
	if code == int(d.several[from]) && (len(line) == 3 || line[3] == ' ') {
		d.several[from] = 0
	}
}

// side notes and tells who speaks.
func (d *ftp) side(from side, r Role, out Out) {
	d.client = from
	if r == Server {
		d.client = from.other()
	}
	out.Sender(r)
}

// reply reads a line of the server.
func (d *ftp) reply(m *Message, from side, code int, text, line []byte, out Out) {
	d.side(from, Server, out)
	if len(line) > 3 && line[3] == '-' {
		d.several[from] = uint16(code)
	}
	switch code {
	case 220:
		ftpTell(Sender, ftpBanner, text, "ftp.greeting", out)
	case 215:
		ftpTell(Sender, ftpSystem, text, "ftp.system", out)
	case 227:
		if end, ok := ftpPassive(text); ok {
			d.expect(m, end, out)
		}
	case 229:
		if port, ok := ftpExtended(text); ok {
			d.expectPort(m, port, out)
		}
	case 234:
		if d.tls {
			out.Switch("tls")
		}
	}
}

func ftpTell(of Subject, a ot.Attribute, v []byte, source string, out Out) {
	if v = bytes.TrimSpace(v); len(v) > 0 && len(v) <= 255 && printable(v) {
		out.Fact(of, a, v, source, ot.Content)
	}
}

// Resync finds the next line.
func (d *ftp) Resync(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 && i+1 < len(b) {
		return i + 1
	}
	return -1
}
