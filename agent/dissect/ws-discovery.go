package dissect

import (
	"bytes"
	"strings"

	"demarc/internal/ot"
)

func init() {
	register(Protocol{
		Name:     "ws-discovery",
		Over:     []string{"udp"},
		Tier:     1,
		Ports:    UDP(3702),
		Match:    matchWSD,
		New:      func() Dissector { return &wsDiscovery{} },
		Reads:    "types, addresses of services, and what ONVIF devices say of their name, hardware, manufacturer and location; who searches",
		Standard: "OASIS WS-Discovery 1.1 and the April 2005 draft; ONVIF Core Specification clause 7; from the text alone",
	})
}

// Attributes of devices that announce themselves.
const (
	wsdTypes    ot.Attribute = "ws-discovery.types"
	wsdXAddrs   ot.Attribute = "ws-discovery.xaddrs"
	wsdLocation ot.Attribute = "ws-discovery.location"
)

// wsdSpaces are the name spaces of the two versions.
var wsdSpaces = [...][]byte{
	[]byte("http://schemas.xmlsoap.org/ws/2005/04/discovery"),
	[]byte("http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01"),
}

// matchWSD knows a document in one of the name spaces.
func matchWSD(b []byte) bool {
	if b = bytes.TrimLeft(b, "\ufeff \r\n\t"); len(b) == 0 || b[0] != '<' {
		return false
	}
	for _, space := range wsdSpaces {
		if bytes.Contains(b, space) {
			return true
		}
	}
	return false
}

// wsDiscovery reads SOAP messages, one a datagram.
type wsDiscovery struct {
	claimed bool
	text    scratch
}

// wsdMessage is what a message says; of several matches the first.
type wsdMessage struct {
	kind                  string // name of the body's element
	matches               int
	types, scopes, xaddrs []byte
}

// Elements of a body, WS-Discovery 1.1 sections 4 to 6.
var wsdKinds = [...]string{"Hello", "Bye", "Probe", "ProbeMatches", "Resolve", "ResolveMatches"}

// maxWSDElements bounds how far a document is read.
const maxWSDElements = 512

func readWSD(b []byte) (g wsdMessage) {
	for range maxWSDElements {
		name, text, rest, ok := nextElement(b)
		if !ok {
			break
		}
		b = rest
		switch string(name) {
		case "ProbeMatch", "ResolveMatch":
			g.matches++
		case "Types":
			g.types = firstText(g.types, text)
		case "Scopes":
			g.scopes = firstText(g.scopes, text)
		case "XAddrs":
			g.xaddrs = firstText(g.xaddrs, text)
		default:
			for _, kind := range wsdKinds {
				if g.kind == "" && string(name) == kind {
					g.kind = kind
				}
			}
		}
	}
	return g
}

func firstText(old, text []byte) []byte {
	if old != nil {
		return old
	}
	return bytes.TrimSpace(text)
}

// nextElement finds the next start tag: its name without prefix, and the text
// that follows it up to the next tag.
func nextElement(b []byte) (name, text, rest []byte, ok bool) {
	for {
		i := bytes.IndexByte(b, '<')
		if i < 0 {
			return nil, nil, nil, false
		}
		tag, after, whole := bytes.Cut(b[i+1:], []byte{'>'})
		if !whole {
			return nil, nil, nil, false
		}
		b = after
		if len(tag) == 0 || tag[0] == '/' || tag[0] == '?' || tag[0] == '!' {
			continue
		}
		name = tag
		if j := bytes.IndexAny(tag, " \t\r\n/"); j >= 0 {
			name = tag[:j]
		}
		if j := bytes.IndexByte(name, ':'); j >= 0 {
			name = name[j+1:]
		}
		if tag[len(tag)-1] == '/' {
			return name, nil, b, true
		}
		text, _, _ = bytes.Cut(b, []byte{'<'})
		return name, text, b, true
	}
}

// Dissect reads one message.
func (d *wsDiscovery) Dissect(m *Message, out Out) (int, error) {
	if m.Stream || !matchWSD(m.Data) {
		return 0, notMine(d.claimed)
	}
	d.text.reset()
	g := readWSD(m.Data)
	switch g.kind {
	case "Probe", "Resolve":
		out.Sender(Client)
		out.Operation(ot.Diagnose, 1)
	case "ProbeMatches", "ResolveMatches":
		if !toGroup(m) {
			out.Sender(Server)
		}
		d.device(m, &g, out)
	case "Hello":
		d.device(m, &g, out)
	case "Bye":
	default:
		return 0, cutShort(m)
	}
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	return len(m.Data), nil
}

// device tells what a device says of itself. A proxy that answers for others
// gives addresses that are not its own, and several matches.
func (d *wsDiscovery) device(m *Message, g *wsdMessage, out Out) {
	if g.matches > 1 || !d.own(m, g.xaddrs) {
		return
	}
	wsdTell(wsdTypes, g.types, "ws-discovery.types", ot.Content, out)
	wsdTell(wsdXAddrs, g.xaddrs, "ws-discovery.xaddrs", ot.Content, out)
	for scope := range bytes.FieldsSeq(g.scopes) {
		rest, ok := bytes.CutPrefix(scope, onvifScope)
		if !ok {
			continue
		}
		category, value, _ := bytes.Cut(rest, []byte{'/'})
		value = d.unescape(value)
		switch string(category) {
		case "name":
			wsdTell(ot.Name, value, "ws-discovery.scopes.name", ot.Content, out)
		case "hardware":
			wsdTell(ot.Model, value, "ws-discovery.scopes.hardware", ot.Identity, out)
		case "manufacturer":
			wsdTell(ot.Vendor, value, "ws-discovery.scopes.manufacturer", ot.Identity, out)
		case "location":
			wsdTell(wsdLocation, value, "ws-discovery.scopes.location", ot.Content, out)
		}
	}
	if bytes.Contains(g.types, onvifTransmitter) {
		out.Fact(Sender, ot.Product, onvifCamera, "ws-discovery.types", ot.Content)
	}
}

// onvifScope begins the scopes of ONVIF, Core Specification clause 7.3.2.2;
// onvifTransmitter is the type of its cameras.
var (
	onvifScope       = []byte("onvif://www.onvif.org/")
	onvifTransmitter = []byte("NetworkVideoTransmitter")
	onvifCamera      = []byte("ONVIF network camera")
)

func wsdTell(a ot.Attribute, v []byte, source string, g ot.Grade, out Out) {
	const most = 256
	if len(v) > 0 && len(v) <= most && printable(v) {
		out.Fact(Sender, a, v, source, g)
	}
}

// own reports addresses of services of which one is the sender's, or none is a
// number.
func (d *wsDiscovery) own(m *Message, xaddrs []byte) bool {
	mine, numbers := d.text.addr(m.Src().Addr.WithZone("")), false
	for x := range bytes.FieldsSeq(xaddrs) {
		_, host, _ := bytes.Cut(x, []byte("://"))
		if i := bytes.IndexByte(host, '/'); i >= 0 {
			host = host[:i]
		}
		bare, _, bracket := bytes.Cut(host, []byte{']'})
		if bracket {
			bare = bytes.TrimPrefix(bare, []byte{'['})
		} else {
			bare, _, _ = bytes.Cut(host, []byte{':'})
		}
		if bytes.EqualFold(bare, mine) {
			return true
		}
		numbers = numbers || bracket || len(bytes.Trim(bare, "0123456789.")) == 0
	}
	return !numbers
}

// unescape undoes percent encoding (RFC 3986 section 2.1).
func (d *wsDiscovery) unescape(v []byte) []byte {
	from := d.text.mark()
	for i := 0; i < len(v); i++ {
		if v[i] == '%' && i+2 < len(v) {
			high, low := strings.IndexByte(hexDigits, v[i+1]|0x20), strings.IndexByte(hexDigits, v[i+2]|0x20)
			if high >= 0 && low >= 0 {
				d.text.byte(byte(high<<4 | low))
				i += 2
				continue
			}
		}
		d.text.byte(v[i])
	}
	return bytes.TrimSpace(d.text.since(from))
}
