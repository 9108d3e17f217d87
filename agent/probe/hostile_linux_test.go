package probe

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gopcua/opcua/ua"

	"demarc/internal/reading"
)

// ackOf answers a Hello with these buffer sizes.
func ackOf(receive uint32) []byte {
	b := []byte("ACKF\x1c\x00\x00\x00\x00\x00\x00\x00")
	b = binary.LittleEndian.AppendUint32(b, receive)
	b = binary.LittleEndian.AppendUint32(b, 0xffff)
	return append(b, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0, 0) // any size, 65535 chunks
}

// openOf answers an OpenSecureChannel: channel 1, token 1.
func openOf(policy string, lifetime uint32) []byte {
	body := binary.LittleEndian.AppendUint32(nil, 1)
	body = binary.LittleEndian.AppendUint32(body, uint32(len(policy)))
	body = append(append(body, policy...), bytes.Repeat([]byte{0xff}, 8)...)
	body = append(body, 1, 0, 0, 0, 1, 0, 0, 0) // sequence, request
	body = append(body, 1, 0, 0xc1, 0x01)       // OpenSecureChannelResponse, 449
	body = append(body, responseHeader(1)...)
	body = append(body, 0, 0, 0, 0)                                                                 // protocol version
	body = append(body, 1, 0, 0, 0, 1, 0, 0, 0)                                                     // channel, token
	body = binary.LittleEndian.AppendUint64(body, uint64(time.Now().Unix()*1e7+116444736000000000)) // created at
	body = append(binary.LittleEndian.AppendUint32(body, lifetime), 255, 255, 255, 255)             // no nonce
	return framed("OPNF", body)
}

func responseHeader(handle uint32) []byte {
	b := binary.LittleEndian.AppendUint32(make([]byte, 8), handle)
	return append(b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) // result, diagnostics, no strings, no extension
}

func framed(kind string, body []byte) []byte {
	return append(binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(body)+8)), body...)
}

// messages cuts an answer with this number into chunks.
func messages(request uint32, typ uint16, body []byte) []byte {
	body = append([]byte{1, 0, byte(typ), byte(typ >> 8)}, body...)
	var out []byte
	for sequence := uint32(2); ; sequence++ {
		n := min(len(body), 60000)
		head := []byte{1, 0, 0, 0, 1, 0, 0, 0}
		head = binary.LittleEndian.AppendUint32(head, sequence)
		head = binary.LittleEndian.AppendUint32(head, request)
		kind := "MSGC"
		if n == len(body) {
			kind = "MSGF"
		}
		out = append(out, framed(kind, append(head, body[:n]...))...)
		if body = body[n:]; len(body) == 0 {
			return out
		}
	}
}

// hostile is a server that behaves until it is asked something.
type hostile struct {
	ack, open []byte
	answer    func(c net.Conn, request uint32)
	asked     atomic.Int64
}

func (h *hostile) serve(c net.Conn) {
	for {
		b, kind, _, err := readUA(c, nil)
		if err != nil {
			return
		}
		h.asked.Add(1)
		switch kind {
		case "HEL":
			_, err = c.Write(h.ack)
		case "OPN":
			_, err = c.Write(h.open)
		case "MSG":
			h.answer(c, binary.LittleEndian.Uint32(b[20:]))
		}
		if err != nil {
			return
		}
	}
}

func well(answer func(c net.Conn, request uint32)) *hostile {
	return &hostile{ack: ackOf(0xffff), open: openOf(uaNone, 3_600_000), answer: answer}
}

func write(c net.Conn, b []byte) { _, _ = c.Write(b) }

// TestHostileOPCUA: what a server can do to the library it does to a child
// that has little memory and time; this process goes on, tells, and asks no
// further.
func TestHostileOPCUA(t *testing.T) {
	needChild(t)
	find := func(body []byte) func(net.Conn, uint32) { // answers FindServers
		return func(c net.Conn, request uint32) {
			write(c, messages(request, 425, append(responseHeader(request), body...)))
		}
	}
	nested := bytes.Repeat([]byte{0x40}, 3<<20) // DiagnosticInfo in DiagnosticInfo
	for name, x := range map[string]struct {
		h    *hostile
		want string
	}{
		"negative array":     {well(find([]byte{0xfe, 0xff, 0xff, 0xff})), ""},
		"huge array":         {well(find([]byte{0xff, 0xff, 0xff, 0x7f})), ""},
		"nested":             {well(func(c net.Conn, r uint32) { write(c, messages(r, 425, append(make([]byte, 16), nested...))) }), "has ended"},
		"memory":             {&hostile{ack: ackOf(0xfffffff0), open: openOf(uaNone, 3_600_000), answer: find([]byte{0, 0, 0, 0})}, "has ended"},
		"silence":            {well(func(net.Conn, uint32) {}), "no answer"},
		"another policy":     {&hostile{ack: ackOf(0xffff), open: openOf(uaPolicies+"Basic256", 3_600_000)}, "answers with security policy"},
		"token ends at once": {&hostile{ack: ackOf(0xffff), open: openOf(uaNone, 0), answer: func(net.Conn, uint32) {}}, ""},
		"long message":       {well(func(c net.Conn, _ uint32) { write(c, []byte("MSGF\xff\xff\xff\x7f")) }), "a message of 2147483647 bytes"},
		"short message":      {well(func(c net.Conn, _ uint32) { write(c, []byte("MSGF\x02\x00\x00\x00")) }), "a message of 2 bytes"},
		"other protocol":     {&hostile{ack: []byte("HTTP/1.1 400 Bad Request\r\n\r\n")}, "a message of"},
		"endless chunks": {well(func(c net.Conn, r uint32) {
			chunk := messages(r, 425, make([]byte, 50000))
			chunk[3] = 'C'
			for {
				if _, err := c.Write(chunk); err != nil {
					return
				}
			}
		}), "bytes: hung up"},
		"10 MB string": {well(find(append([]byte{1, 0, 0, 0, 0x80, 0x96, 0x98, 0}, make([]byte, 10<<20)...))), ""},
		"drip": {well(func(c net.Conn, r uint32) {
			for _, b := range messages(r, 425, make([]byte, 500)) {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		}), "no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			s := loopback(reading.Target{Address: "127.0.0.1", OPCUA: &reading.OPCUA{Port: serve(t, x.h.serve)}})
			if name == "silence" || name == "drip" {
				s.Timeout = "2s"
			}
			p, n := prober(t, s)
			begun := time.Now()
			err := ask(t, p)
			if err == nil || !strings.Contains(err.Error(), x.want) || len(err.Error()) > 600 {
				t.Errorf("got %v, want %q", err, x.want)
			}
			if took := time.Since(begun); took > atOnce {
				t.Errorf("took %v", took)
			}
			if k := x.h.asked.Load(); k > 5 {
				t.Errorf("the server was sent %d messages", k)
			}
			if len(n.entries()) == 0 {
				t.Error("nothing was logged")
			}
			t.Log(err)
		})
	}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &used); err != nil {
		t.Fatal(err)
	}
	if most := used.Maxrss << 10; most > childData+childFilesMapped {
		t.Errorf("a child took %d MB", most>>20)
	}
}

// childFilesMapped is room for the program's own pages, which RLIMIT_DATA does
// not count.
const childFilesMapped = 128 << 20

// TestHugeCertificates: one that is too long is not kept, and one that is
// longer than what a server may send ends the connection; neither is trusted,
// nothing of a session leaves, and this process stays small.
func TestHugeCertificates(t *testing.T) {
	needChild(t)
	for name, c := range map[string]struct {
		size int
		want string
	}{"3 MB": {3 << 20, "shows no certificate, or one over"}, "10 MB": {10 << 20, "bytes: hung up"}} {
		t.Run(name, func(t *testing.T) {
			port := serve(t, func(conn net.Conn) {
				asked := 0
				well(func(conn net.Conn, request uint32) {
					if asked++; asked == 1 { // finds no servers
						write(conn, messages(request, 425, append(responseHeader(request), 0, 0, 0, 0)))
						return
					}
					write(conn, endpointWith(request, c.size))
				}).serve(conn)
			})
			p, n := prober(t, loopback(reading.Target{Address: "127.0.0.1", OPCUA: &reading.OPCUA{Port: port, Session: "anonymous"}}))
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			begun := time.Now()
			err := ask(t, p)
			runtime.GC()
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if took := time.Since(begun); took > atOnce {
				t.Errorf("took %v", took)
			}
			if k := len(sentBytes(n.entries())); k > 5 {
				t.Errorf("%d requests left", k)
			}
			for _, e := range n.entries() {
				if len(e.Answer) > maxAnswer {
					t.Errorf("%d bytes of an answer are logged", len(e.Answer))
				}
			}
			if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 16<<20 {
				t.Errorf("%d MB are kept", kept>>20)
			}
		})
	}
}

// endpointWith answers GetEndpoints with one that has a certificate of so many
// bytes.
func endpointWith(request uint32, size int) []byte {
	text := func(s string) []byte { return append(binary.LittleEndian.AppendUint32(nil, uint32(len(s))), s...) }
	null := []byte{0xff, 0xff, 0xff, 0xff}
	body := slices.Concat(responseHeader(request), []byte{1, 0, 0, 0}, text("opc.tcp://127.0.0.1:4840"),
		null, null, []byte{0}, []byte{0, 0, 0, 0}, null, null, null, // the application
		binary.LittleEndian.AppendUint32(nil, uint32(size)), make([]byte, size),
		[]byte{3, 0, 0, 0}, text(uaPolicies+"Basic256Sha256"),
		[]byte{1, 0, 0, 0}, text("a"), []byte{0, 0, 0, 0}, null, null, null, // one token policy, anonymous
		null, []byte{0})
	return messages(request, 431, body)
}

// TestNoRetryStorm: a server that fails in any way is asked once, and again
// only when its turn comes.
func TestNoRetryStorm(t *testing.T) {
	garbage := func(c net.Conn) {
		_, _ = c.Read(make([]byte, 64))
		write(c, bytes.Repeat([]byte{0xff}, 512))
	}
	silence := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	for name, x := range map[string]struct {
		of   string
		each func(net.Conn)
	}{
		"modbus hangs up": {"modbus", func(net.Conn) {}}, "modbus garbage": {"modbus", garbage}, "modbus silence": {"modbus", silence},
		"opcua hangs up": {"opcua", func(net.Conn) {}}, "opcua garbage": {"opcua", garbage}, "opcua silence": {"opcua", silence},
	} {
		t.Run(name, func(t *testing.T) {
			if x.of == "opcua" {
				needChild(t)
			}
			t.Parallel()
			var connections atomic.Int64
			port := serve(t, func(c net.Conn) {
				connections.Add(1)
				x.each(c)
			})
			target := reading.Target{Address: "127.0.0.1", Modbus: &reading.Modbus{Port: port, Units: "1-32", Identification: "extended"}}
			if x.of == "opcua" {
				target = reading.Target{Address: "127.0.0.1", OPCUA: &reading.OPCUA{Port: port, Session: "anonymous"}}
			}
			s := loopback(target)
			if strings.HasSuffix(name, "silence") {
				s.Timeout = "500ms"
			}
			p, n := prober(t, s)
			var rounds atomic.Int64
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				done <- (&Runner{Prober: p, Ended: func(Job, error) { rounds.Add(1) }}).Run(ctx)
			}()
			until(t, "the round's end", func() bool { return rounds.Load() > 0 })
			time.Sleep(2500 * time.Millisecond) // the runner looks each second
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if connections.Load() > 1 || len(n.entries()) > 1 {
				t.Errorf("%d connections, %d tries", connections.Load(), len(n.entries()))
			}
		})
	}
}

// TestManyEndpoints: of ten thousand some are read, and that is told; where
// they point to, nobody goes.
func TestManyEndpoints(t *testing.T) {
	needChild(t)
	var visited atomic.Int64
	elsewhere := serve(t, func(net.Conn) { visited.Add(1) })
	port := serve(t, func(c net.Conn) {
		uaStandIn(c.(*net.TCPConn), func(r ua.Request) ua.Response {
			answer, ok := uaAnswer(r).(*ua.GetEndpointsResponse)
			if !ok {
				return uaAnswer(r)
			}
			for range 10_000 {
				answer.Endpoints = append(answer.Endpoints, &ua.EndpointDescription{
					EndpointURL: fmt.Sprintf("opc.tcp://127.0.0.1:%d", elsewhere), SecurityPolicyURI: uaNone, SecurityMode: ua.MessageSecurityModeNone,
					Server:             &ua.ApplicationDescription{ApplicationName: ua.NewLocalizedText("x"), DiscoveryURLs: []string{fmt.Sprintf("opc.tcp://127.0.0.1:%d", elsewhere)}},
					UserIdentityTokens: []*ua.UserTokenPolicy{{PolicyID: "a", TokenType: ua.UserTokenTypeAnonymous}},
				})
			}
			return answer
		})
	})
	p, n := prober(t, loopback(reading.Target{Address: "127.0.0.1", OPCUA: &reading.OPCUA{Port: port, Session: "anonymous"}}))
	if err := ask(t, p); err != nil {
		t.Fatal(err)
	}
	if got := n.value("opcua.endpoints"); got != "10000, of which 64 were read" {
		t.Errorf("told %q", got)
	}
	if visited.Load() != 0 {
		t.Errorf("a server led %d connections elsewhere", visited.Load())
	}
	for _, e := range n.entries() {
		if e.Target.Port() != uint16(port) {
			t.Errorf("something went to %s", e.Target)
		}
	}
}

// TestServerWithoutFindServers: one that knows less is still asked how one may
// enter.
func TestServerWithoutFindServers(t *testing.T) {
	needChild(t)
	port := serve(t, func(c net.Conn) {
		uaStandIn(c.(*net.TCPConn), func(r ua.Request) ua.Response {
			switch answer := uaAnswer(r).(type) {
			case *ua.FindServersResponse:
				fault := &ua.ServiceFault{ResponseHeader: answer.ResponseHeader}
				fault.ResponseHeader.ServiceResult = ua.StatusBadServiceUnsupported
				return fault
			case *ua.GetEndpointsResponse:
				answer.Endpoints = []*ua.EndpointDescription{{
					EndpointURL: "opc.tcp://127.0.0.1:4840", SecurityPolicyURI: uaNone, SecurityMode: ua.MessageSecurityModeNone,
					Server: &ua.ApplicationDescription{ApplicationName: ua.NewLocalizedText("little server")},
				}}
				return answer
			default:
				return answer
			}
		})
	})
	p, n := prober(t, loopback(reading.Target{Address: "127.0.0.1", OPCUA: &reading.OPCUA{Port: port}}))
	if err := ask(t, p); err != nil || n.value("opcua.application_name") != "little server" {
		t.Errorf("%v, %+v", err, n.facts)
	}
}

// TestChildSaysTooMuch: what a child says is read within limits.
func TestChildSaysTooMuch(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "ended before",
		"{":                          "cannot be read",
		`{"Error":"no"}`:             "no",
		`{"Attribute":"a"}`:          "ended before",
		strings.Repeat("{}\n", 5000): "too much",
		`{"Value":"` + strings.Repeat("x", 3<<20) + `"}`: "cannot be read",
	} {
		if err := readTold(strings.NewReader(text), func(uaTold) {}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", text, err, want)
		}
	}
	if err := readTold(strings.NewReader(`{"Done":true}`), func(uaTold) {}); err != nil {
		t.Error(err)
	}
	x := &exchange{}
	for _, bad := range []uaTold{{Attribute: "Bad Name", Value: "v"}, {Attribute: "a", Value: "v", Source: "../x"}, {Value: "v"}, {Attribute: strings.Repeat("a", 65), Value: "v"}} {
		x.take(bad)
	}
	if len(x.facts) != 0 {
		t.Errorf("taken: %+v", x.facts)
	}
}
