package dissect

import (
	"testing"

	"demarc/agent/flow"
	"demarc/internal/ot"
)

// TestUsualPorts: each row has its source and a name of the vocabulary, and
// stands where nothing is registered.
func TestUsualPorts(t *testing.T) {
	registered := map[Port]string{}
	for _, p := range Protocols() {
		for _, port := range p.Ports {
			registered[port] = p.Name
		}
	}
	seen := map[Port]bool{}
	for _, u := range UsualPorts() {
		_, known := registry[u.Name]
		switch {
		case u.Carrier != "tcp" && u.Carrier != "udp", u.Number == 0, len(u.Source) < 10:
			t.Errorf("%+v", u)
		case !protocolName.MatchString(u.Name) || !ot.IsProtocol(u.Name):
			t.Errorf("%s is no name of the vocabulary", u.Name)
		case known || registered[u.Port] != "":
			t.Errorf("%s on %v: the port is that of %q", u.Name, u.Port, registered[u.Port])
		case seen[u.Port]:
			t.Errorf("%v twice", u.Port)
		}
		seen[u.Port] = true
	}
	if len(seen) == 0 {
		t.Error("no rows")
	}
	if got := NewPortHints(nil).Lookup(6, 5450); got != "" {
		t.Errorf("without protocols the port says %q", got)
	}
	if got := NewPortHints(Protocols()).Lookup(6, 5450); got != "pi" {
		t.Errorf("5450 is %q", got)
	}
	if got := NewPortHints(Protocols()).Lookup(6, 3389); got != "rdp" {
		t.Errorf("3389, of one that COTP carries, is %q", got)
	}
}

// TestUsualPortIsKept: what is said on such a port is kept as unidentified.
func TestUsualPortIsKept(t *testing.T) {
	e := NewEngine(Protocols(), newRecorder())
	c := &flow.Conversation{Transport: 6, Opened: true}
	c.Ends[flow.B].Port = 5450
	if port, ok := e.open(c).plantPort(); !ok || port != 5450 {
		t.Error(port, ok)
	}
}
