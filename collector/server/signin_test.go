package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"

	"demarc/collector/config"
	demarcv1 "demarc/proto/demarc/v1"
)

// provider is an OpenID provider of another implementation than our client,
// and the clients that it knows.
func provider(t *testing.T) (issuer, authority string, clients map[string]*storage.Client) {
	t.Helper()
	clients = map[string]*storage.Client{}
	var handler http.Handler
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	handler = exampleop.SetupServer(s.URL, storage.NewStorageWithClients(storage.NewUserStore(s.URL), clients), slog.New(slog.DiscardHandler), false)
	return s.URL, pemFile(t, "provider.pem", "CERTIFICATE", s.Certificate().Raw), clients
}

func pemFile(t *testing.T, name, kind string, ders ...[]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	var text []byte
	for _, der := range ders {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})...)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// browser keeps cookies, follows redirects, and trusts any server.
type browser struct {
	http.Client
	t *testing.T
}

func newBrowser(t *testing.T, own ...tls.Certificate) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	wire := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: own}, DisableKeepAlives: true}
	return &browser{http.Client{Jar: jar, Transport: wire, Timeout: 30 * time.Second}, t}
}

func (b *browser) read(a *http.Response, err error) (*http.Response, string) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	text, err := io.ReadAll(a.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	_ = a.Body.Close()
	return a, string(text)
}

func (b *browser) open(address string) (*http.Response, string) {
	b.t.Helper()
	return b.read(b.Get(address))
}

var requestID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// signIn goes through the provider's own page.
func (b *browser) signIn(pages, issuer, next, user string) (*http.Response, string) {
	b.t.Helper()
	a, form := b.open(pages + "/sign-in/provider?next=" + url.QueryEscape(next))
	id := requestID.FindStringSubmatch(form)
	if id == nil {
		b.t.Fatalf("%s: %s", a.Request.URL, form)
	}
	return b.read(b.PostForm(issuer+"/login/username", url.Values{"id": {id[1]}, "username": {user}, "password": {"verysecure"}}))
}

func (r *running) account(u *demarcv1.User) {
	r.t.Helper()
	u.Roles = []*demarcv1.RoleGrant{{Role: "auditor"}}
	if _, err := r.people.AddUser(r.t.Context(), &demarcv1.AddUserRequest{User: u}); err != nil {
		r.t.Fatal(err)
	}
}

func TestSignInWithAProvider(t *testing.T) {
	for _, x := range []struct{ claim, value, user string }{
		{"sub", "id1", "test-user@127.0.0.1"},
		{"email", "test-user2@zitadel.ch", "test-user2"},
		{"preferred_username", "test-user2", "test-user2"},
	} {
		t.Run(x.claim, func(t *testing.T) {
			issuer, authority, clients := provider(t)
			c := settings(t.TempDir())
			c.OIDC = &config.OIDC{Issuer: issuer, ClientID: "demarc", Claim: x.claim, AuthorityFile: authority, Label: "Plant <sign-in>"}
			c.OIDC.SecretFile = filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(c.OIDC.SecretFile, []byte("four words\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			r := start(t, c)
			pages := r.ready.Pages
			clients["demarc"] = storage.WebClient("demarc", "four words", pages+"/sign-in/provider/back")

			b := newBrowser(t)
			if _, text := b.open(pages + "/sign-in"); !strings.Contains(text, "Plant &lt;sign-in&gt;") {
				t.Errorf("no button: %s", text)
			}
			// Nobody has rights because a provider knows them.
			if a, text := b.signIn(pages, issuer, "/findings?kind=x", x.user); a.StatusCode != http.StatusForbidden || !strings.Contains(text, "--oidc") || !strings.Contains(text, x.value) {
				t.Fatalf("%d %s", a.StatusCode, text)
			}
			if a, _ := b.open(pages + "/api/v1/me"); a.StatusCode != http.StatusUnauthorized {
				t.Fatalf("signed in without an account: %d", a.StatusCode)
			}
			r.account(&demarcv1.User{Name: "ana", Oidc: issuer + " " + x.value})
			a, text := b.signIn(pages, issuer, "/findings?kind=x", x.user)
			if a.StatusCode != http.StatusOK || a.Header.Get("Refresh") != "0; url=/findings?kind=x" {
				t.Fatalf("%d %q %s", a.StatusCode, a.Header.Get("Refresh"), text)
			}
			if _, text := b.open(pages + "/api/v1/me"); !strings.Contains(text, `"ana"`) || !strings.Contains(text, `"provider"`) {
				t.Error(text)
			}
			// The same answer again, and an answer in a browser that asked nothing.
			for name, who := range map[string]*browser{"again": b, "another browser": newBrowser(t)} {
				if a, text := who.open(a.Request.URL.String()); a.StatusCode != http.StatusForbidden || !strings.Contains(text, "another browser") {
					t.Errorf("%s: %d %s", name, a.StatusCode, text)
				}
			}
			if a, text := b.signIn(pages, issuer, "https://evil.example/", x.user); a.Header.Get("Refresh") != "0; url=/" {
				t.Errorf("%q %s", a.Header.Get("Refresh"), text)
			}
		})
	}
}

func TestProviderThatIsAwayOrRefuses(t *testing.T) {
	issuer, authority, clients := provider(t)
	c := settings(t.TempDir())
	c.OIDC = &config.OIDC{Issuer: issuer, ClientID: "demarc", AuthorityFile: authority}
	r := start(t, c)
	clients["demarc"] = storage.WebClient("demarc", "a secret that the collector was not given", r.ready.Pages+"/sign-in/provider/back")
	b := newBrowser(t)
	if a, text := b.signIn(r.ready.Pages, issuer, "/", "test-user2"); a.StatusCode != http.StatusForbidden || !strings.Contains(text, "did not take its own code") {
		t.Errorf("a wrong secret: %d %s", a.StatusCode, text)
	}
	begun := func() string {
		b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		defer func() { b.CheckRedirect = nil }()
		a, _ := b.open(r.ready.Pages + "/sign-in/provider")
		to, err := a.Location()
		if err != nil {
			t.Fatal(err)
		}
		if to.Query().Get("code_challenge_method") != "S256" || to.Query().Get("nonce") == "" {
			t.Errorf("%s", to)
		}
		return r.ready.Pages + "/sign-in/provider/back?state=" + to.Query().Get("state")
	}
	for query, want := range map[string]string{
		"&error=access_denied&error_description=%3Cscript%3Enot+today": "access_denied &lt;script&gt;not today",
		"&code=x&iss=https://evil.example":                             "evil.example",
		"":                                                             "neither a code nor a reason",
		"&code=made-up":                                                "did not take its own code",
	} {
		if a, text := b.open(begun() + query); a.StatusCode != http.StatusForbidden || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s, want %s", query, a.StatusCode, text, want)
		}
	}

	away := settings(t.TempDir())
	away.OIDC = &config.OIDC{Issuer: "https://127.0.0.1:1/realm", ClientID: "demarc"}
	w := start(t, away)
	if a, text := b.open(w.ready.Pages + "/sign-in/provider"); a.StatusCode != http.StatusBadGateway || !strings.Contains(text, "cannot be asked") || !strings.Contains(text, "Password") {
		t.Errorf("%d %s", a.StatusCode, text)
	}
}

// office signs certificates of people.
type office struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newOffice(t *testing.T, name string) *office {
	t.Helper()
	o := &office{t: t}
	o.cert, o.key = o.make(&x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign})
	return o
}

func (o *office) make(c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	o.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		o.t.Fatal(err)
	}
	if c.NotAfter.IsZero() {
		c.NotAfter = time.Now().Add(time.Hour)
	}
	c.NotBefore = c.NotAfter.Add(-2 * time.Hour)
	if c.SerialNumber == nil {
		c.SerialNumber = big.NewInt(1)
	}
	parent, signer := o.cert, o.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		o.t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		o.t.Fatal(err)
	}
	return made, key
}

// card is one for a person, with a user principal name and an e-mail address.
func (o *office) card(name string, serial int64, ends time.Time) tls.Certificate {
	o.t.Helper()
	type other struct {
		ID    asn1.ObjectIdentifier
		Value string `asn1:"utf8,explicit,tag:0"`
	}
	upn, err := asn1.MarshalWithParams(other{asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3}, name + "@mil"}, "tag:0")
	if err != nil {
		o.t.Fatal(err)
	}
	mail, _ := asn1.MarshalWithParams(name+"@plant.example", "ia5,tag:1")
	san, _ := asn1.Marshal([]asn1.RawValue{{FullBytes: mail}, {FullBytes: upn}})
	c, key := o.make(&x509.Certificate{
		Subject: pkix.Name{CommonName: name, Organization: []string{"acme"}}, SerialNumber: big.NewInt(serial), NotAfter: ends,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: san}},
	})
	return tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: key}
}

// list is what the office revoked.
func (o *office) list(path string, next time.Time, serials ...int64) {
	o.t.Helper()
	l := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: next.Add(-24 * time.Hour), NextUpdate: next}
	for _, s := range serials {
		l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(s), RevocationTime: l.ThisUpdate})
	}
	der, err := x509.CreateRevocationList(rand.Reader, l, o.cert, o.key)
	if err != nil {
		o.t.Fatal(err)
	}
	if err := os.WriteFile(path, der, 0o600); err != nil {
		o.t.Fatal(err)
	}
}

func TestSignInWithACertificate(t *testing.T) {
	now := time.Now()
	o, stranger := newOffice(t, "People's authority"), newOffice(t, "People's authority")
	revoked := filepath.Join(t.TempDir(), "revoked.crl")
	o.list(revoked, now.Add(time.Hour), 66)
	for field, name := range map[string]string{"subject": "CN=ana,O=acme", "upn": "ana@mil", "email": "ana@plant.example"} {
		t.Run(field, func(t *testing.T) {
			c := settings(t.TempDir())
			c.Certificates = &config.Certificates{Listen: "127.0.0.1:0", AuthorityFile: pemFile(t, "people.pem", "CERTIFICATE", o.cert.Raw), Account: field, RevocationFiles: []string{revoked}}
			r := start(t, c)
			plain := newBrowser(t)
			_, page := plain.open(r.ready.Pages + "/sign-in")
			link := regexp.MustCompile(`href="(https://[^"]*/sign-in/certificate\?next=[^"]*)"`).FindStringSubmatch(page)
			if link == nil {
				t.Fatalf("no button: %s", page)
			}
			knock := strings.ReplaceAll(link[1], "&#43;", "+")
			r.account(&demarcv1.User{Name: "ana", Certificate: name})

			ends := now.Add(time.Hour)
			for want, card := range map[string][]tls.Certificate{
				"sent no certificate": nil,
				"none of the authorities that this collector trusts signed it": {stranger.card("ana", 5, ends)},
				"it ended on":     {o.card("ana", 5, now.Add(-time.Minute))},
				"it was revoked":  {o.card("ana", 66, ends)},
				"no account here": {o.card("bob", 7, ends)},
			} {
				b := newBrowser(t, card...)
				if a, text := b.open(knock); a.StatusCode != http.StatusForbidden || !strings.Contains(text, want) {
					t.Errorf("%d %s, want %s", a.StatusCode, text, want)
				}
				if a, _ := b.open(r.ready.Pages + "/api/v1/me"); a.StatusCode != http.StatusUnauthorized {
					t.Errorf("%s: signed in: %d", want, a.StatusCode)
				}
			}
			b := newBrowser(t, o.card("ana", 5, ends))
			a, text := b.open(strings.Replace(knock, "next=%2F", "next=%2Fapi%2Fv1%2Fme", 1))
			if a.StatusCode != http.StatusOK || !strings.HasPrefix(a.Request.URL.String(), r.ready.Pages+"/api/v1/me") || !strings.Contains(text, `"ana"`) || !strings.Contains(text, `"certificate"`) {
				t.Errorf("%s: %d %s", a.Request.URL, a.StatusCode, text)
			}
			if a, text := b.open(strings.Replace(knock, "/sign-in/certificate", "/findings", 1)); a.StatusCode != http.StatusNotFound {
				t.Errorf("the listener shows more than its page: %d %s", a.StatusCode, text)
			}
		})
	}
}

// What is not known of revocation is not taken for good, and a list that comes
// later counts at once.
func TestListsOfRevokedCertificates(t *testing.T) {
	now := time.Now()
	o := newOffice(t, "People's authority")
	other := newOffice(t, "Others")
	list := filepath.Join(t.TempDir(), "revoked.crl")
	c := settings(t.TempDir())
	c.Certificates = &config.Certificates{Listen: "127.0.0.1:0", AuthorityFile: pemFile(t, "people.pem", "CERTIFICATE", o.cert.Raw), RevocationFiles: []string{list}}
	other.list(list, now.Add(time.Hour))
	r := start(t, c)
	r.account(&demarcv1.User{Name: "ana", Certificate: "CN=ana,O=acme"})
	b := newBrowser(t, o.card("ana", 5, now.Add(time.Hour)))
	_, page := b.open(r.ready.Pages + "/sign-in")
	knock := regexp.MustCompile(`https://[^"]*/sign-in/certificate`).FindString(page)
	try := func(want string) {
		t.Helper()
		if a, text := b.open(knock + "?next=/api/v1/me"); !strings.Contains(text, want) {
			t.Errorf("%d %s, want %s", a.StatusCode, text, want)
		}
	}
	try("no list of what CN=People&#39;s authority revoked")
	o.list(list, now.Add(-time.Minute), 1, 2, 3)
	try("only good until")
	o.list(list, now.Add(time.Hour))
	try(`"ana"`)
	o.list(list, now.Add(time.Hour), 5, 6)
	try("it was revoked")
}

func TestSettingsOfSigningIn(t *testing.T) {
	empty := pemFile(t, "empty.pem", "X")
	for want, change := range map[string]func(*Config){
		"secretFile": func(c *Config) {
			c.OIDC = &config.OIDC{Issuer: "https://x.example", ClientID: "x", SecretFile: "/nowhere"}
		},
		"holds no certificate": func(c *Config) {
			c.OIDC = &config.OIDC{Issuer: "https://x.example", ClientID: "x", AuthorityFile: empty}
		},
		"oidc: issuer":               func(c *Config) { c.OIDC = &config.OIDC{Issuer: "http://x.example", ClientID: "x"} },
		"certificates: revocationFi": func(c *Config) { c.Certificates = &config.Certificates{Listen: ":0", AuthorityFile: empty} },
		"certificates: authorityFil": func(c *Config) {
			c.Certificates = &config.Certificates{Listen: "127.0.0.1:0", AuthorityFile: empty, WithoutRevocation: true}
		},
	} {
		c := settings(t.TempDir())
		change(&c)
		if err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
