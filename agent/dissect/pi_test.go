package dissect

import (
	"fmt"
	"testing"

	"demarc/agent/flow"
	"demarc/internal/ot"
)

func omfRequest(fields string) []byte {
	const body = `[{"containerid":"line4.temperature","values":[{"Time":"2026-01-01T00:00:00Z","Value":21.5}]}]`
	return fmt.Appendf(nil, "POST /piwebapi/omf HTTP/1.1\r\nHost: 192.0.2.2\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s", fields, len(body), body)
}

const omfData = "omfversion: 1.2\r\nmessagetype: data\r\naction: create\r\nmessageformat: JSON\r\n"

func TestPIKnowsMessages(t *testing.T) {
	for name, c := range map[string]struct {
		tag  uint64
		data string
		told string // "" for not
	}{
		"data":           {httpTagFields, omfData, `omf.version="1.2"(omf.omfversion,content) omf.message="data"(omf.messagetype,content) client`},
		"of 2.0":         {httpTagFields, "OMFVersion:2.0\nMessageType: Instance\nMessageFormat: json\n", `omf.version="2.0"(omf.omfversion,content) omf.message="Instance"(omf.messagetype,content) client`},
		"no version":     {httpTagFields, "messagetype: data\r\nmessageformat: json\r\n", ""},
		"another one":    {httpTagFields, "omfversion: 9.9\r\nmessagetype: data\r\nmessageformat: json\r\n", ""},
		"another type":   {httpTagFields, "omfversion: 1.2\r\nmessagetype: text\r\nmessageformat: json\r\n", ""},
		"another format": {httpTagFields, "omfversion: 1.2\r\nmessagetype: data\r\nmessageformat: xml\r\n", ""},
		"a path":         {httpTagTarget, "/PIWebAPI/points", "client"},
		"another path":   {httpTagTarget, "/piwebapis", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := &pi{}
			k := &talk{t: t, d: d, port: 80, tag: c.tag}
			if c.told == "" {
				k.refused(0, []byte(c.data), ErrNotMine)
				return
			}
			expectTold(t, k.say(0, []byte(c.data)), c.told)
			if d.Surmises() != (c.tag == httpTagTarget) {
				t.Error("a path proves nothing, a message does")
			}
		})
	}
}

// TestPIOverHTTP: a message names the connection for good, a path as inferred,
// until a message comes.
func TestPIOverHTTP(t *testing.T) {
	e := NewEngine(Protocols(), newRecorder())
	c := &flow.Conversation{Transport: 6, Opened: true}
	c.Ends[flow.A].Port, c.Ends[flow.B].Port = 50000, 80
	e.Stream(c, flow.A, []byte("GET /piwebapi/system HTTP/1.1\r\nHost: 192.0.2.2\r\n\r\n"), 1, false)
	if s := state(c); s.protocol != "pi" || s.grade != ot.Behaviour {
		t.Errorf("after a path: %s, %v", s.protocol, s.grade)
	}
	e.Stream(c, flow.A, omfRequest(omfData), 2, false)
	if s := state(c); s.protocol != "pi" || s.grade != ot.Content {
		t.Errorf("after a message: %s, %v", s.protocol, s.grade)
	}
}

func TestPISample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 40001), madeAddr(2, 80)
	r.open(a, b)
	const accepted = "HTTP/1.1 202 Accepted\r\nServer: Microsoft-HTTPAPI/2.0\r\nContent-Length: 0\r\n\r\n"
	for _, kind := range []string{"type", "container", "data"} {
		r.tcp(a, b, omfRequest("omfversion: 1.2\r\nmessagetype: "+kind+"\r\naction: create\r\nmessageformat: json\r\n"))
		r.tcp(b, a, []byte(accepted))
	}
	made(t, "pi", "omf", r)
}

func FuzzPI(f *testing.F) { fuzzDissector(f, "pi", false) }
