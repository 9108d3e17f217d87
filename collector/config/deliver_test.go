package config

import (
	"slices"
	"strings"
	"testing"
)

func TestDestinations(t *testing.T) {
	c, err := Parse("collector.yaml", []byte("deliver:\n  - {name: soc, to: syslog+tls://siem.example}\n  - {name: hook, to: \"https://siem.example/events?source=demarc\", what: [audit], least: high, secretFile: /etc/demarc/hook.key}\n"))
	if err != nil {
		t.Fatal(err)
	}
	soc, hook := c.Deliver[0], c.Deliver[1]
	if soc.Format != "cef" || soc.Address() != "siem.example:6514" || !slices.Equal(soc.What, []string{Findings, Conditions, Authorizations}) || soc.Least != "info" {
		t.Errorf("%+v", soc)
	}
	if hook.Format != "json" || hook.Least != "high" || !slices.Equal(hook.What, []string{Audit}) {
		t.Errorf("%+v", hook)
	}
}

func TestDestinationErrorsNameLineAndCure(t *testing.T) {
	for text, want := range map[string]string{
		"data: /x\ndeliver:\n  - name: soc\n    to: tcp://siem.example:514\n":                   "collector.yaml:4:9: deliver: to: \"tcp://siem.example:514\" begins with a scheme that is not known: write syslog+tls://",
		"deliver:\n  - name: soc\n    to: syslog+tls://h\n    formats: cef\n":                   "collector.yaml:4:5: unknown field \"formats\"",
		"deliver:\n  - name: soc\n    to: syslog+tls://h\n    format: leef\n":                   "collector.yaml:4:13: deliver: format: \"leef\" is not known: cef, ocsf, ecs, json",
		"deliver:\n  - to: syslog+tls://h\n":                                                    "collector.yaml:2:7: deliver: name: \"\" is no name",
		"deliver:\n  - {name: a, to: \"https://h\"}\n  - {name: a, to: \"https://h\"}\n":        "collector.yaml:3:12: deliver: name: \"a\" is there twice",
		"deliver: [{name: a, to: \"https://h\", format: cef}]\n":                                "cef goes over syslog",
		"deliver: [{name: a, to: \"https://u:p@h\"}]\n":                                         "holds no user or password",
		"deliver: [{name: a, to: \"syslog+tcp://h/x\"}]\n":                                      "has more than host and port",
		"deliver: [{name: a, to: \"syslog+tcp://h:0\"}]\n":                                      "no port between 1 and 65535",
		"deliver: [{name: a, to: \"syslog+tcp://h\", what: [alerts]}]\n":                        "what: \"alerts\" is not known: findings, conditions, authorizations, agents, audit",
		"deliver: [{name: a, to: \"syslog+tcp://h\", least: 5}]\n":                              "least: \"5\" is not known: info, low, medium, high, critical",
		"deliver: [{name: a, to: \"syslog+tcp://h\", authorityFile: /x}]\n":                     "authorityFile: it goes with syslog+tls and https, not with syslog+tcp",
		"deliver: [{name: a, to: \"syslog+tls://h\", secretFile: /x}]\n":                        "secretFile: it goes with https",
		"deliver: [{name: a, to: \"syslog+tls://h\", certificateFile: /x}]\n":                   "name both or neither",
		"deliver: [" + strings.Repeat("{name: a, to: \"https://h\"},", maxDestinations+1) + "]": "at most 32",
	} {
		if _, err := Parse("collector.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n gives %v\n want %s", text, err, want)
		}
	}
}
