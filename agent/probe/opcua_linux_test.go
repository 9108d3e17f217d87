package probe

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gopcua/opcua/server"
	"github.com/gopcua/opcua/ua"

	"demarc/internal/netsim"
	"demarc/internal/ot"
	"demarc/internal/reading"
)

// thumbprint is what a person writes under trust.
func thumbprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// testCertificate makes a certificate in PEM files and returns its DER.
func testCertificate(t testing.TB, dir string) (der []byte, cert, key string) {
	t.Helper()
	raw, err := makeCertificate(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	certBlock, rest := pem.Decode(raw)
	keyBlock, _ := pem.Decode(rest)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, b := range map[string]*pem.Block{cert: certBlock, key: keyBlock} {
		if err := os.WriteFile(path, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certBlock.Bytes, cert, key
}

// gopcuaServer serves every security mode that the library has, at an address;
// none says whether one may enter without.
func gopcuaServer(ctx context.Context, host string, port int, certificate []byte, key any, none bool) (*server.Server, error) {
	options := []server.Option{
		server.EndPoint(host, port), server.Certificate(certificate),
		server.EnableAuthMode(ua.UserTokenTypeAnonymous), server.EnableAuthMode(ua.UserTokenTypeUserName),
		server.ServerName("gopcua test"), server.ManufacturerName("ACME"), server.ProductName("Test server"), server.SoftwareVersion("4.5.6"),
	}
	if none {
		options = append(options, server.EnableSecurity("None", ua.MessageSecurityModeNone))
	}
	for _, p := range reading.Policies {
		options = append(options, server.EnableSecurity(p, ua.MessageSecurityModeSign), server.EnableSecurity(p, ua.MessageSecurityModeSignAndEncrypt))
	}
	options = append(options, privateKey(key))
	s := server.New(options...)
	return s, s.Start(ctx)
}

func startGopcua(t testing.TB, none bool) (port int, certificate []byte) {
	t.Helper()
	der, cert, key := testCertificate(t, t.TempDir())
	raw, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	_, pkcs8, err := readPEM(raw)
	if err != nil {
		t.Fatal(err, cert)
	}
	port = netsim.FreePort(t)
	s, err := gopcuaServer(t.Context(), "127.0.0.1", port, der, pkcs8, none)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return port, der
}

// TestOPCUADiscovery: who is there and how one may enter, without a session;
// what leaves is the plan.
func TestOPCUADiscovery(t *testing.T) {
	needChild(t)
	port, _ := startGopcua(t, true)
	p, n := prober(t, loopback(reading.Target{Address: "127.0.0.1", OPCUA: &reading.OPCUA{Port: port}}))
	steps, err := p.Plan(t.Context(), p.Jobs()[0])
	if err != nil {
		t.Fatal(err)
	}
	if len(n.entries()) > 0 {
		t.Fatal("planning sent something")
	}
	if err := ask(t, p); err != nil {
		t.Fatal(err)
	}
	sent := sentBytes(n.entries())
	planned(t, steps, sent)
	if len(sent) != 5 || len(steps) != 5 {
		t.Errorf("%d requests of %d planned", len(sent), len(steps))
	}
	for _, e := range n.entries() {
		if e.Error != "" || (e.Received == 0) != strings.Contains(e.What, "Close") {
			t.Errorf("%+v", e)
		}
	}
	if got := n.value("opcua.application_name"); got != "gopcua test" {
		t.Errorf("application name %q; %+v", got, n.facts)
	}
	ways := 0
	for _, f := range n.facts {
		if f.Attribute == "opcua.endpoint_security" {
			ways++
		}
		if !strings.HasPrefix(f.Source, "probe.opcua.") {
			t.Errorf("%+v", f)
		}
	}
	if ways < 2*len(reading.Policies) {
		t.Errorf("%d ways in: %+v", ways, n.facts)
	}
}

// TestOPCUASessions: every security mode of gopcua's server, anonymous and by
// name, each only once its certificate is trusted.
func TestOPCUASessions(t *testing.T) {
	needChild(t)
	port, certificate := startGopcua(t, true)
	modes := []string{"none", "auto"}
	for _, p := range reading.Policies {
		modes = append(modes, p+" sign", p+" sign-and-encrypt")
	}
	for _, security := range modes {
		t.Run(security, func(t *testing.T) {
			s := loopback(reading.Target{Address: "127.0.0.1", OPCUA: &reading.OPCUA{Port: port, Session: "anonymous", Security: security}})
			if security != "none" {
				p, n := prober(t, s)
				if err := ask(t, p); err == nil || !strings.Contains(err.Error(), thumbprint(certificate)) || !strings.Contains(err.Error(), "trust:") {
					t.Errorf("an unknown certificate: %v", err)
				}
				if len(sentBytes(n.entries())) != 5 {
					t.Errorf("%d requests for a server that is not trusted", len(sentBytes(n.entries())))
				}
			}
			s.Trust = []string{thumbprint(certificate)}
			p, n := prober(t, s)
			steps, err := p.Plan(t.Context(), p.Jobs()[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := ask(t, p); err != nil {
				t.Fatal(err)
			}
			planned(t, steps, sentBytes(n.entries()))
			for attribute, want := range map[string]string{"vendor": "ACME", "product": "Test server", "firmware": "4.5.6", "opcua.server_state": "running"} {
				if got := n.value(attribute); got != want {
					t.Errorf("%s is %q, want %q: %+v", attribute, got, want, n.facts)
				}
			}
		})
	}
}

// TestOPCUARefusesToLeak: no secret without encryption, whatever the server
// offers.
func TestOPCUARefusesToLeak(t *testing.T) {
	ways := []uaEndpoint{{Policy: uaNone, Mode: "none", Tokens: []uaToken{{Type: "user", ID: "u"}, {Type: "anonymous", ID: "a"}}}}
	p, _ := prober(t, loopback())
	x := &exchange{Prober: p, addr: mustAddr("127.0.0.1")}
	enter := func(o *reading.OPCUA) error {
		way, err := chooseWay(o, ways)
		if err == nil {
			_, err = x.enter(o, uaJob{}, way)
		}
		return err
	}
	if err := enter(&reading.OPCUA{Session: "user", User: "a", Password: "/nowhere"}); err == nil || !strings.Contains(err.Error(), "unprotected") {
		t.Errorf("a password without security: %v", err)
	}
	for _, c := range []struct {
		security, want string
	}{{"Basic256Sha256 sign", "the settings want"}, {"auto", ""}, {"none", ""}} {
		if err := enter(&reading.OPCUA{Session: "anonymous", Security: c.security}); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.security, err)
		}
	}
	if err := enter(&reading.OPCUA{Session: "certificate"}); err == nil {
		t.Error("a way that the server does not offer was taken")
	}
}

// TestGuardRefuses: what is no read does not leave, and nothing out of turn.
func TestGuardRefuses(t *testing.T) {
	message := func(kind string, body ...byte) []byte {
		n := len(body) + 8
		return append([]byte{kind[0], kind[1], kind[2], kind[3], byte(n), byte(n >> 8), 0, 0}, body...)
	}
	request := func(id uint16) []byte {
		return message("MSGF", append(make([]byte, 16), 1, 0, byte(id), byte(id>>8), 0, 0)...)
	}
	open := func(policy string) []byte {
		body := append([]byte{0, 0, 0, 0, byte(len(policy)), 0, 0, 0}, policy...)
		body = append(body, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0xbe, 0x01)
		return message("OPNF", body...)
	}
	ready := func() *uaGuard {
		g := &uaGuard{policy: uaNone, left: 2}
		if err := errors.Join(g.check(message("HELF")), g.check(open(uaNone))); err != nil {
			t.Fatal(err)
		}
		return g
	}
	for id := range uint16(1000) {
		_, fine := uaService(id)
		if err := ready().check(request(id)); (err == nil) != fine {
			t.Errorf("request %d: %v", id, err)
		}
	}
	for name, b := range map[string][]byte{
		"a second hello": message("HELF"), "a second open": open(uaNone), "a chunk": message("MSGC", request(631)[8:]...), "an abort": message("MSGA"),
		"reverse hello": message("RHEF"), "an error": message("ERRF"), "two at once": append(request(631), request(673)...), "a lie": append(request(631), 0),
		"nothing": nil, "a write in another form": message("MSGF", append(make([]byte, 16), 2, 0, 0, 0xa1, 2, 0, 0)...),
	} {
		if err := ready().check(b); err == nil {
			t.Errorf("%s left", name)
		}
	}
	g := ready()
	if err := errors.Join(g.check(request(631)), g.check(request(631))); err != nil {
		t.Error(err)
	}
	if err := g.check(request(631)); err == nil {
		t.Error("more requests left than were planned")
	}
	fresh := &uaGuard{policy: uaPolicies + "Basic256Sha256", encrypted: true, left: 1}
	if err := fresh.check(request(631)); err == nil {
		t.Error("a request left before the channel")
	}
	if err := errors.Join(fresh.check(message("HELF")), fresh.check(open(uaNone))); err == nil {
		t.Error("a channel without the security that was chosen left")
	}
	if err := fresh.answers("OPN", open(uaNone), nil); err == nil {
		t.Error("the server took the security away")
	}
}

// TestPlanPrintsSessions: without security every byte of a session is known
// before, but for what the server names.
func TestPlanPrintsSessions(t *testing.T) {
	needChild(t)
	p, _ := prober(t, loopback(reading.Target{Address: "127.0.0.1", OPCUA: &reading.OPCUA{Session: "anonymous", Security: "none"}}))
	steps, err := p.Plan(t.Context(), p.Jobs()[0])
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, s := range steps {
		kinds = append(kinds, strings.TrimPrefix(s.What, "opcua "))
	}
	if got := strings.Join(kinds, " "); got != "Hello OpenSecureChannel FindServers GetEndpoints CloseSecureChannel Hello OpenSecureChannel CreateSession ActivateSession Read Browse TranslateBrowsePathsToNodeIds Read CloseSession CloseSecureChannel" {
		t.Error(got)
	}
	again, err := p.Plan(t.Context(), p.Jobs()[0])
	if err != nil || fmt.Sprint(again) != fmt.Sprint(steps) {
		t.Errorf("the plan is another each time: %v", err)
	}
}

// nodePolicies are those that node-opcua still offers.
var nodePolicies = reading.Policies[:3]

// nodeOPCUA starts node-opcua's server on loopback.
func nodeOPCUA(t testing.TB, words ...string) (port int, certificate []byte, dir string) {
	t.Helper()
	modules := nodeModules(t, "node-opcua-server")
	port, dir = netsim.FreePort(t), t.TempDir()
	c := exec.Command("node", append([]string{"--security-revert=CVE-2023-46809", testdata(t, "node_opcua_server.js"), "127.0.0.1", fmt.Sprint(port), dir}, words...)...)
	c.Env = append(os.Environ(), "NODE_PATH="+modules)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	startReady(t, c)
	der, err := os.ReadFile(filepath.Join(dir, "server.der"))
	if err != nil {
		t.Fatal(err)
	}
	return port, der, dir
}

// TestNodeOPCUA: a server of another maker, in every security mode, with the
// devices of OPC 10000-100, and by name and certificate.
func TestNodeOPCUA(t *testing.T) {
	needChild(t)
	netsim.Need(t, "node", "npm")
	port, certificate, dir := nodeOPCUA(t)
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, userCert, userKey := testCertificate(t, dir)
	type attempt struct{ session, security string }
	attempts := []attempt{{"anonymous", "none"}, {"anonymous", "auto"}, {"user", "auto"}, {"certificate", "auto"}}
	for _, p := range nodePolicies {
		attempts = append(attempts, attempt{"anonymous", p + " sign"}, attempt{"anonymous", p + " sign-and-encrypt"})
	}
	for _, a := range attempts {
		t.Run(a.session+" "+a.security, func(t *testing.T) {
			s := loopback(reading.Target{Address: "127.0.0.1", OPCUA: &reading.OPCUA{
				Port: port, Session: a.session, Security: a.security, User: "reader", Password: password, Certificate: userCert, Key: userKey,
			}})
			s.Trust = []string{thumbprint(certificate)}
			p, n := prober(t, s)
			steps, err := p.Plan(t.Context(), p.Jobs()[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := ask(t, p); err != nil {
				t.Fatal(err)
			}
			planned(t, steps, sentBytes(n.entries()))
			for _, want := range []Fact{
				{"", "product", "Node test", "probe.opcua.build_info.product_name", ot.Identity},
				{"", "vendor", "Example Works", "probe.opcua.build_info.manufacturer_name", ot.Identity},
				{"", "firmware", "7.8.9", "probe.opcua.build_info.software_version", ot.Identity},
				{"", "opcua.build_number", "42", "probe.opcua.build_info.build_number", ot.Identity},
				{"", "opcua.server_state", "running", "probe.opcua.server_status.state", ot.Identity},
				{"", "opcua.namespace", "http://opcfoundation.org/UA/DI/", "probe.opcua.namespace_array", ot.Identity},
				{"", "opcua.endpoint_security", "sign " + uaPolicies + "Basic256Sha256", "probe.opcua.endpoint_description.security", ot.Identity},
				{"device/Drive 1", "vendor", "Example Works", "probe.opcua.di.manufacturer", ot.Identity},
				{"device/Drive 1", "model", "PX-1", "probe.opcua.di.model", ot.Identity},
				{"device/Drive 1", "hardware", "A2", "probe.opcua.di.hardware_revision", ot.Identity},
				{"device/Drive 1", "firmware", "1.0", "probe.opcua.di.software_revision", ot.Identity},
				{"device/Drive 1", "serial", "SN-4711", "probe.opcua.di.serial_number", ot.Identity},
			} {
				if !slices.Contains(n.facts, want) {
					t.Errorf("%+v is not among %+v", want, n.facts)
				}
			}
		})
	}
}

// TestServersWithoutNone: real servers of two makers into which one enters signed
// or encrypted alone. Who they are and what they offer is told, security: none
// is refused with what they offer, their certificate is asked of a person, and
// then the session is as any other.
func TestServersWithoutNone(t *testing.T) {
	needChild(t)
	gopcua, gopcuaCertificate := startGopcua(t, false)
	node, nodeCertificate, _ := nodeOPCUA(t, "no-none")
	for name, c := range map[string]struct {
		port        int
		certificate []byte
		product     string
	}{"gopcua": {gopcua, gopcuaCertificate, "Test server"}, "node-opcua": {node, nodeCertificate, "Node test"}} {
		t.Run(name, func(t *testing.T) {
			o := &reading.OPCUA{Port: c.port, Session: "anonymous", Security: "none"}
			s := loopback(reading.Target{Address: "127.0.0.1", OPCUA: o})
			refused := func(want string) {
				t.Helper()
				p, n := prober(t, s)
				if err := ask(t, p); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
				if len(sentBytes(n.entries())) != 5 || n.count("opcua.endpoint_security", "sign "+uaPolicies+"Basic256Sha256") != 1 || n.count("opcua.endpoint_security", "none "+uaNone) != 0 {
					t.Errorf("%d requests, %+v", len(sentBytes(n.entries())), n.facts)
				}
			}
			refused("Basic256Sha256 sign-and-encrypt, ")
			for _, security := range []string{"auto", "Basic256Sha256 sign", "Basic256Sha256 sign-and-encrypt"} {
				o.Security, s.Trust = security, nil
				refused(thumbprint(c.certificate))
				s.Trust = []string{thumbprint(c.certificate)}
				p, n := prober(t, s)
				if err := ask(t, p); err != nil || n.value("product") != c.product {
					t.Errorf("%s: %v, %+v", security, err, n.facts)
				}
			}
		})
	}
}

// TestServerSilentWithoutSecurity: a real server that refuses even to say who it
// is over a channel without security. That is told, with what to do, and with
// its certificate at hand nothing is sent without security.
func TestServerSilentWithoutSecurity(t *testing.T) {
	needChild(t)
	port, certificate, dir := nodeOPCUA(t, "no-discovery")
	o := &reading.OPCUA{Port: port, Session: "anonymous", Security: "Basic256Sha256 sign-and-encrypt"}
	s := loopback(reading.Target{Address: "127.0.0.1", OPCUA: o})
	s.Trust = []string{thumbprint(certificate)}
	p, n := prober(t, s)
	if err := ask(t, p); err == nil || !strings.Contains(err.Error(), "says nothing without security") || !strings.Contains(err.Error(), "serverCertificate:") || strings.Contains(err.Error(), "EOF") {
		t.Errorf("got %v", err)
	}
	if len(sentBytes(n.entries())) != 2 { // Hello and OpenSecureChannel
		t.Errorf("%d requests", len(sentBytes(n.entries())))
	}
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, o.Certificate, o.Key = testCertificate(t, t.TempDir())
	o.User, o.Password, s.Trust = "reader", password, nil
	pemFile := filepath.Join(dir, "server.pem")
	if err := os.WriteFile(pemFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ session, security, file string }{
		{"anonymous", "Basic256Sha256 sign", "server.der"},
		{"user", "Aes256_Sha256_RsaPss sign-and-encrypt", "server.pem"},
		{"certificate", "Aes128_Sha256_RsaOaep sign-and-encrypt", "server.der"},
	} {
		o.Session, o.Security, o.ServerCertificate = c.session, c.security, filepath.Join(dir, c.file)
		if err := p.Jobs()[0].Target.Check(); err != nil {
			t.Fatal(err)
		}
		p, n := prober(t, s)
		steps, err := p.Plan(t.Context(), p.Jobs()[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := ask(t, p); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		planned(t, steps, sentBytes(n.entries()))
		if n.value("product") != "Node test" || n.value("serial") != "SN-4711" || n.count("opcua.endpoint_security", "sign "+uaPolicies+"Basic256Sha256") != 1 {
			t.Errorf("%+v: %+v", c, n.facts)
		}
	}
	o.Session = "user"
	if err := os.WriteFile(password, []byte("another\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, _ = prober(t, s)
	if err := ask(t, p); err == nil || !strings.Contains(err.Error(), "does not take this user") {
		t.Errorf("another password: %v", err)
	}
	// Another server's certificate: what it cannot read it does not answer.
	der, file, _ := testCertificate(t, t.TempDir())
	o.Session, o.ServerCertificate = "anonymous", file
	p, n = prober(t, s)
	if err := ask(t, p); err == nil || len(n.facts) != 0 || !strings.Contains(err.Error(), "is not the certificate of this server") {
		t.Errorf("with the certificate %s of another: %v, %+v", thumbprint(der), err, n.facts)
	}
	o.ServerCertificate = password
	p, _ = prober(t, s)
	if err := ask(t, p); err == nil || !strings.Contains(err.Error(), "holds no certificate in DER or PEM") {
		t.Errorf("no certificate at all: %v", err)
	}
}

// TestServerDoesNotTrustUs: a real server that knows only the clients which its
// administrator trusts. That is told, with the file to trust, and once that is
// done the session is entered.
func TestServerDoesNotTrustUs(t *testing.T) {
	needChild(t)
	port, certificate, dir := nodeOPCUA(t, "strict")
	s := loopback(reading.Target{Address: "127.0.0.1", OPCUA: &reading.OPCUA{Port: port, Session: "anonymous", Security: "Basic256Sha256 sign-and-encrypt"}})
	s.Trust = []string{thumbprint(certificate)}
	p, n := prober(t, s)
	err := ask(t, p)
	file := filepath.Join(p.State, "probe-opcua.der")
	if err == nil || !strings.Contains(err.Error(), "have its administrator trust "+file) {
		t.Errorf("got %v", err)
	}
	own, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(sentBytes(n.entries())) != 5+2 || bytes.Contains(own, []byte("PRIVATE KEY")) {
		t.Errorf("%d requests", len(sentBytes(n.entries())))
	}
	if err := os.Rename(filepath.Join(dir, "pki", "rejected"), filepath.Join(dir, "pki", "seen")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "pki", "trusted", "certs", "agent.der"), own, 0o600); err != nil {
		t.Fatal(err)
	}
	trusted := func() error { // the server looks at its folder now and then
		q, n := prober(t, s)
		q.State = p.State
		err := ask(t, q)
		if err == nil && n.value("product") != "Node test" {
			t.Errorf("%+v", n.facts)
		}
		return err
	}
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(500 * time.Millisecond) {
		if err = trusted(); err == nil || time.Now().After(end) {
			break
		}
	}
	if err != nil {
		t.Errorf("trusted, and %v", err)
	}
}
