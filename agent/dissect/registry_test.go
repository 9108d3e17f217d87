package dissect

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"demarc/internal/ot"
)

func TestRegistryIsComplete(t *testing.T) {
	for _, p := range Protocols() {
		if p.Tier < 1 || p.Tier > 3 {
			t.Errorf("%s has no tier: set Tier to 1 (identity, direction and class of operation), 2 (content and direction) or 3 (signature)", p.Name)
		}
	}
}

// TestNamesAreInTheVocabulary: documents may name every protocol that is read.
func TestNamesAreInTheVocabulary(t *testing.T) {
	names := ot.Protocols()
	for _, p := range Protocols() {
		if !ot.IsProtocol(p.Name) {
			names = append(names, p.Name)
			if !*update {
				t.Errorf("internal/ot/protocols.txt lacks %s: write it with go test ./agent/dissect -update", p.Name)
			}
		}
	}
	if !*update {
		return
	}
	slices.Sort(names)
	file := filepath.Join("..", "..", "internal", "ot", "protocols.txt")
	if err := os.WriteFile(file, []byte(strings.Join(names, "\n")+"\n"), 0o644); err != nil { // part of the source
		t.Fatal(err)
	}
}

// TestProtocolsDocument: deploy/protocols.md is the registry's table.
func TestProtocolsDocument(t *testing.T) {
	file := filepath.Join("..", "..", "deploy", "protocols.md")
	want := document(Protocols())
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil { // part of the documentation
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("deploy/protocols.md is stale (%v): write it with make protocols\n%s", err, diff(string(got), want))
	}
}

const preface = `# Protocols

<!-- Written by "make protocols" from the registry in agent/dissect; not by hand. -->

%s
A port is a hint and claims nothing: a name stands when the bytes prove it. ` + "`demarc-agent protocols`" + ` prints the same table.

Tier 1 reads identity, direction and class of operation; tier 2 content and direction; tier 3 is a signature. Where the standard's column says
"` + FromText + `", no public capture was found and the protocol was never checked against real traffic.
`

// document is the table of protocols in Markdown, OT first.
func document(all []Protocol) string {
	var b strings.Builder
	fmt.Fprintf(&b, preface, CountProtocols(all))
	for _, part := range []struct {
		title string
		ot    bool
	}{{"Operational technology", true}, {"Information technology and infrastructure", false}} {
		fmt.Fprintf(&b, "\n## %s\n\n| protocol | tier | over | what is read | standard |\n|---|---|---|---|---|\n", part.title)
		for _, p := range all {
			if p.OT == part.ot {
				fmt.Fprintf(&b, "| %s | %d | %s | %s | %s |\n", p.Name, p.Tier, strings.Join(p.Over, ", "), cell(p.Reads), cell(p.Standard))
			}
		}
	}
	b.WriteString(usualPreface)
	for _, u := range UsualPorts() {
		fmt.Fprintf(&b, "| %s | %s/%d | %s |\n", u.Name, u.Carrier, u.Number, cell(u.Source))
	}
	return b.String()
}

const usualPreface = `
## By port alone

Nothing public describes the bytes of these, so their names are shown with the grade "hint" and never more; what is said on such a port is
kept as unidentified, with its first bytes.

Of the control networks of DeltaV, Ovation and Experion not even a port is public. Their devices are known by what they say of themselves over
other protocols (product names in Modbus, CIP, SNMP, web pages, sign-ins to databases), and what they speak among themselves is shown as unknown.

| protocol | port | source |
|---|---|---|
`

// cell keeps text from ending its cell of a Markdown table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// leastOT is how many OT protocols were read by content when this was last
// raised: none of them is lost unnoticed.
const leastOT = 76

func TestCountOfOTProtocols(t *testing.T) {
	c := CountProtocols(Protocols())
	t.Log(c)
	if c.OT < leastOT {
		t.Errorf("%d OT protocols, %d before", c.OT, leastOT)
	}
	for _, p := range Protocols() { // what offices speak does not swell the count
		if p.OT && slices.Contains([]string{"arp", "dcerpc", "dhcp", "dns", "ftp", "http", "kafka", "kerberos", "ldap", "lldp", "mdns", "mysql", "ntp", "postgresql", "rdp", "smb", "snmp", "ssh", "stp", "syslog", "tds", "telnet", "tls", "tns", "vnc"}, p.Name) {
			t.Errorf("%s is no OT protocol", p.Name)
		}
	}
	made := []Protocol{{OT: true, Standard: "X, " + FromText}, {Standard: "Y"}}
	if got := CountProtocols(made); got != (Count{2, 1, 1}) {
		t.Errorf("counted %+v", got)
	}
}
