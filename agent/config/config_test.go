package config

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	c, err := Parse("agent.yaml", []byte("collector: c.example:7443\ninterfaces:\n  - {name: eth1, segment: line4, vlans: {105: line5}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Interfaces[0].VLANs[105] != "line5" || c.State == "" {
		t.Errorf("read %+v", c)
	}
	for _, at := range []string{"127.0.0.1:9090", "127.3.2.1:0", "\"[::1]:9090\""} {
		if _, err := Parse("agent.yaml", []byte("status: {listen: "+at+"}\n")); err != nil {
			t.Error(err)
		}
	}
	if _, err := Parse("agent.yaml", nil); err != nil {
		t.Errorf("an empty file takes the defaults: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"colector: c:1\n":                             "agent.yaml:1:1: unknown field",
		"collector: c\n":                              "is not host:port",
		"collector: c:99999\n":                        "between 1 and 65535",
		"interfaces: [{segment: a}]\n":                "name is missing",
		"interfaces: [{name: a}, {name: a}]\n":        "listed twice",
		"interfaces: [{name: a, vlans: {5000: x}}]\n": "no VLAN identifier",
		"log: {level: loud}\n":                        "debug, info, warn or error",
		"interfaces: 3\n":                             "agent.yaml:1:13:",
		"status: {listen: 0.0.0.0:9090}\n":            "take 127.0.0.1:9090",
		"status: {listen: 10.1.2.3:9090}\n":           "can be reached from outside",
		"status: {listen: localhost:9090}\n":          "is not address:port",
		"status: {listen: 9090}\n":                    "is not address:port",
		"status: {port: 9090}\n":                      "unknown field",
	} {
		_, err := Parse("agent.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: more than one line: %v", text, err)
		}
	}
}
