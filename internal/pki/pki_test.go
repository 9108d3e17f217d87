package pki

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func open(t *testing.T) *Authority {
	t.Helper()
	a, err := Open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// enrol runs the whole trade without a network.
func enrol(t *testing.T, a *Authority, site, agent string) *Credentials {
	t.Helper()
	token, err := a.NewToken()
	if err != nil {
		t.Fatal(err)
	}
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	csr, err := NewRequest(key, "some-host")
	if err != nil {
		t.Fatal(err)
	}
	cert, err := a.IssueAgent(csr, site, agent)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Accept(token, key, cert.Raw, a.Certificate().Raw)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// shake does one handshake over loopback and returns both sides' view.
func shake(t *testing.T, server, client *tls.Config) (seen tls.ConnectionState, serverErr, clientErr error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	done := make(chan struct{})
	go func() {
		defer close(done)
		raw, err := l.Accept()
		if err != nil {
			serverErr = err
			return
		}
		c := tls.Server(raw, server)
		defer func() { _ = c.Close() }()
		if serverErr = c.Handshake(); serverErr == nil {
			_, serverErr = c.Write([]byte("x"))
		}
		seen = c.ConnectionState()
	}()
	raw, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := tls.Client(raw, client)
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if clientErr = c.Handshake(); clientErr == nil {
		// TLS 1.3: the server's view of our certificate comes with the first read.
		_, clientErr = c.Read(make([]byte, 1))
	}
	_ = raw.Close()
	<-done
	return seen, serverErr, clientErr
}

func serverConfig(t *testing.T, a *Authority, names ...string) *tls.Config {
	t.Helper()
	c, err := a.ServerConfig(names)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEnrolledAgentIsKnownByItsCertificate(t *testing.T) {
	a := open(t)
	c := enrol(t, a, "houston", "agent-l4")
	seen, serverErr, clientErr := shake(t, serverConfig(t, a), c.Config())
	if serverErr != nil || clientErr != nil {
		t.Fatal(serverErr, clientErr)
	}
	if seen.Version != tls.VersionTLS13 {
		t.Errorf("version %x", seen.Version)
	}
	id, err := PeerIdentity(seen)
	if err != nil {
		t.Fatal(err)
	}
	if id.Site != "houston" || id.Agent != "agent-l4" || id.Serial != SerialOf(c.Certificate) {
		t.Errorf("identity %+v", id)
	}
	if got := c.Certificate.URIs[0].String(); got != "demarc://site/houston/agent/agent-l4" {
		t.Errorf("URI %s", got)
	}
}

func TestEnrolTrustsOnlyTheTokensCollector(t *testing.T) {
	a, b := open(t), open(t)
	token, err := a.NewToken()
	if err != nil {
		t.Fatal(err)
	}
	seen, _, err := shake(t, serverConfig(t, a), EnrolConfig(token))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := PeerIdentity(seen); !errors.Is(err, ErrNoIdentity) {
		t.Errorf("a caller without certificate: %v", err)
	}
	if _, _, err = shake(t, serverConfig(t, b), EnrolConfig(token)); !errors.Is(Cause(err), ErrForeignToken) {
		t.Errorf("another collector: %v", err)
	}
}

func TestPinnedAuthorityMustHaveSignedTheServer(t *testing.T) {
	a, b := open(t), open(t)
	token, _ := a.NewToken()
	c := serverConfig(t, b)
	forged, err := c.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	// The right authority's certificate shown behind a leaf that it never saw.
	c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return &tls.Certificate{Certificate: [][]byte{forged.Certificate[0], a.cert.Raw}, PrivateKey: forged.PrivateKey}, nil
	}
	if _, _, err := shake(t, c, EnrolConfig(token)); !errors.Is(err, ErrForeignPeer) {
		t.Errorf("forged leaf: %v", err)
	}
	// An agent's certificate is none of a server.
	agent := enrol(t, a, "s", "evil")
	c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return &tls.Certificate{Certificate: [][]byte{agent.Certificate.Raw, a.cert.Raw}, PrivateKey: agent.Key}, nil
	}
	if _, _, err := shake(t, c, EnrolConfig(token)); err == nil {
		t.Error("an agent passed for the collector while enrolling")
	}
	if _, _, err := shake(t, c, enrol(t, a, "s", "x").Config()); err == nil {
		t.Error("an agent passed for the collector")
	}
}

func TestForeignCertificateIsRefusedByBothSides(t *testing.T) {
	a, b := open(t), open(t)
	foreign := enrol(t, b, "houston", "agent-l4")
	_, _, err := shake(t, serverConfig(t, a), foreign.Config())
	if !errors.Is(Cause(err), ErrForeignPeer) {
		t.Errorf("agent's view: %v", err)
	}
	config := foreign.Config()
	config.RootCAs.AddCert(a.cert) // an agent that would believe anybody
	_, serverErr, clientErr := shake(t, serverConfig(t, a), config)
	if serverErr == nil || !errors.Is(Cause(clientErr), ErrForeignPeer) {
		t.Errorf("collector's view: %v, %v", serverErr, clientErr)
	}
}

func TestOnlyTLS13(t *testing.T) {
	a := open(t)
	c := enrol(t, a, "s", "x").Config()
	c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	if _, _, err := shake(t, serverConfig(t, a), c); err == nil {
		t.Error("TLS 1.2 was taken")
	}
}

func TestAuthorityAndServerCertificateOutliveARestart(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	clock := func() time.Time { return now }
	first, err := Open(dir, clock)
	if err != nil {
		t.Fatal(err)
	}
	leaf := func(a *Authority, names ...string) []byte {
		c, err := serverConfig(t, a, names...).GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c.Certificate[0]
	}
	one := leaf(first, "plant.example", "192.0.2.7")
	again, err := Open(dir, clock)
	if err != nil {
		t.Fatal(err)
	}
	if again.Fingerprint() != first.Fingerprint() {
		t.Error("another authority after a restart")
	}
	if !bytes.Equal(one, leaf(again, "192.0.2.7", "plant.example")) {
		t.Error("another server certificate after a restart")
	}
	other, err := Open(dir, clock)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(one, leaf(other, "new.example")) {
		t.Error("other names, same certificate")
	}
	two := leaf(other, "new.example")
	now = now.Add(300 * 24 * time.Hour)
	if bytes.Equal(two, leaf(other, "new.example")) {
		t.Error("not renewed while running")
	}
	for _, f := range []string{"authority.pem", "server.pem"} {
		info, err := os.Stat(filepath.Join(dir, f))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", f, info.Mode(), err)
		}
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir, nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "authority.pem")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, nil); err == nil {
		t.Error("a key that others may read was taken")
	}
	_ = os.Chmod(path, 0o600)
	if err := os.WriteFile(path, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, nil); err == nil {
		t.Error("junk was taken for an authority")
	}
}

func TestCredentialsFile(t *testing.T) {
	a := open(t)
	path := filepath.Join(t.TempDir(), "agent", "identity.pem")
	if _, err := LoadCredentials(path); !errors.Is(err, ErrNoIdentity) {
		t.Errorf("nothing there: %v", err)
	}
	c := enrol(t, a, "houston", "agent-l4")
	if err := c.Save(path); err != nil {
		t.Fatal(err)
	}
	got, err := LoadCredentials(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.Identity() != c.Identity() || !got.Key.Equal(c.Key) {
		t.Error("not what was saved")
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestAcceptRefuses(t *testing.T) {
	a, b := open(t), open(t)
	token, _ := a.NewToken()
	c, other := enrol(t, a, "s", "x"), enrol(t, b, "s", "x")
	if _, err := Accept(token, other.Key, other.Certificate.Raw, b.cert.Raw); !errors.Is(err, ErrForeignToken) {
		t.Errorf("other authority: %v", err)
	}
	if _, err := Accept(token, c.Key, other.Certificate.Raw, a.cert.Raw); err == nil {
		t.Error("a certificate of another authority was taken")
	}
	if _, err := Accept(token, other.Key, c.Certificate.Raw, a.cert.Raw); err == nil {
		t.Error("a certificate for another key was taken")
	}
	key, _ := NewKey()
	csr, _ := NewRequest(key, "x")
	next, err := a.IssueAgent(csr, "s", "x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Renewed(key, next.Raw); err != nil {
		t.Errorf("renewal: %v", err)
	}
}

func TestIssueRefuses(t *testing.T) {
	a := open(t)
	key, _ := NewKey()
	csr, _ := NewRequest(key, "x")
	for _, name := range []string{"", "A", "a/b", "-a", "a.", "ä", string(bytes.Repeat([]byte("a"), 64))} {
		if _, err := a.IssueAgent(csr, "site", name); err == nil {
			t.Errorf("agent name %q was taken", name)
		}
	}
	csr[len(csr)-1] ^= 1
	if _, err := a.IssueAgent(csr, "s", "x"); err == nil {
		t.Error("a request with a broken signature was taken")
	}
	if _, err := a.IssueAgent([]byte("junk"), "s", "x"); err == nil {
		t.Error("junk was taken")
	}
}

func TestCleanName(t *testing.T) {
	for in, want := range map[string]string{
		"PLC-Gw_1.Plant": "plc-gw_1.plant", "über host": "ber-host", "...": "", "a": "a",
	} {
		if got := CleanName(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}
