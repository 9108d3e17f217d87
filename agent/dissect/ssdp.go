package dissect

import (
	"bytes"

	"demarc/internal/ot"
)

func init() {
	register(Protocol{
		Name:     "ssdp",
		Over:     []string{"udp"},
		Tier:     1,
		Ports:    UDP(1900),
		Match:    func(b []byte) bool { return ssdpKind(b) != ssdpNone },
		New:      func() Dissector { return ssdp{} },
		Reads:    "server and client software of UPnP devices",
		Standard: "UPnP Device Architecture 2.0, section 1",
	})
}

type ssdp struct{}

type ssdpMessage uint8

const (
	ssdpNone ssdpMessage = iota
	ssdpSearch
	ssdpNotify
	ssdpAnswer
)

func ssdpKind(b []byte) ssdpMessage {
	line, _, ok := bytes.Cut(b, []byte{'\n'})
	if !ok {
		return ssdpNone
	}
	switch string(bytes.TrimRight(line, " \r")) {
	case "M-SEARCH * HTTP/1.1":
		return ssdpSearch
	case "NOTIFY * HTTP/1.1":
		return ssdpNotify
	case "HTTP/1.1 200 OK":
		return ssdpAnswer
	}
	return ssdpNone
}

// Dissect reads one message: HTTP heads in a datagram.
func (ssdp) Dissect(m *Message, out Out) (int, error) {
	kind := ssdpKind(m.Data)
	if kind == ssdpNone || m.Stream {
		return 0, ErrNotMine
	}
	_, fields, _ := bytes.Cut(m.Data, []byte{'\n'})
	f := readHTTPFields(fields)
	switch {
	case kind == ssdpSearch:
		out.Sender(Client)
		out.Operation(ot.Diagnose, 1)
	case kind == ssdpAnswer && !toGroup(m):
		out.Sender(Server)
	}
	httpText(out, httpUserAgent, f.agent, "ssdp.user_agent")
	httpText(out, httpServer, f.server, "ssdp.server")
	return len(m.Data), nil
}
