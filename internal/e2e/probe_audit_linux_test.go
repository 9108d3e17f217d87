package e2e

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gopcua/opcua/server"
	"github.com/gopcua/opcua/ua"
)

// auditRequest reads a request as the audit log words it.
var auditRequest = regexp.MustCompile(`^(.*?)(?:; schedule (\S+))?(?:; nothing was sent|; sent (\d+) bytes: ([0-9a-f]+); answer (\d+) bytes(?:, the first \d+)?: ([0-9a-f]*); latency ([^;]+))(?:; error: (.*))?$`)

// audited is every request to a device in the collector's audit log, in its
// order, with the numbers of its entries.
func (p *plantProcess) audited(who string) (all []request, numbers []string) {
	p.t.Helper()
	for before := "0"; ; {
		var page struct {
			Entries []struct {
				Sequence, Who, On, Detail string
				Time                      time.Time
			}
		}
		if err := json.Unmarshal(p.must("get", "audit", "--what", "probe request", "--who", who, "--limit", "7", "--before", before, "-o", "json"), &page); err != nil {
			p.t.Fatal(err)
		}
		if len(page.Entries) == 0 {
			slices.Reverse(all)
			slices.Reverse(numbers)
			return all, numbers
		}
		for _, e := range page.Entries {
			before, numbers = e.Sequence, append(numbers, e.Sequence)
			f := auditRequest.FindStringSubmatch(e.Detail)
			if f == nil || e.Who != who {
				p.t.Fatalf("entry %s by %s cannot be read: %s", e.Sequence, e.Who, e.Detail)
			}
			r := request{Time: e.Time, Schedule: f[2], Target: e.On, What: f[1], Sent: f[4], Answer: f[6], Error: f[8]}
			if r.Sent != "" {
				took, err := time.ParseDuration(f[7])
				if err != nil {
					p.t.Fatal(err)
				}
				r.Latency = float64(took.Microseconds()) / 1000
				if r.Received, err = strconv.Atoi(f[5]); err != nil || strconv.Itoa(len(r.Sent)/2) != f[3] {
					p.t.Fatalf("entry %s: %s: %v", e.Sequence, e.Detail, err)
				}
			}
			all = append(all, r)
		}
	}
}

// opcuaServer is gopcua's, without security and with these policies signed and
// encrypted; trust is its certificate's thumbprint.
func opcuaServer(t *testing.T, host string, port int, policies ...string) (trust string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gopcua test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment | x509.KeyUsageKeyEncipherment | x509.KeyUsageDataEncipherment,
		URIs:     []*url.URL{{Scheme: "urn", Opaque: "gopcua:test"}},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	options := []server.Option{
		server.EndPoint(host, port), server.Certificate(der), server.EnableAuthMode(ua.UserTokenTypeAnonymous),
		server.ServerName("gopcua test"), server.ManufacturerName("ACME"), server.ProductName("Test server"), server.SoftwareVersion("4.5.6"),
		server.EnableSecurity("None", ua.MessageSecurityModeNone),
	}
	for _, policy := range policies {
		options = append(options, server.EnableSecurity(policy, ua.MessageSecurityModeSign), server.EnableSecurity(policy, ua.MessageSecurityModeSignAndEncrypt))
	}
	s := server.New(append(options, server.PrivateKey(key))...)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return fmt.Sprintf("%x", sha256.Sum256(der))
}

// TestAuditHoldsEveryRequest: what an agent's own log has of its requests, over
// both protocols, the collector's audit log has byte by byte, with time,
// target, answer and latency; and a byte of it that is altered shows.
func TestAuditHoldsEveryRequest(t *testing.T) {
	agent, collector := programs(t)
	network(t)
	device := &counted{}
	modbusAt(t, "127.0.0.7:5020", device)
	trust := opcuaServer(t, "127.0.0.8", 4840, "Basic256Sha256")
	c := newCollector(t, collector)
	a := c.ask(agent, "houston", "a1", "span", loopback+", trust: ["+trust+"], targets: [{address: 127.0.0.7, modbus: {port: 5020}}]")
	audited := func(n int) {
		t.Helper()
		waitFor(t, fmt.Sprintf("the audit log with %d requests", n), func() bool {
			got, _ := c.audited("agent a1")
			return len(got) == n
		})
	}
	audited(1) // the target of its own settings

	schedule := c.planned("--agent", "a1", "--address", "127.0.0.7", "--modbus", "--modbus-port", "5020", "--units", "1-5", "--identification", "extended")
	c.must("probe", "approve", schedule)
	session := c.planned("--agent", "a1", "--address", "127.0.0.8", "--opcua", "--session", "--security", "Basic256Sha256 sign-and-encrypt")
	c.must("probe", "approve", session)
	// Nobody is there: that was tried, too.
	c.must("probe", "approve", c.planned("--agent", "a1", "--address", "127.0.0.9", "--modbus", "--modbus-port", "5020"))

	const modbus, opcua, tried = 5 * 3, 5 + 7, 1
	audited(1 + modbus + opcua + tried)
	if out, err := a.probe("--once"); err != nil || !strings.Contains(out, "ACME") { // by hand, beside the agent
		t.Errorf("%v: %s", err, out)
	}
	audited(1 + modbus + opcua + tried + 1)
	a.end()
	got, numbers := c.audited("agent a1")
	if n := len(a.requests()); n != len(got) {
		t.Fatalf("%d requests are logged, and the audit log has %d", n, len(got))
	}
	longest := 0
	for i, want := range a.requests() {
		if !got[i].Time.Equal(want.Time) {
			t.Errorf("request %d was sent at %v, and the audit log has %v", i, want.Time, got[i].Time)
		}
		want.Time = got[i].Time
		if got[i] != want {
			t.Errorf("request %d is %+v, and the audit log has %+v", i, want, got[i])
		}
		if want.What != "connect" && (want.Sent == "" || want.Latency <= 0 && !strings.Contains(want.What, "Close")) {
			t.Errorf("request %d is logged without its bytes or its latency: %+v", i, want)
		}
		if len(want.Sent) > len(got[longest].Sent) {
			longest = i
		}
	}
	if n := len(got[longest].Sent) / 2; device.n.Load() != modbus+2 || n < 1000 {
		t.Errorf("the device was asked %d times, and no request had over %d bytes", device.n.Load(), n)
	}
	verify(t, c, numbers[longest], got[longest].Sent)
}

// verify checks that the chain of the audit log holds, and that it does not
// once the last byte of a request in an entry is another.
func verify(t *testing.T, c *plantProcess, entry, sent string) {
	t.Helper()
	if out := c.must("audit", "verify"); !bytes.Contains(out, []byte("The chain holds")) {
		t.Errorf("%s", out)
	}
	c.kill()
	file := filepath.Join(c.dir, "data", "demarc.db")
	if out := c.must("audit", "verify", "--backup", file); !bytes.Contains(out, []byte("The chain holds")) {
		t.Errorf("%s", out)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	end := len(sent) - 1
	other := sent[:end] + string('0'+'1'-min(sent[end], '1'))
	if !bytes.Contains(raw, []byte(sent)) {
		t.Fatal("the store does not hold the request")
	}
	if err := os.WriteFile(file, bytes.ReplaceAll(raw, []byte(sent), []byte(other)), 0o600); err != nil {
		t.Fatal(err)
	}
	refused := func(args ...string) {
		t.Helper()
		if _, err := c.try(args...); err == nil || !strings.Contains(err.Error(), "audit entry "+entry+" was changed") {
			t.Errorf("%v: an altered entry %s passes: %v", args, entry, err)
		}
	}
	refused("audit", "verify", "--backup", file)
	c.start()
	refused("audit", "verify")
}
