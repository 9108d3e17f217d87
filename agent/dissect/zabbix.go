package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "zabbix",
		Over:     []string{"tcp"},
		Tier:     3,
		Ports:    TCP(10050, 10051),
		Match:    matchZabbix,
		New:      func() Dissector { return &zabbix{} },
		Reads:    "host names of agents, what they ask for and report",
		Standard: "Zabbix 7.0 manual, appendix items, header and JSON protocols",
	})
}

// zabbixHost is the name that a monitored host has at its server.
const zabbixHost ot.Attribute = "zabbix.host"

// zabbix reads messages, numbers little endian:
//
//	 0        4       5        9          13
//	+--------+-------+--------+----------+------
//	| "ZBXD" | flags | length | reserved | text
//	+--------+-------+--------+----------+------
//	flags: 1 always, 2 compressed, 4 both numbers have 64 bits
type zabbix struct{ told bool }

const (
	zabbixMagic   = "ZBXD"
	zabbixAlways  = 1
	zabbixPacked  = 2
	zabbixLarge   = 4
	zabbixText    = 2048 // a longer text is not looked at
	zabbixLongest = 1 << 30
)

type zabbixMessage struct {
	size int // 0 while the header is not whole
	text []byte
	read bool // the text is short and in the clear
}

func readZabbix(b []byte) (g zabbixMessage, ok bool) {
	if !startsLike(b, zabbixMagic) {
		return g, false
	}
	c := wire.New(b)
	c.Skip(4)
	flags := c.U8()
	n := uint64(0)
	if flags&zabbixLarge != 0 {
		n = c.U64LE()
		c.Skip(8)
	} else {
		n = uint64(c.U32LE())
		c.Skip(4)
	}
	if len(b) > 4 && (flags&zabbixAlways == 0 || flags > zabbixAlways|zabbixPacked|zabbixLarge) {
		return g, false
	}
	if !c.OK() {
		return g, true
	}
	if n > zabbixLongest {
		return g, false
	}
	g.size = c.Off() + int(n)
	g.read = n <= zabbixText && flags&zabbixPacked == 0
	g.text = c.Bytes(min(int(n), c.Len()))
	return g, true
}

func matchZabbix(b []byte) bool {
	g, ok := readZabbix(b)
	return ok && len(b) >= len(zabbixMagic) && (g.size == 0 || len(g.text) > 0)
}

func (d *zabbix) Dissect(m *Message, out Out) (int, error) {
	g, ok := readZabbix(m.Data)
	switch {
	case !ok:
		return 0, notMine(d.told)
	case g.size == 0, g.read && len(m.Data) < g.size:
		return 0, ErrShort
	}
	if !d.told {
		d.told = !m.Trial
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	if g.read {
		zabbixLearn(g.text, out)
	}
	return g.size, nil
}

// zabbixLearn tells what a request in JSON wants. Of an agent that is asked,
// the texts are no JSON and say nothing of direction.
func zabbixLearn(text []byte, out Out) {
	if len(text) == 0 || text[0] != '{' {
		return
	}
	request := zabbixValue(text, `"request":`)
	switch {
	case string(request) == "active checks":
		out.Sender(Client)
		out.Operation(ot.Read, 1)
	case bytes.HasSuffix(request, []byte(" data")):
		out.Sender(Client)
		out.Operation(ot.Write, 1)
	case len(request) > 0:
		out.Sender(Client)
	case zabbixValue(text, `"response":`) != nil:
		out.Sender(Server)
		return
	}
	if host := zabbixValue(text, `"host":`); string(request) == "active checks" && len(host) > 0 && printable(host) {
		out.Fact(Sender, zabbixHost, host, "zabbix.active_checks.host", ot.Content)
		out.Fact(Sender, ot.Name, host, "zabbix.active_checks.host", ot.Content)
	}
}

// zabbixValue is the text behind a key; nil where there is none, or one with
// escapes.
func zabbixValue(text []byte, key string) []byte {
	i := bytes.Index(text, []byte(key))
	if i < 0 {
		return nil
	}
	rest := bytes.TrimLeft(text[i+len(key):], " \t\r\n")
	if len(rest) == 0 || rest[0] != '"' {
		return nil
	}
	v, _, ok := bytes.Cut(rest[1:], []byte{'"'})
	if !ok || bytes.IndexByte(v, '\\') >= 0 {
		return nil
	}
	return v
}

// Resync finds the next message behind a gap.
func (d *zabbix) Resync(b []byte) int { return bytes.Index(b, []byte(zabbixMagic+"\x01")) }
