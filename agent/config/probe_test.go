package config

import (
	"os"
	"slices"
	"strings"
	"testing"
)

const probeText = "probe: {enabled: true, interface: eth2, source: 10.20.4.250, networks: [10.20.4.0/24]"

func TestProbe(t *testing.T) {
	c, err := Parse("agent.yaml", []byte(probeText+", targets: [{address: 10.20.4.10, modbus: {units: \"1, 3-5\", identification: regular}}]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	units, err := c.Probe.Targets[0].Modbus.UnitList()
	if err != nil || !slices.Equal(units, []byte{1, 3, 4, 5}) {
		t.Errorf("units %v, %v", units, err)
	}
	if c, err := Parse("agent.yaml", []byte("collector: c:1\n")); err != nil || c.Probe.Enabled {
		t.Errorf("active reads are on without a word of it: %v", err)
	}
	if c, err := Parse("agent.yaml", []byte("probe: {interface: eth2}\n")); err != nil || c.Probe.Enabled {
		t.Errorf("active reads are on without enabled: true: %v", err)
	}
}

func TestProbeRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"probe: {enabled: true}":                                                                                                "name the interface",
		"probe: {enabled: true, interface: eth2}":                                                                               "is no address",
		"probe: {enabled: true, functions: [6]}":                                                                                "unknown field",
		"probe: {enabled: true, interface: eth2, source: 0.0.0.0}":                                                              "no address that requests can come from",
		"interfaces: [{name: eth2}]\n" + probeText + "}":                                                                        "is a capture interface",
		strings.Replace(probeText, "[10.20.4.0/24]", "[]", 1) + "}":                                                             "write the prefixes",
		strings.Replace(probeText, "10.20.4.0/24", "10.20.4.7/24", 1) + "}":                                                     "is no network prefix",
		probeText + ", every: 1s}":                                                                                              "no duration between",
		probeText + ", budget: {device: -1}}":                                                                                   "between 1 and 6000",
		probeText + ", windows: [{from: \"9\", until: x}]}":                                                                     "is no time of day",
		probeText + ", windows: [{days: [funday], from: \"01:00\", until: \"02:00\"}]}":                                         "funday",
		probeText + ", windows: [{zone: Mars/Base, from: \"01:00\", until: \"02:00\"}]}":                                        "Mars/Base",
		probeText + ", trust: [abc]}":                                                                                           "no SHA-256 thumbprint",
		probeText + ", targets: [{address: x}]}":                                                                                "targets[0].address",
		probeText + ", targets: [{address: 10.9.9.9}]}":                                                                         "none of probe.networks",
		probeText + ", targets: [{address: 10.20.4.9}]}":                                                                        "neither says what to read",
		probeText + ", targets: [{address: 10.20.4.9, modbus: {}}, {address: 10.20.4.9, modbus: {}}]}":                          "listed twice",
		probeText + ", targets: [{address: 10.20.4.9, modbus: {units: 0-255}}]}":                                                "at most 32",
		probeText + ", targets: [{address: 10.20.4.9, modbus: {units: 9-3}}]}":                                                  "no range",
		probeText + ", targets: [{address: 10.20.4.9, modbus: {identification: all}}]}":                                         "none, basic, regular or extended",
		probeText + ", targets: [{address: 10.20.4.9, modbus: {registers: [{attribute: A, count: 1}]}}]}":                       "is no name",
		probeText + ", targets: [{address: 10.20.4.9, modbus: {registers: [{attribute: serial, count: 126}]}}]}":                "between 1 and 125",
		probeText + ", targets: [{address: 10.20.4.9, modbus: {registers: [{attribute: serial, register: 65535, count: 2}]}}]}": "between 0 and 65535",
		probeText + ", targets: [{address: 10.20.4.9, modbus: {registers: [{attribute: serial, count: 2, function: 6}]}}]}":     "unknown field",
		probeText + ", targets: [{address: 10.20.4.9, opcua: {session: root}}]}":                                                "none, anonymous, user or certificate",
		probeText + ", targets: [{address: 10.20.4.9, opcua: {session: user}}]}":                                                "needs both",
		probeText + ", targets: [{address: 10.20.4.9, opcua: {session: user, user: a, passwordFile: b, security: none}}]}":      "unprotected",
		probeText + ", targets: [{address: 10.20.4.9, opcua: {session: anonymous, serverCertificate: a.der}}]}":                 "nothing is asked without security",
		probeText + ", targets: [{address: 10.20.4.9, opcua: {security: Basic256Sha256 sign, serverCertificate: a.der}}]}":      "say session:",
		probeText + ", budget: {device: 9}, targets: [{address: 10.20.4.9, opcua: {session: anonymous}}]}":                      "raise probe.budget",
		probeText + ", targets: [{address: 0.0.0.0, modbus: {}}]}":                                                              "no address of a device",
		probeText + ", targets: [{address: 10.20.4.9, modbus: {identification: none}}]}":                                        "leaves nothing to read",
		probeText + ", targets: [{address: 10.20.4.9, opcua: {security: Basic256Sha256}}]}":                                     "sign or sign-and-encrypt",
	} {
		if !strings.HasSuffix(text, "}") {
			text += "}"
		}
		_, err := Parse("agent.yaml", []byte(text+"\n"))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// TestExampleTurnedOn: the commented example is what it says once its comment
// marks are gone.
func TestExampleTurnedOn(t *testing.T) {
	raw, err := os.ReadFile("../../deploy/agent.yaml")
	if err != nil {
		t.Fatal(err)
	}
	plain, example, found := strings.Cut(string(raw), "# probe:\n")
	if !found {
		t.Fatal("deploy/agent.yaml has no commented probe: section")
	}
	lines := strings.Split(strings.TrimSpace(example), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(strings.TrimPrefix(l, "#"), " ")
	}
	c, err := Parse("agent.yaml", []byte(plain+"probe:\n"+strings.Join(lines, "\n")+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Probe.Enabled || len(c.Probe.Targets) < 2 {
		t.Errorf("the example is on, or says little: %+v", c.Probe)
	}
	text := strings.Replace(plain+"probe:\n"+strings.Join(lines, "\n")+"\n", "enabled: false", "enabled: true", 1)
	if c, err = Parse("agent.yaml", []byte(text)); err != nil || !c.Probe.Enabled {
		t.Errorf("turned on: %v", err)
	}
}
