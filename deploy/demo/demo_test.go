package main

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	demarcv1 "demarc/proto/demarc/v1"
)

// freePort is one that nobody listens on.
func freePort(t *testing.T) (port int, listener net.Listener) {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().(*net.TCPAddr).Port, l
}

func TestPorts(t *testing.T) {
	free, l := freePort(t)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	taken, _ := freePort(t)
	for _, c := range []struct{ ports, wrong string }{
		{"", "two different numbers"},
		{"7443", "two different numbers"},
		{"1,2,3", "two different numbers"},
		{"0,8443", "two different numbers"},
		{"65536,8443", "two different numbers"},
		{"x,8443", "two different numbers"},
		{strconv.Itoa(free) + "," + strconv.Itoa(free), "two different numbers"},
		{strconv.Itoa(free) + ", " + strconv.Itoa(taken), "port " + strconv.Itoa(taken) + " of this machine"},
	} {
		_, _, err := parsePorts(c.ports)
		if err == nil || !strings.Contains(err.Error(), c.wrong) || !strings.Contains(err.Error(), "make run PORTS=") {
			t.Errorf("ports %q: %v", c.ports, err)
		}
	}
}

func TestFoundNamesAddresses(t *testing.T) {
	s := seen{
		assets:      []*demarcv1.Asset{{Id: "a-1", Ips: []string{"10.0.0.1", "10.0.1.1"}}},
		connections: []*demarcv1.JudgedConnection{{Id: "c-1", Connection: &demarcv1.Connection{Client: "10.0.0.1", Server: "10.9.0.1"}}},
		findings: []*demarcv1.Finding{
			{Id: "f-1", Connections: []string{"c-1"}},
			{Id: "f-2", Assets: []string{"a-1"}, Connections: []string{"c-1"}},
		},
	}
	got := s.found()
	if !slices.Equal(got[0].Addresses, []string{"10.0.0.1", "10.9.0.1"}) || !slices.Equal(got[1].Addresses, []string{"10.0.0.1", "10.0.1.1", "10.9.0.1"}) {
		t.Errorf("addresses %q and %q", got[0].Addresses, got[1].Addresses)
	}
}

func TestSpanPortsAreListed(t *testing.T) {
	t.Chdir("../..")
	all, err := spanPorts()
	if err != nil || len(all) == 0 {
		t.Fatalf("%v, %v", all, err)
	}
	if all[0] != (port{"testdata/plant/line4.pcap", "line4"}) {
		t.Errorf("the first is %v", all[0])
	}
}
