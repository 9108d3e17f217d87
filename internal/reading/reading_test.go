package reading

import (
	"strings"
	"testing"

	demarcv1 "demarc/proto/demarc/v1"
)

func TestAddress(t *testing.T) {
	for text, want := range map[string]string{"10.20.4.10": "10.20.4.10", "::ffff:10.20.4.10": "10.20.4.10", "fd00::1": "fd00::1"} {
		if a, err := Address(text); err != nil || a.String() != want {
			t.Errorf("%s: %v, %v", text, a, err)
		}
	}
	for _, text := range []string{"", "plc-1", "10.20.4", "10.20.4.10/24", "10.20.4.10:502", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "fe80::1%eth0"} {
		if a, err := Address(text); err == nil {
			t.Errorf("%q is %v", text, a)
		}
	}
}

func TestAllowed(t *testing.T) {
	networks := []string{"10.20.4.0/24", "fd00::/64"}
	for text, want := range map[string]bool{"10.20.4.255": true, "10.20.5.0": false, "::ffff:10.20.4.1": true, "fd00::9": true, "fd01::9": false} {
		if a, err := Address(text); err != nil || Allowed(networks, a) != want {
			t.Errorf("%s: %v, %v", text, !want, err)
		}
	}
}

// Of says the same as settings that were written alike.
func TestOf(t *testing.T) {
	got := Of(&demarcv1.ProbeReads{
		Modbus: &demarcv1.ProbeModbusReads{Port: 5020, Units: "1, 3-5", Identification: "extended", ServerId: true, SunSpec: true},
		Opcua:  &demarcv1.ProbeOpcuaReads{Port: 4841, Session: true, Security: "Basic256Sha256 sign"},
	})
	m, o := got.Modbus, got.OPCUA
	if m.Port != 5020 || m.Units != "1, 3-5" || m.Identification != "extended" || !m.ServerID || !m.SunSpec || m.Registers != nil {
		t.Errorf("%+v", m)
	}
	if o.Port != 4841 || o.Session != "anonymous" || o.Security != "Basic256Sha256 sign" || o.User+o.Password+o.Certificate+o.Key != "" {
		t.Errorf("%+v", o)
	}
	if err := got.Check(); err != nil {
		t.Error(err)
	}
	none := Of(&demarcv1.ProbeReads{})
	if err := none.Check(); err == nil || !strings.Contains(err.Error(), "neither") {
		t.Errorf("nothing to read: %v", err)
	}
	if x := Of(&demarcv1.ProbeReads{Opcua: &demarcv1.ProbeOpcuaReads{}}); x.OPCUA.Session != "none" || x.Modbus != nil {
		t.Errorf("%+v", x)
	}
}
