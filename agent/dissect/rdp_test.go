package dissect

import (
	"strings"
	"testing"

	"demarc/agent/flow"
	"demarc/internal/ot"
)

func FuzzRDP(f *testing.F) { fuzzDissector(f, "rdp", false) }

func TestRDPKinds(t *testing.T) {
	neg := func(kind, protocols byte) string { return string([]byte{kind, 0, 8, 0, protocols, 0, 0, 0}) }
	for name, c := range map[string]struct {
		b    string
		want rdpKind
	}{
		"cookie":                     {"Cookie: mstshash=operator\r\n", rdpRequest},
		"routing token":              {"Cookie: msts=3640205228.15629.0000\r\n" + neg(1, 3), rdpRequest},
		"request alone":              {neg(1, 11), rdpRequest},
		"request with correlation":   {neg(1, 3) + "\x06\x00\x24\x00" + strings.Repeat("i", 32), rdpRequest},
		"response":                   {neg(2, 2), rdpResponse},
		"failure":                    {neg(3, 2), rdpResponse},
		"response of no protocol":    {neg(2, 0x40), rdpNone},
		"COTP parameters":            {"\xc1\x02\x01\x00\xc2\x02\x01\x02\xc0\x01\x0a", rdpNone},
		"seven bytes":                {neg(1, 3)[:7], rdpNone},
		"another cookie":             {"Cookie: session=1\r\n", rdpNone},
		"connect without its key":    {"\x7f\x65\x82\x01\x00", rdpNone},
		"connect":                    {"\x7f\x65\x82\x01\x00" + string(gccKey), rdpInitial},
		"client's data":              {"\x64\x00\x06\x03\xeb\x70\x04\x48\x00\x00\x00", rdpClientSends},
		"server's data, long":        {"\x68\x00\x01\x03\xeb\x70\x80\xa0" + strings.Repeat("d", 160), rdpServerSends},
		"join":                       {"\x38\x00\x06\x03\xef", rdpClientSends},
		"joined":                     {"\x3e\x00\x00\x06\x03\xef\x03\xef", rdpServerSends},
		"joined another channel":     {"\x3e\x00\x00\x06\x03\xef\x03\xf0", rdpNone},
		"not joined":                 {"\x3e\x01\x00\x06\x03\xef\x03\xef", rdpNone},
		"data and more":              {"\x64\x00\x06\x03\xeb\x70\x04\x48\x00\x00\x00\x00", rdpNone},
		"half of a piece of data":    {"\x64\x00\x06\x03\xeb\x50\x04\x48\x00\x00\x00", rdpNone},
		"channel below the first":    {"\x64\x00\x06\x03\xe8\x70\x04\x48\x00\x00\x00", rdpNone},
		"S7 setup":                   {"\x32\x01\x00\x00\x00\x00\x00\x08", rdpNone},
		"MMS initiate is no session": {"\x0d\xa6\x05\x06\x13\x01\x00\x16", rdpNone},
	} {
		if got, _ := rdpKindOf([]byte(c.b)); got != c.want {
			t.Errorf("%s: kind %d, want %d", name, got, c.want)
		}
	}
}

func TestRDPSwitchesToTLS(t *testing.T) {
	for protocol, want := range map[byte]string{0: "", 1: "tls", 2: "tls", 8: "tls"} {
		k := &talk{t: t, d: &rdp{}}
		k.say(1, []byte{2, 0, 8, 0, protocol, 0, 0, 0})
		to := ""
		for _, e := range k.log.all() {
			if e.kind == toldSwitch {
				to = e.text
			}
		}
		if to != want {
			t.Errorf("protocol %d switches to %q, want %q", protocol, to, want)
		}
	}
}

// TestRDPSessionThatRuns: what a sensor sees that came later than the connection
// sequence says which protocol COTP carries, and who is client (T.125 section 7).
func TestRDPSessionThatRuns(t *testing.T) {
	indication := "\x03\x00\x00\x14\x02\xf0\x80\x68\x00\x01\x03\xeb\x70\x06\x10\x00\x17\x00\xea\x03"
	e := NewEngine(Protocols(), newRecorder())
	c := &flow.Conversation{Transport: 6}
	c.Ends[flow.A].Port, c.Ends[flow.B].Port = 3389, 50123
	e.Stream(c, flow.A, []byte(indication), 0, false)
	if x := state(c); x.protocol != "rdp" || x.grade != ot.Content || !c.Directed || c.Client != flow.B {
		t.Errorf("%s %s, directed %v, client %v", x.protocol, x.grade, c.Directed, c.Client)
	}
}
