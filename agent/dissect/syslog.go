package dissect

import (
	"bytes"

	"demarc/internal/ot"
)

func init() {
	register(Protocol{
		Name:     "syslog",
		Over:     []string{"udp"},
		Tier:     1,
		Ports:    UDP(514),
		Match:    func(b []byte) bool { _, form := syslogHeader(b); return form == syslog5424 || form == syslog3164 },
		New:      func() Dissector { return syslog{} },
		Reads:    "host and program that log, how many messages",
		Standard: "RFC 5424, RFC 3164, RFC 5426",
	})
}

// Attributes of what logs. The host name may be that of a host behind a relay.
const (
	syslogHost ot.Attribute = "syslog.hostname"
	syslogApp  ot.Attribute = "syslog.program"
)

type syslog struct{}

type syslogForm uint8

const (
	syslogNone  syslogForm = iota
	syslogOther            // a priority and text of the sender's own form
	syslog3164
	syslog5424
)

// syslogHeader reads the priority and tells the form of what follows it.
func syslogHeader(b []byte) (rest []byte, form syslogForm) {
	const highest = 191 // RFC 5424 section 6.2.1
	if len(b) < 4 || b[0] != '<' {
		return nil, syslogNone
	}
	end := bytes.IndexByte(b[:min(len(b), 5)], '>')
	if end < 2 || (b[1] == '0' && end > 2) {
		return nil, syslogNone
	}
	if p := decimal(b[1:end]); p < 0 || p > highest {
		return nil, syslogNone
	}
	rest = b[end+1:]
	switch {
	case bytes.HasPrefix(rest, []byte("1 ")):
		return rest[2:], syslog5424
	case bsdTime(rest):
		return rest[len("Jan _2 15:04:05 "):], syslog3164
	case printable(rest):
		return rest, syslogOther
	}
	return nil, syslogNone
}

// bsdTime reports a time such as "Nov 22 19:59:31 " (RFC 3164 section 4.1.2).
func bsdTime(b []byte) bool {
	const months = "JanFebMarAprMayJunJulAugSepOctNovDec"
	if len(b) < 16 || b[3] != ' ' || b[6] != ' ' || b[9] != ':' || b[12] != ':' || b[15] != ' ' {
		return false
	}
	i := bytes.Index([]byte(months), b[:3])
	day := bytes.TrimLeft(b[4:6], " ")
	return i >= 0 && i%3 == 0 && decimal(day) > 0 && decimal(b[7:9]) >= 0 && decimal(b[10:12]) >= 0 && decimal(b[13:15]) >= 0
}

// Dissect reads one message.
func (syslog) Dissect(m *Message, out Out) (int, error) {
	rest, form := syslogHeader(m.Data)
	if form == syslogNone || m.Stream || (form == syslogOther && m.Dst().Port != 514) {
		return 0, ErrNotMine
	}
	out.Sender(Client)
	out.Operation(ot.Alarm, 1)
	switch form {
	case syslog5424:
		_, rest, _ = bytes.Cut(rest, []byte{' '}) // time
		host, rest, _ := bytes.Cut(rest, []byte{' '})
		app, _, _ := bytes.Cut(rest, []byte{' '})
		syslogNames(host, app, out)
	case syslog3164:
		host, rest, _ := bytes.Cut(rest, []byte{' '})
		if bytes.HasSuffix(host, []byte{':'}) || bytes.IndexByte(host, '[') >= 0 {
			break // the host is left out
		}
		app := rest[:min(len(rest), 33)]
		if i := bytes.IndexAny(app, ":[ "); i > 0 && app[i] != ' ' {
			syslogNames(host, app[:i], out)
		} else {
			syslogNames(host, nil, out)
		}
	case syslogNone, syslogOther:
	}
	return len(m.Data), nil
}

// syslogNames tells the names; "-" stands for none (RFC 5424 section 6.2.4).
func syslogNames(host, app []byte, out Out) {
	if len(host) > 0 && string(host) != "-" && len(host) <= 255 && printable(host) && !isAddress(host) {
		out.Fact(Sender, syslogHost, host, "syslog.hostname", ot.Content)
	}
	if len(app) > 0 && string(app) != "-" && len(app) <= 48 && printable(app) {
		out.Fact(Sender, syslogApp, app, "syslog.app_name", ot.Content)
	}
}
