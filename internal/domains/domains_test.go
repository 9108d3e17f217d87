package domains

import (
	"slices"
	"strings"
	"testing"

	"demarc/internal/tables"
)

func TestLookup(t *testing.T) {
	for _, c := range []struct {
		name, tool string
		kind       Kind
	}{
		{"router15.teamviewer.com", "TeamViewer", RemoteAccess},
		{"TeamViewer.COM.", "TeamViewer", RemoteAccess},
		{"relay-0a1b2c3d.net.anydesk.com", "AnyDesk", RemoteAccess},
		{"device.talk2m.com", "Ewon Talk2M", RemoteAccess},
		{"whitelist.ixon.cloud", "IXON Cloud", RemoteAccess},
		{"myhub.azure-devices.net", "Azure IoT Hub", Cloud},
		{"bus.servicebus.windows.net", "Azure Service Bus", Cloud},
		{"blob.core.windows.net", "Microsoft Azure", Cloud},
		{"remotedesktop-pa.googleapis.com", "Chrome Remote Desktop", RemoteAccess},
		{"gateway.eu1.mindsphere.io", "Siemens Insights Hub", Cloud},
		{"wss.eu1.vpnrts.mindsphere.io", "Siemens Insights Hub Remote Services", RemoteAccess},
	} {
		e, ok := Lookup(c.name)
		if !ok || e.Tool != c.tool || e.Kind != c.kind {
			t.Errorf("Lookup(%q) = %+v, %v, want %s (%s)", c.name, e, ok, c.tool, c.kind)
		}
		if b, bok := LookupBytes([]byte(c.name)); b != e || bok != ok {
			t.Errorf("LookupBytes(%q) = %+v, want %+v", c.name, b, e)
		}
	}
}

func TestLookupLeavesOthersAlone(t *testing.T) {
	for _, name := range []string{"", ".", "com", "notteamviewer.com", "teamviewer.com.example.org", "plant.local", "docs.tia.siemens.cloud", "docs.influxdata.com", "www.weidmueller.com", strings.Repeat("a.", 200) + "teamviewer.com"} {
		if e, ok := Lookup(name); ok {
			t.Errorf("Lookup(%.40q) = %+v, want none", name, e)
		}
	}
}

func TestTable(t *testing.T) {
	if n := tables.Domains.Len(); n < 150 {
		t.Fatalf("%d entries, want at least 150", n)
	}
	if len(Date()) != len("2006-01-02") {
		t.Errorf("Date() = %q", Date())
	}
	if e, _ := Lookup("a.ts.net"); e != (Entry{"ts.net", RemoteAccess, "Tailscale", "Public Suffix List (Tailscale)"}) {
		t.Errorf("a row of four columns: %+v", e)
	}
	if !slices.Equal(tables.DomainKinds, []string{string(RemoteAccess), string(Cloud)}) {
		t.Errorf("kinds of the table: %v", tables.DomainKinds)
	}
}

func TestLookupBytesAllocatesNothing(t *testing.T) {
	name := []byte("Router15.TeamViewer.com")
	if n := testing.AllocsPerRun(100, func() { LookupBytes(name) }); n != 0 {
		t.Errorf("LookupBytes allocates %v times", n)
	}
}
