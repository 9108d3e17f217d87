package dissect

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// uaWriter writes the binary encoding for these tests.
type uaWriter []byte

func (w uaWriter) u8(x ...byte) uaWriter { return append(w, x...) }
func (w uaWriter) u16(x uint16) uaWriter { return binary.LittleEndian.AppendUint16(w, x) }
func (w uaWriter) u32(x uint32) uaWriter { return binary.LittleEndian.AppendUint32(w, x) }
func (w uaWriter) null() uaWriter        { return w.u32(0xffffffff) }
func (w uaWriter) zero(n int) uaWriter   { return append(w, make([]byte, n)...) }
func (w uaWriter) str(s string) uaWriter { return append(w.u32(uint32(len(s))), s...) }
func (w uaWriter) id(id uint16) uaWriter { return w.u8(1, 0).u16(id) }
func (w uaWriter) text(s string) uaWriter {
	return w.u8(2).str(s)
}

// request and response begin a service message.
func (w uaWriter) request(id uint16) uaWriter {
	return w.id(id).u8(0, 0).zero(16).null().u32(10000).u8(0, 0, 0)
}

func (w uaWriter) response(id uint16) uaWriter {
	return w.id(id).zero(12).u32(0).u8(0).null().u8(0, 0, 0)
}

// application is an ApplicationDescription.
func (w uaWriter) application(uri, product, name string, typ uint32, url string) uaWriter {
	return w.str(uri).str(product).text(name).u32(typ).null().null().u32(1).str(url)
}

// endpoint is an EndpointDescription.
func (w uaWriter) endpoint(uri string, mode uint32, policy string) uaWriter {
	w = w.str("opc.tcp://h:4840").application(uri, "urn:p", "App", 0, "opc.tcp://h:4840").null().u32(mode).str(uaPolicyPrefix + policy)
	return w.u32(1).str("anon").u32(0).null().null().null().str("transport").u8(0)
}

const uaPolicyPrefix = "http://opcfoundation.org/UA/SecurityPolicy#"

// uaMessage is one chunk of a MSG.
func uaMessage(chunk byte, sequence, request uint32, body []byte) []byte {
	w := uaWriter("MSG").u8(chunk).u32(uint32(24 + len(body))).u32(77).u32(1).u32(sequence).u32(request)
	return append(w, body...)
}

// uaOpen is an OPN with a body.
func uaOpen(channel uint32, policy string, certificate string, body []byte) []byte {
	w := uaWriter{}.u32(channel).str(uaPolicyPrefix + policy)
	if certificate == "" {
		w = w.null().null()
	} else {
		w = w.str(certificate).str(strings.Repeat("t", 20))
	}
	w = append(w.u32(1).u32(1), body...)
	return append(uaWriter("OPNF").u32(uint32(8+len(w))), w...)
}

func uaTalk(t testing.TB) chat {
	tt, _ := t.(*testing.T)
	return chat{&talk{t: tt, d: &opcua{}, port: 4840, stream: true}}
}

// security is what the message told of the channel, the last of several.
func security(l *log) (s ot.Security, told bool) {
	for _, e := range l.all() {
		if e.kind == toldSecurity {
			s, told = e.security, true
		}
	}
	return s, told
}

func TestUASignature(t *testing.T) {
	for _, c := range []struct {
		what string
		b    string
		want bool
	}{
		{"hello", "HELF\x38\x00\x00\x00", true},
		{"message", "MSGF\x80\x00\x00\x00", true},
		{"message in parts", "MSGC\x80\x00\x00\x00", true},
		{"first octets", "MSG", true},
		{"one octet", "O", true},
		{"open in parts", "OPNC\x80\x00\x00\x00", false},
		{"acknowledge of another size", "ACKF\x1d\x00\x00\x00", false},
		{"hello too short", "HELF\x1f\x00\x00\x00", false},
		{"message of a gigabyte", "MSGF\x00\x00\x00\x40", false},
		{"message too short", "MSGF\x18\x00\x00\x00", false},
		{"HTTP", "HEAD / HTTP/1.1\r\n", false},
		{"SIP", "MESSAGE sip:a@b", false},
		{"text", "MSGX\x80\x00\x00\x00", false},
	} {
		if got := matchUA([]byte(c.b)); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}

func TestUAHandshake(t *testing.T) {
	k := uaTalk(t)
	hello := uaWriter("HELF").u32(0).zero(20).str("opc.tcp://mixer:4840")
	binary.LittleEndian.PutUint32(hello[4:], uint32(len(hello)))
	expectTold(t, k.say(0, hello), `client receiver opcua.endpoint_url="opc.tcp://mixer:4840"(opcua.hello.endpoint_url,hint)`)
	expectTold(t, k.say(1, uaWriter("ACKF").u32(28).zero(20)), "server")
	expectTold(t, k.say(1, uaWriter("ERRF").u32(16).u32(0x80010000).null()), "server")
	reverse := uaWriter("RHEF").u32(0).str("urn:mixer").str("opc.tcp://mixer:4840")
	binary.LittleEndian.PutUint32(reverse[4:], uint32(len(reverse)))
	expectTold(t, k.say(0, reverse), `server opcua.application_uri="urn:mixer"(opcua.reverse_hello.server_uri,identity) opcua.endpoint_url="opc.tcp://mixer:4840"(opcua.reverse_hello.endpoint_url,content)`)
	k.refused(0, []byte("GET / HTTP/1.1\r\n"), ErrMalformed)
	uaTalk(t).refused(0, []byte("GET / HTTP/1.1\r\n"), ErrNotMine)
}

func TestUAOperations(t *testing.T) {
	plant := uaWriter{}.u8(3).u16(2).str("Speed")
	node := func(b []byte) []byte { return append(slices.Clone(b), uaWriter{}.u32(13).null().u16(0).null()...) }
	read := func(nodes ...[]byte) []byte {
		w := uaWriter{}.request(uaReadRequest).zero(12).u32(uint32(len(nodes)))
		for _, n := range nodes {
			w = append(w, node(n)...)
		}
		return w
	}
	call := func(methods ...[]byte) []byte {
		w := uaWriter{}.request(uaCallRequest).u32(uint32(len(methods)))
		for _, m := range methods {
			w = append(w, m...)
		}
		return w
	}
	method := func(id []byte) []byte { // with one argument, an array of Int32
		return append(append(uaWriter{}.u8(0, 85), id...), uaWriter{}.u32(1).u8(0x86).u32(2).zero(8)...)
	}
	state, refresh, acknowledge := uaWriter{}.u8(1, 0).u16(2259), uaWriter{}.u8(1, 0).u16(3875), uaWriter{}.u8(1, 0).u16(9111)
	for _, c := range []struct {
		what string
		body []byte
		want string
	}{
		{"browse", uaWriter{}.request(527), "client diagnose=1"},
		{"write", uaWriter{}.request(673), "client write=1"},
		{"history update", uaWriter{}.request(700), "client write=1"},
		{"history read", uaWriter{}.request(664), "client read=1"},
		{"create subscription", uaWriter{}.request(787), "client subscribe=1"},
		{"add nodes", uaWriter{}.request(488), "client configure=1"},
		{"find servers on the network", uaWriter{}.u8(2, 0, 0).u32(12208).zero(10), "client diagnose=1"},
		{"close session", uaWriter{}.request(473), "client"},
		{"read of the plant", read(plant), "client read=1"},
		{"read of the server's state", read(state), "client diagnose=1"},
		{"read of both", read(state, plant), "client read=1"},
		{"read cut in its nodes", read(plant)[:40], "client read=1"},
		{"call", call(method(plant)), "client control=1"},
		{"condition refresh", call(method(refresh)), "client subscribe=1"},
		{"acknowledge", call(method(acknowledge)), "client alarm=1"},
		{"acknowledge, and a method of the plant", call(method(acknowledge), method(plant)), "client control=1"},
		{"response first", uaWriter{}.response(676), "server write=1"},
		{"fault", uaWriter{}.response(uaFault), "server"},
		{"vendor's own type", uaWriter{}.u8(1, 2).u16(631).zero(9), ""},
	} {
		k := uaTalk(t)
		if got := k.say(0, uaMessage('F', 1, 1, c.body)); got != c.want {
			t.Errorf("%s: told %q, not %q", c.what, got, c.want)
		}
	}
	k := uaTalk(t)
	k.say(0, uaMessage('F', 1, 1, uaWriter{}.request(673)))
	expectTold(t, k.say(1, uaMessage('F', 1, 1, uaWriter{}.response(676))), "server")
}

func TestUAIdentifiesClientAndUser(t *testing.T) {
	k := uaTalk(t)
	create := uaWriter{}.request(uaCreateSessionRequest).application("urn:hist", "urn:hist:p", "Historian", 1, "").null().str("opc.tcp://mixer:4840").str("collector").zero(50)
	expectTold(t, k.say(0, uaMessage('F', 1, 1, create)), `client opcua.application_uri="urn:hist"(opcua.application_description.application_uri,identity) opcua.product_uri="urn:hist:p"(opcua.application_description.product_uri,identity) `+
		`opcua.application_name="Historian"(opcua.application_description.application_name,identity) opcua.application_type="client"(opcua.application_description.application_type,identity) `+
		`opcua.session_name="collector"(opcua.create_session.session_name,content) receiver opcua.endpoint_url="opc.tcp://mixer:4840"(opcua.request.endpoint_url,hint)`)
	activate := uaWriter{}.request(uaActivateSessionRequest).null().null().null().u32(1).str("en").id(324).u8(1).str("who and password").null().null()
	expectTold(t, k.say(0, uaMessage('F', 2, 2, activate)), `client opcua.user_token="user name"(opcua.activate_session.user_identity_token,content) authenticate=1`)
}

// endpointsTold is what a GetEndpoints response of two endpoints tells.
const endpointsTold = `server opcua.application_uri="urn:mixer"(opcua.application_description.application_uri,identity) opcua.product_uri="urn:p"(opcua.application_description.product_uri,identity) ` +
	`opcua.application_name="App"(opcua.application_description.application_name,identity) opcua.application_type="server"(opcua.application_description.application_type,identity) ` +
	`opcua.discovery_url="opc.tcp://h:4840"(opcua.application_description.discovery_url,identity) opcua.endpoint_url="opc.tcp://h:4840"(opcua.endpoint_description.endpoint_url,identity) ` +
	`opcua.endpoint_security="none http://opcfoundation.org/UA/SecurityPolicy#None"(opcua.endpoint_description.security,identity) ` +
	`opcua.endpoint_security="sign-and-encrypt http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256"(opcua.endpoint_description.security,identity) diagnose=1`

func endpointsResponse() []byte {
	return uaWriter{}.response(uaGetEndpointsResponse).u32(2).endpoint("urn:mixer", 1, "None").endpoint("urn:mixer", 3, "Basic256Sha256")
}

func TestUAChunks(t *testing.T) {
	body := endpointsResponse()
	k := uaTalk(t)
	expectTold(t, k.say(1, uaMessage('F', 1, 1, body)), endpointsTold)
	for _, size := range []int{50, 100, len(body) - 1} {
		k := uaTalk(t)
		sequence, told := uint32(50), "server"
		for off := 0; off < len(body); off += size {
			chunk := byte('C')
			if off+size >= len(body) {
				chunk = 'F'
			}
			b := uaMessage(chunk, sequence, 9, body[off:min(off+size, len(body))])
			k.say(1, b)
			got := k.say(1, b) // the engine may look at a message twice
			if got = strings.TrimSpace(strings.TrimPrefix(got, "server")); got != "" {
				told += " " + got
			}
			sequence++
			k.say(0, uaMessage('F', sequence, 9, uaWriter{}.request(673))) // the other side's numbers are its own
		}
		if want := strings.TrimSuffix(endpointsTold, " diagnose=1"); strings.TrimSuffix(told, " diagnose=1") != want {
			t.Errorf("in chunks of %d: told %s", size, told)
		}
	}
}

func TestUATrialKeepsNothing(t *testing.T) {
	body := endpointsResponse()
	k := uaTalk(t)
	k.say(1, uaMessage('C', 1, 9, body[:100]))
	for _, b := range [][]byte{uaMessage('F', 2, 9, body[100:]), uaMessage('A', 2, 9, body[100:]), uaMessage('C', 5, 11, body)} {
		m := k.message(1, b)
		m.Trial = true
		_, _ = k.d.Dissect(m, &log{})
	}
	if got := k.say(1, uaMessage('F', 2, 9, body[100:])); !strings.HasPrefix(got, `opcua.application_uri="urn:mixer"`) {
		t.Errorf("after trials: told %s", got)
	}
}

func TestUAChunksAbandonedAndLost(t *testing.T) {
	body := endpointsResponse()
	k := uaTalk(t)
	k.say(1, uaMessage('C', 1, 9, body[:100]))
	expectTold(t, k.say(1, uaMessage('A', 2, 9, uaWriter{}.u32(0x80010000).null())), "")
	expectTold(t, k.say(1, uaMessage('F', 3, 9, body[100:])), "") // belongs to nothing
	k.say(1, uaMessage('C', 10, 12, body[:100]))
	expectTold(t, k.say(1, uaMessage('F', 12, 12, body[100:])), "") // one between is missing
}

func TestUAChunksAreBounded(t *testing.T) {
	k := uaTalk(t)
	k.say(1, uaMessage('C', 1, 1, uaWriter{}.response(uaGetEndpointsResponse).u32(1<<20).zero(30000)))
	for i := uint32(2); i < 100; i++ {
		k.say(1, uaMessage('C', i, 1, make([]byte, 40000)))
	}
	p := &k.d.(*opcua).parts[sideA]
	if n := len(p.body); n > uaJoined || n < uaJoined/2 {
		t.Errorf("%d octets of a message are kept", n)
	}
	k.say(1, uaMessage('F', 500, 2, uaWriter{}.response(676)))
	if p.body != nil {
		t.Error("a large buffer is kept")
	}
}

func TestUABuildInfo(t *testing.T) {
	info := uaWriter{}.str("urn:p").str("Example Automation").str("Mixer").str("2.7.1").str("88").zero(8)
	status := append(uaWriter{}.zero(20), info...)
	object := func(id uint16, body []byte) []byte { return uaWriter{}.u8(1, 22).id(id).u8(1).str(string(body)) }
	single := func(s string) []byte { return uaWriter{}.u8(1, 12).str(s) }
	ask := func(k chat, request uint32, nodes ...uaWriter) {
		w := uaWriter{}.request(uaReadRequest).zero(12).u32(uint32(len(nodes)))
		for _, n := range nodes {
			w = append(append(w, n...), uaWriter{}.u32(13).null().u16(0).null()...)
		}
		k.say(0, uaMessage('F', request, request, w))
	}
	answer := func(k chat, request uint32, values ...[]byte) string {
		w := uaWriter{}.response(uaReadResponse).u32(uint32(len(values)))
		for _, v := range values {
			w = append(w, v...)
		}
		return k.say(1, uaMessage('F', request, request, w.null()))
	}
	node := func(id uint16) uaWriter { return uaWriter{}.u8(1, 0).u16(id) }
	all := func(grade string) string {
		return strings.ReplaceAll(`opcua.product_uri="urn:p"(opcua.build_info.product_uri,G) vendor="Example Automation"(opcua.build_info.manufacturer_name,G) product="Mixer"(opcua.build_info.product_name,G) firmware="2.7.1"(opcua.build_info.software_version,G) opcua.build_number="88"(opcua.build_info.build_number,G)`, "G", grade)
	}
	k := uaTalk(t)
	ask(k, 5, node(uaServerStatus))
	ask(k, 6, uaWriter{}.u8(3).u16(2).str("Speed"), node(uaManufacturerName), node(uaSoftwareVersion))
	expectTold(t, answer(k, 6, single("1400"), single("ACME"), uaWriter{}.u8(1, 21).text("3.1")), `server vendor="ACME"(opcua.build_info.manufacturer_name,identity) firmware="3.1"(opcua.build_info.software_version,identity)`)
	expectTold(t, answer(k, 5, object(uaStatusBinary, status)), "server "+all("identity"))
	expectTold(t, answer(k, 7, object(uaBuildInfoBinary, info)), "server") // asked for something else
	ask(k, 8, uaWriter{}.u8(2).u16(4).u32(uaBuildInfo))                    // the same number in another namespace
	expectTold(t, answer(k, 8, object(uaBuildInfoBinary, info)), "server")
	expectTold(t, answer(uaTalk(t), 9, object(uaStatusBinary, status)), "server "+all("content")+" read=1") // the request was before the capture
	for i := uint32(100); i < 120; i++ {
		ask(k, i, node(uaBuildInfo))
	}
	expectTold(t, answer(k, 119, object(uaBuildInfoBinary, info)), "server "+all("identity"))
	expectTold(t, answer(k, 100, object(uaBuildInfoBinary, info)), "server") // its place was used again
}

func TestUAFindServers(t *testing.T) {
	list := uaWriter{}.response(uaFindServersResponse).u32(3).
		application("urn:lds", "", "", uaDiscoveryServer, "opc.tcp://lds:4840").
		application("urn:a", "", "", 0, "opc.tcp://10.1.2.3:4840/a").
		application("urn:b", "", "", 0, "opc.tcp://plc-b:4840")
	k := uaTalk(t)
	k.say(1, uaMessage('F', 1, 1, list))
	var got []string
	for _, e := range k.log.all() {
		if e.kind == toldFact && e.attribute == "opcua.application_uri" {
			who := "sender"
			if e.subject.Kind == ByAddr {
				who = e.subject.Addr.String()
			}
			got = append(got, who+" "+string(e.value))
		}
	}
	if want := []string{"sender urn:lds", "10.1.2.3 urn:a"}; !slices.Equal(got, want) {
		t.Errorf("told %q, not %q", got, want)
	}
}

func TestUARegisterServer(t *testing.T) {
	k := uaTalk(t)
	w := uaWriter{}.request(uaRegisterServerRequest).str("urn:mixer").str("urn:p").u32(1).text("Mixer").u32(0).null().u32(1).str("opc.tcp://mixer:4840").null().u8(1)
	if got := k.say(0, uaMessage('F', 1, 1, w)); !strings.HasPrefix(got, `client opcua.application_uri="urn:mixer"`) || !strings.HasSuffix(got, "configure=1") {
		t.Errorf("told %s", got)
	}
}

func TestUASecurity(t *testing.T) {
	read := uaWriter{}.request(673)
	noise := []byte(strings.Repeat("\xd7\x31\x9a\x44", 16))
	tell := func(k chat, side int, b []byte) (ot.Security, bool, error) {
		k.log.reset()
		_, err := k.d.Dissect(k.message(side, b), &k.log)
		s, told := security(&k.log)
		return s, told, err
	}
	open := func(policy string) chat {
		k := uaTalk(t)
		certificate := "not a certificate"
		if policy == "None" {
			certificate = ""
		}
		k.say(0, uaOpen(0, policy, certificate, uaWriter{}.request(uaOpenChannelRequest).zero(40)))
		return k
	}
	k := open("None")
	if _, told, _ := tell(k, 1, uaMessage('F', 1, 1, endpointsResponse())); told {
		t.Error("discovery without a session says nothing of the channel for data")
	}
	if s, _, _ := tell(k, 0, uaMessage('F', 2, 2, read)); s.Mode != ot.SecurityNone || s.Policy != "None" {
		t.Errorf("policy None: %+v", s)
	}
	if s, told, err := tell(k, 0, uaMessage('F', 2, 2, noise)); told || err != nil {
		t.Errorf("with policy None nothing is ciphertext: %+v, %v", s, err)
	}
	if s, _, err := tell(open("Basic256Sha256"), 0, uaMessage('F', 2, 2, read)); err != nil || s.Mode != ot.Sign || s.Policy != "Basic256Sha256" {
		t.Errorf("clear with a policy: %+v, %v", s, err)
	}
	if s, _, err := tell(open("Aes256_Sha256_RsaPss"), 0, uaMessage('F', 2, 2, noise)); !errors.Is(err, ErrDone) || s.Mode != ot.SignAndEncrypt || s.Policy != "Aes256_Sha256_RsaPss" {
		t.Errorf("ciphertext: %+v, %v", s, err)
	}
}

func TestUASecurityFromTheMiddle(t *testing.T) {
	block := []byte(strings.Repeat("\xd7\x31\x9a\x44", 18)) // 16 clear octets, then five cipher blocks
	k := uaTalk(t)
	for i := uint32(1); ; i++ {
		k.log.reset()
		_, err := k.d.Dissect(k.message(0, uaMessage('F', i*7919, i*104729, block)), &k.log)
		if s, _ := security(&k.log); errors.Is(err, ErrDone) {
			if i != uaOpaque || s.Mode != ot.SignAndEncrypt {
				t.Errorf("after %d chunks: %+v", i, s)
			}
			break
		}
		if err != nil || i > uaOpaque {
			t.Fatalf("chunk %d: %v", i, err)
		}
	}
	publish := uaWriter{}.request(uaPublishRequest).u32(1).zero(8)
	for tail, want := range map[int]ot.SecurityMode{0: ot.SecurityNone, 20: ot.Sign, 32: ot.Sign, 5: ot.SecurityUnknown} {
		k := uaTalk(t)
		k.say(0, uaMessage('F', 1, 1, append(slices.Clone(publish), make([]byte, tail)...)))
		if s, _ := security(&k.log); s.Mode != want {
			t.Errorf("%d octets behind the message: %s", tail, s.Mode)
		}
	}
}

// Lengths and depths from the wire neither size memory nor take time.
func TestUAHostile(t *testing.T) {
	start := time.Now()
	deep := func(b ...byte) []byte { return []byte(strings.Repeat(string(b), 40000/len(b))) }
	for what, body := range map[string][]byte{
		"array of -2":                   uaWriter{}.response(uaGetEndpointsResponse).u32(0xfffffffe),
		"array of 2147483647":           uaWriter{}.response(uaGetEndpointsResponse).u32(0x7fffffff),
		"string of 2147483647":          uaWriter{}.response(uaGetEndpointsResponse).u32(1).u32(0x7fffffff),
		"variants within variants":      append(uaWriter{}.response(uaReadResponse).u32(1).u8(1), deep(24)...),
		"arrays within arrays":          append(uaWriter{}.response(uaReadResponse).u32(1).u8(1), deep(24|0x80, 1, 0, 0, 0)...),
		"data values within data":       append(uaWriter{}.response(uaReadResponse).u32(1).u8(1), deep(23, 1)...),
		"array of nothing":              uaWriter{}.response(uaReadResponse).u32(1).u8(1, 0x80).u32(0x7fffffff),
		"array of 2147483647 guids":     uaWriter{}.response(uaReadResponse).u32(1).u8(1, 0x8e).u32(0x7fffffff),
		"diagnostics within":            append(uaWriter{}.id(uaReadResponse).zero(16), deep(0x40)...),
		"dimensions of 2147483647":      uaWriter{}.response(uaReadResponse).u32(1).u8(1, 0xc6).u32(0).u32(0x7fffffff),
		"strings in the table":          uaWriter{}.id(uaReadResponse).zero(16).u8(0).u32(0x7fffffff),
		"methods":                       uaWriter{}.request(uaCallRequest).u32(0x7fffffff),
		"nodes to read":                 uaWriter{}.request(uaReadRequest).zero(12).u32(0x7fffffff),
		"node id of an unknown form":    uaWriter{}.request(uaReadRequest).zero(12).u32(1).u8(9),
		"extension object without end":  uaWriter{}.response(uaReadResponse).u32(1).u8(1, 22).id(uaStatusBinary).u8(1).u32(0x7fffffff),
		"structure shorter than itself": uaWriter{}.response(uaReadResponse).u32(1).u8(1, 22).id(uaStatusBinary).u8(1).str("short"),
		"acknowledgements":              uaWriter{}.request(uaPublishRequest).u32(0x7fffffff),
	} {
		k := uaTalk(t)
		if got := k.say(0, uaMessage('F', 1, 1, body)); strings.Contains(got, "opcua.") {
			t.Errorf("%s: told %s", what, got)
		}
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
	c := wire.New([]byte{9, 1, 2, 3})
	if n := uaNodeID(&c); n.ok || c.OK() {
		t.Error("an unknown node id ends the reading")
	}
}

// A strict prefix of a chunk is short, or tells what the whole tells.
func TestUAPrefixes(t *testing.T) {
	for _, b := range [][]byte{
		uaMessage('F', 1, 1, endpointsResponse()),
		uaMessage('F', 1, 1, uaWriter{}.request(673).zero(50)),
		uaMessage('C', 1, 1, uaWriter{}.request(673).zero(50)),
		uaMessage('F', 1, 1, uaWriter{}.request(473)[:2]),
		uaOpen(0, "None", "", uaWriter{}.request(uaOpenChannelRequest).zero(40)),
	} {
		k := uaTalk(t)
		want := k.say(0, b)
		for n := range b {
			k := uaTalk(t)
			used, err := k.d.Dissect(k.message(0, b[:n]), &k.log)
			switch {
			case errors.Is(err, ErrShort):
			case err == nil && used == len(b) && chatText(&k.log) == want:
			default:
				t.Errorf("%d of %d octets: used %d, %v, told %s", n, len(b), used, err, chatText(&k.log))
			}
		}
	}
}

func TestUAResync(t *testing.T) {
	b := append([]byte("..MSGX....MSGF\xff\xff\xff\xffMSG"), uaMessage('F', 1, 1, uaWriter{}.request(673))...)
	if at := (&opcua{}).Resync(b); at != len(b)-len(uaMessage('F', 1, 1, uaWriter{}.request(673))) {
		t.Errorf("found one at %d", at)
	}
	if at := (&opcua{}).Resync([]byte("MSGF")); at != -1 {
		t.Errorf("found one at %d", at)
	}
}

// From the middle, behind a gap, and on a port of its own: the bytes prove it.
func TestUAMidStream(t *testing.T) {
	r := newRig(t, Protocols())
	r.send(0, "....tail of a message"+string(uaMessage('F', 4, 4, uaWriter{}.request(673))))
	r.send(0, string(uaMessage('F', 5, 5, uaWriter{}.request(673))))
	r.send(1, string(uaMessage('F', 5, 5, endpointsResponse())))
	if got := r.result(); !strings.Contains(got, "10.0.0.1 > 10.0.0.2 tcp/7 opcua directed [write=1]") || !strings.Contains(got, `opcua.application_uri="urn:mixer"`) {
		t.Errorf("told %s", got)
	}
}

func TestUAAllocatesNothing(t *testing.T) {
	k := uaTalk(t)
	endpoints, write := k.message(1, uaMessage('F', 1, 1, endpointsResponse())), k.message(0, uaMessage('F', 1, 1, uaWriter{}.request(673)))
	if n := testing.AllocsPerRun(100, func() {
		k.log.reset()
		_, _ = k.d.Dissect(write, &k.log)
		_, _ = k.d.Dissect(endpoints, &k.log)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzUA(f *testing.F) {
	f.Add(uaMessage('F', 1, 1, endpointsResponse()))
	fuzzDissector(f, "opcua", true)
}

func BenchmarkUAPublish(b *testing.B) {
	k := uaTalk(b)
	m := k.message(1, uaMessage('F', 1, 1, uaWriter{}.response(829).zero(200)))
	b.ReportAllocs()
	for b.Loop() {
		k.log.reset()
		_, _ = k.d.Dissect(m, &k.log)
	}
}

func BenchmarkUARead(b *testing.B) {
	k := uaTalk(b)
	w := uaWriter{}.request(uaReadRequest).zero(12).u32(1).u8(3).u16(2).str("Speed").u32(13).null().u16(0).null()
	m := k.message(0, uaMessage('F', 1, 1, w))
	b.ReportAllocs()
	for b.Loop() {
		k.log.reset()
		_, _ = k.d.Dissect(m, &k.log)
	}
}
