package config

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestZeroConfigurationIsUsable(t *testing.T) {
	c, err := Parse("collector.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Uplink != ":7443" || c.Pages != "127.0.0.1:8443" || c.Authority != "none" || !filepath.IsAbs(c.Data) || c.Socket != filepath.Join(c.Data, "collector.sock") {
		t.Errorf("%+v", c)
	}
}

func TestParse(t *testing.T) {
	c, err := Parse("collector.yaml", []byte("data: /srv/demarc\nuplink: 0.0.0.0:7000\npages: \"off\"\nnames: [plant.example, 192.0.2.1, \"2001:db8::1\"]\nsite: houston\npast: {every: 6h, maxMB: 100}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Data != "/srv/demarc" || c.Uplink != "0.0.0.0:7000" || c.Pages != Off || len(c.Names) != 3 || c.Site != "houston" || c.Past != (Past{Every: 6 * time.Hour, MaxMB: 100}) {
		t.Errorf("%+v", c)
	}
}

func TestPartOfUploads(t *testing.T) {
	c, err := Parse("collector.yaml", []byte("uploads: {agent: /opt/demarc-agent}\n"))
	if err != nil || c.Uploads.MaxMB != Default().Uploads.MaxMB {
		t.Errorf("%+v %v", c.Uploads, err)
	}
	if c, err = Parse("collector.yaml", []byte("uploads: {maxMB: 0}\n")); err != nil || c.Uploads.MaxMB != 0 {
		t.Errorf("%+v %v", c.Uploads, err)
	}
}

func TestErrorsNameFileAndCure(t *testing.T) {
	for text, want := range map[string]string{
		"data: /x\nuplik: :1\n":                    "collector.yaml:2:1: unknown field \"uplik\"",
		"uplink: [1]\n":                            "collector.yaml:1:",
		"uplink: 7443\n":                           "uplink: \"7443\" is not host:port",
		"uplink: :99999\n":                         "port",
		"pages: nowhere\n":                         "pages: ",
		"authority: maybe\n":                       "none (whoever runs the collector may do everything) or enforced",
		"site: Houston Plant\n":                    "site: ",
		"names: [\"a b\"]\n":                       "names: ",
		"logLevel: loud\n":                         "debug, info, warn, error",
		"oidc: {issuer: http://x}\n":               "oidc: issuer: \"http://x\" is no address",
		"oidc: {issuer: https://x}\n":              "oidc: clientID: is missing",
		"oidc: {issuer: https://x, clientId: y}\n": "unknown field \"clientId\"",
		"oidc: {issuer: https://x, clientID: y, address: https://z/pages}\n": "address: \"https://z/pages\" has a path",
		"pages: \"off\"\noidc: {issuer: https://x, clientID: y}\n":           "pages: they are off",
		"uploads: {maxMB: -1}\n":                                                                            "uploads: maxMB: -1 is not between",
		"certificates: {listen: x}\n":                                                                       "certificates: listen: ",
		"certificates: {listen: \":1\", authorityFile: a}\n":                                                "revocationFiles: name the lists",
		"certificates: {listen: \":1\", authorityFile: a, account: serial}\n":                               "account: \"serial\" is not known: subject, upn, email",
		"certificates: {listen: \":1\", authorityFile: a, revocationFiles: [b], withoutRevocation: true}\n": "revocationFiles: name the lists",
		"data: /x\ndata: /y\n":                                                                              "collector.yaml:2:",
		"data: /x\n  uplink: x\n":                                                                           "collector.yaml:",
		"past: {every: 5m}\n":                                                                               "past.every: 5m0s: write a duration between 1h and 720h",
		"past: {every: daily}\n":                                                                            "invalid duration \"daily\"",
		"past: {maxMB: 3}\n":                                                                                "past.maxMB: 3: write a number between 16",
		"past: {max: 3}\n":                                                                                  "unknown field \"max\"",
	} {
		if _, err := Parse("collector.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %q on one line", text, err, want)
		}
	}
}
