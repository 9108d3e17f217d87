package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "tplink-shp",
		Over:     []string{"udp", "tcp"},
		Tier:     2,
		Ports:    append(TCP(9999), UDP(9999)...),
		Match:    matchTPLink,
		New:      func() Dissector { return &tplink{} },
		Reads:    "name, model, firmware and hardware of plugs, bulbs and switches, who asks and who switches them",
		Standard: "no public one: softScheck, Reverse Engineering the TP-Link HS110 (2016), whose messages are JSON under a fixed stream of keys",
	})
}

// tplink reads the Smart Home Protocol. A datagram is the text alone, a stream
// has its length before it. Each octet of the text is hidden by the hidden one
// before it, the first by 171: that keeps nothing secret.
//
//	0        4
//	+--------+----------------
//	| length | {"system":{...
//	+--------+----------------
type tplink struct {
	claimed bool
	text    scratch
}

const (
	tplinkKey  = 171
	tplinkMost = 16 << 10
	tplinkRead = 2048 // of a text
)

// tplinkOpens reports whether b begins as a hidden text of JSON does: a brace,
// then a name or the end. All of b is asked for, up to two octets.
func tplinkOpens(b []byte) bool {
	c := wire.New(b)
	first, second := c.U8(), c.U8()
	return first == '{'^tplinkKey && (len(b) == 1 || second == first^'"' || second == first^'}')
}

// matchTPLink claims a whole datagram, or the front of a stream.
func matchTPLink(b []byte) bool {
	if len(b) >= 2 && tplinkOpens(b) {
		return tplinkClear(b, nil)
	}
	c := wire.New(b)
	n := c.U32()
	rest := c.Rest()
	return c.OK() && n >= 2 && n <= tplinkMost && len(rest) >= 2 && tplinkOpens(rest) && tplinkClear(rest, nil)
}

// tplinkClear reports whether what is hidden in b is printable, and keeps it.
func tplinkClear(b []byte, keep *scratch) bool {
	last := byte(tplinkKey)
	for _, x := range b[:min(len(b), tplinkRead)] {
		clear := x ^ last
		if last = x; clear < ' ' || clear == 0x7f {
			return false
		}
		if keep != nil {
			keep.byte(clear)
		}
	}
	return true
}

func (d *tplink) Dissect(m *Message, out Out) (int, error) {
	body, used := m.Data, len(m.Data)
	if m.Stream {
		c := wire.New(m.Data)
		n := int(c.U32())
		switch {
		case !c.OK():
			return 0, tplinkShort(m.Data)
		case n < 2 || n > tplinkMost || c.Len() > 0 && !tplinkOpens(c.Peek(min(c.Len(), 2))):
			return 0, notMine(d.claimed)
		case c.Len() < n:
			return 0, ErrShort
		}
		body, used = c.Bytes(n), c.Off()
	}
	d.text.reset()
	at := d.text.mark()
	if len(body) < 2 || !tplinkOpens(body) || !tplinkClear(body, &d.text) {
		return 0, notMine(d.claimed)
	}
	if !d.claimed {
		d.claimed = !m.Trial
		out.Security(ot.Security{Mode: ot.SecurityNone}) // the key is the same everywhere
	}
	tplinkLearn(d.text.since(at), out)
	return used, nil
}

// tplinkShort says whether the front of a length may become one.
func tplinkShort(b []byte) error {
	for _, x := range b[:min(len(b), 2)] {
		if x != 0 {
			return ErrNotMine
		}
	}
	return ErrShort
}

// tplinkLearn tells of a text: an answer says whether it went well.
func tplinkLearn(text []byte, out Out) {
	if !bytes.Contains(text, []byte(`"err_code"`)) {
		out.Sender(Client)
		switch {
		case bytes.Contains(text, []byte(`"set_relay_state"`)), bytes.Contains(text, []byte(`"transition_light_state"`)):
			out.Operation(ot.Control, 1)
		case bytes.Contains(text, []byte(`"download_firmware"`)), bytes.Contains(text, []byte(`"flash_firmware"`)):
			out.Operation(ot.Firmware, 1)
		case bytes.Contains(text, []byte(`"set_`)), bytes.Contains(text, []byte(`"reset"`)):
			out.Operation(ot.Configure, 1)
		default:
			out.Operation(ot.Read, 1)
		}
		return
	}
	out.Sender(Server)
	for _, f := range [...]struct {
		key string
		of  ot.Attribute
	}{{`"alias":`, ot.Name}, {`"model":`, ot.Model}, {`"sw_ver":`, ot.FirmwareRev}, {`"hw_ver":`, ot.Hardware}, {`"deviceId":`, ot.Serial}, {`"dev_name":`, ot.Product}} {
		if v := zabbixValue(text, f.key); len(v) > 0 {
			out.Fact(Sender, f.of, v, "tplink-shp.get_sysinfo", ot.Identity)
		}
	}
}
