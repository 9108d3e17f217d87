package dissect

import (
	"net/netip"
	"strings"
	"testing"

	"demarc/agent/flow"
	"demarc/internal/ot"
)

// notes is a Sink that keeps facts.
type notes struct {
	quiet
	facts []string
}

func (n *notes) Fact(_ *flow.Conversation, of Subject, a ot.Attribute, value []byte, source string, g ot.Grade, _ int64) {
	n.facts = append(n.facts, of.Addr.String()+" "+string(a)+"="+string(value)+" "+source+" "+g.String())
}

func unreadTalk(transport uint8, client, server uint16) *flow.Conversation {
	c := &flow.Conversation{Transport: transport, Opened: true, Directed: true}
	c.Ends[flow.A] = flow.Endpoint{Addr: netip.MustParseAddr("10.0.0.1"), Port: client}
	c.Ends[flow.B] = flow.Endpoint{Addr: netip.MustParseAddr("10.0.0.2"), Port: server}
	return c
}

// TestUnidentified: what nobody reads on a plant's port is kept with its first
// octets, at grade hint, and told once.
func TestUnidentified(t *testing.T) {
	strange := "\xee\xdd" + strings.Repeat("\xcc", 60)
	const want = "10.0.0.1 unidentified_bytes=eedd" // of 32 octets
	for name, c := range map[string]struct {
		transport uint8
		port      uint16
		say       []string
		want      int
	}{
		"stream":                  {6, 502, []string{strange}, 1},
		"datagram":                {17, 47808, []string{strange}, 1},
		"many":                    {17, 47808, []string{strange, strange, strange}, 1},
		"for ever":                {6, 502, strings.Split(strings.Repeat(strange+"|", 3*maxTries)+strange, "|"), 1},
		"office port":             {6, 80, []string{strange}, 0},
		"claimed":                 {6, 502, []string{string(adu(1, 1, 3, 0, 16, 0, 2))}, 0},
		"claimed later":           {6, 502, []string{strange, string(adu(1, 1, 3, 0, 16, 0, 2))}, 0},
		"waits for more":          {6, 502, []string{"\x00\x01\x00\x00"}, 1},
		"another protocol's port": {6, 502, []string{"GET / HTTP/1.1\r\nHost: a\r\n\r\n"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			n := &notes{}
			e := NewEngine(Protocols(), n)
			v := unreadTalk(c.transport, 50001, c.port)
			for _, s := range c.say {
				if c.transport == 6 {
					e.Stream(v, flow.A, []byte(s), 1, false)
				} else {
					e.Datagram(v, flow.A, []byte(s), 1, false)
				}
			}
			if name == "for ever" && len(n.facts) != 1 {
				t.Errorf("before its end: %q", n.facts)
			}
			e.Close(v, false)
			got := 0
			for _, f := range n.facts {
				if strings.Contains(f, "unidentified_bytes") {
					got++
				}
			}
			if got != c.want {
				t.Fatalf("told %q", n.facts)
			}
			if got == 1 && name != "waits for more" {
				f := strings.Fields(n.facts[0])
				if !strings.HasPrefix(n.facts[0], want) || len(f[1]) != len("unidentified_bytes=")+2*maxUnread || f[3] != "hint" || !strings.HasPrefix(f[2], "unidentified.") {
					t.Errorf("told %q", n.facts[0])
				}
			}
		})
	}
}
