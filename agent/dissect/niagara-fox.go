package dissect

import (
	"bytes"

	"demarc/internal/ot"
)

func init() {
	register(Protocol{
		Name:     "niagara-fox",
		Over:     []string{"tcp"},
		Tier:     1,
		Ports:    TCP(1911, 3011),
		Match:    matchFox,
		New:      func() Dissector { return &fox{} },
		OT:       true,
		Reads:    "host, station, application and its version, operating system, Java machine, brand, host identifier, log-on",
		Standard: "no public one: fox-info.nse, Tridium Niagara Networking and IT Guide",
	})
}

// Attributes of Niagara hosts.
const (
	foxStation ot.Attribute = "niagara-fox.station"
	foxBrand   ot.Attribute = "niagara-fox.brand"
	foxVM      ot.Attribute = "niagara-fox.vm"
	foxAddress ot.Attribute = "niagara-fox.host_address"
	foxVersion ot.Attribute = "niagara-fox.version"
)

// fox reads the messages of Niagara stations and their workbenches, which are
// text (fox-info.nse):
//
//	fox a 0 -1 fox hello          kind, number, number that it answers, channel, command
//	{
//	hostName=s:jace-4             name, type, value
//	};;
//
// What the channels of a session carry has no public text; the reading is of
// the hello and of how one logs on.
type fox struct {
	claimed bool
	text    scratch
}

const foxMax = 16 << 10

// foxHead is the first line.
type foxHead struct{ channel, command []byte }

// readFox reads the first line; ok is false for anything else, whole for a line
// that has come.
func readFox(b []byte) (h foxHead, whole, ok bool) {
	if !foxBegins(b) {
		return h, false, false
	}
	line, _, whole := bytes.Cut(b[:min(len(b), 128)], []byte("\n"))
	if !whole {
		return h, false, len(b) < 128 && printable(line)
	}
	line = bytes.TrimSuffix(line, []byte("\r"))
	for i := 0; ; i++ {
		word, rest, more := bytes.Cut(line, []byte(" "))
		switch {
		case i == 1 && len(word) != 1, i == 2 && !foxNumber(word), i == 3 && !foxNumber(word):
			return h, true, false
		case i == 4:
			h.channel = word
		case i == 5:
			h.command = word
			return h, true, len(word) > 0 && printable(line)
		}
		if !more {
			return h, true, false
		}
		line = rest
	}
}

// foxBegins reports whether b is "fox " as far as it goes.
func foxBegins(b []byte) bool {
	n := min(len(b), 4)
	return n > 0 && string(b[:n]) == "fox "[:n]
}

// foxNumber reports a number of up to nine digits, or -1.
func foxNumber(b []byte) bool {
	b = bytes.TrimPrefix(b, []byte("-"))
	for _, x := range b {
		if x < '0' || x > '9' {
			return false
		}
	}
	return len(b) > 0 && len(b) < 10
}

func matchFox(b []byte) bool {
	_, whole, ok := readFox(b)
	return ok && whole
}

func (d *fox) Dissect(m *Message, out Out) (int, error) {
	h, whole, ok := readFox(m.Data)
	if !ok {
		return 0, notMine(d.claimed)
	}
	end, ended := foxEnd(m.Data)
	switch {
	case !ended && len(m.Data) > foxMax:
		return 0, notMine(d.claimed) // a value of many lines, or no Fox at all
	case !ended && !m.Cut, !whole:
		return 0, ErrShort
	}
	d.text.reset()
	d.learn(m, h, m.Data[:end], out)
	if !ended {
		return 0, ErrShort
	}
	if !d.claimed && !m.Trial {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	return end, nil
}

// foxEnd finds the end of the message: a line that ends in two semicolons.
func foxEnd(b []byte) (end int, ok bool) {
	for off := 0; ; {
		i := bytes.Index(b[off:], []byte(";;"))
		if i < 0 {
			return len(b), false
		}
		off += i + 2
		switch rest := b[off:]; {
		case bytes.HasPrefix(rest, []byte("\n")):
			return off + 1, true
		case bytes.HasPrefix(rest, []byte("\r\n")):
			return off + 2, true
		}
	}
}

// learn tells what one message says.
func (d *fox) learn(m *Message, h foxHead, body []byte, out Out) {
	if string(h.channel) != "fox" {
		return
	}
	switch string(h.command) {
	case "hello":
		d.hello(m, body, out)
	case "challenge":
		out.Sender(Server)
	case "authenticate", "login":
		out.Sender(Client)
		out.Operation(ot.Authenticate, 1)
	case "welcome", "rejected":
		out.Sender(Server)
	}
}

var foxVendor = []byte("Tridium")

// hello tells who somebody is, and whether it is the station: that names its
// station, and stations call each other, where the port must tell.
func (d *fox) hello(m *Message, body []byte, out Out) {
	station := len(foxValue(body, "station.name")) > 0
	switch known := m.Src().Port == 1911 || m.Src().Port == 3011; {
	case !station && !known:
		out.Sender(Client)
	case known && m.Dst().Port != m.Src().Port:
		out.Sender(Server)
	}
	for _, f := range foxFacts {
		if v := foxValue(body, f.key); len(v) > 0 && (f.attribute != ot.Name || !isAddress(v)) {
			out.Fact(Sender, f.attribute, v, f.source, ot.Identity)
		}
	}
	d.joined(ot.OS, body, "os.name", "os.version", "niagara-fox.hello.os", out)
	d.joined(foxVM, body, "vm.name", "vm.version", "niagara-fox.hello.vm", out)
	if app := foxValue(body, "app.name"); len(app) > 0 {
		at := d.text.mark()
		d.text.adds("Niagara ")
		d.text.add(app)
		out.Fact(Sender, ot.Product, d.text.since(at), "niagara-fox.hello.app_name", ot.Identity)
		out.Fact(Sender, ot.Vendor, foxVendor, "niagara-fox.hello", ot.Behaviour)
	}
}

// foxFacts are the values that are told as they stand.
var foxFacts = [...]struct {
	key       string
	attribute ot.Attribute
	source    string
}{
	{"hostName", ot.Name, "niagara-fox.hello.host_name"},
	{"hostAddress", foxAddress, "niagara-fox.hello.host_address"},
	{"app.version", ot.FirmwareRev, "niagara-fox.hello.app_version"},
	{"station.name", foxStation, "niagara-fox.hello.station_name"},
	{"brandId", foxBrand, "niagara-fox.hello.brand_id"},
	{"hostId", ot.Serial, "niagara-fox.hello.host_id"},
	{"fox.version", foxVersion, "niagara-fox.hello.fox_version"},
}

// joined tells two values as one.
func (d *fox) joined(a ot.Attribute, body []byte, first, second, source string, out Out) {
	v, w := foxValue(body, first), foxValue(body, second)
	if len(v) == 0 {
		return
	}
	if len(w) > 0 {
		at := d.text.mark()
		d.text.add(v)
		d.text.byte(' ')
		d.text.add(w)
		v = d.text.since(at)
	}
	out.Fact(Sender, a, v, source, ot.Identity)
}

// foxValue finds a text value: a line of key, "=s:" and value.
func foxValue(body []byte, key string) []byte {
	for len(body) > 0 {
		line, rest, _ := bytes.Cut(body, []byte("\n"))
		body = rest
		name, value, ok := bytes.Cut(line, []byte("=s:"))
		if !ok || string(name) != key {
			continue
		}
		if value = bytes.TrimSpace(value); len(value) <= 128 && printable(value) {
			return value
		}
		return nil
	}
	return nil
}

// Resync implements Resyncer.
func (d *fox) Resync(b []byte) int {
	for off := 0; off < len(b); {
		i := bytes.Index(b[off:], []byte("fox "))
		if i < 0 {
			return -1
		}
		off += i
		if matchFox(b[off:]) {
			return off
		}
		off++
	}
	return -1
}
