package paper

import (
	"fmt"
	"strings"
	"testing"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// hosts makes a flow between two addresses with an operation.
func hosts(id, from, to, operation, verdict string) *demarcv1.JudgedConnection {
	cb, client, _ := strings.Cut(from, "/")
	sb, server, _ := strings.Cut(to, "/")
	c := link(id, cb+">"+sb+" opcua 4840 "+verdict)
	c.Connection.Client, c.Connection.Server = client, server
	c.Connection.ClientAsset, c.Connection.ServerAsset = "a-"+client, "a-"+server
	if operation != "" {
		c.Connection.Operations = map[string]uint64{operation: 3}
	}
	return c
}

func chains(w World, from, to string, hops int) string {
	paths, _ := Paths(w, In(w.Policy, from), In(w.Policy, to), hops)
	var b strings.Builder
	for _, p := range paths {
		fmt.Fprintf(&b, "%v %d", p.GetCertain(), p.GetSources())
		for _, h := range p.GetHops() {
			fmt.Fprintf(&b, " %s>%s:%s", h.GetFromBoundary(), h.GetToBoundary(), h.GetVerdict())
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func plain4(t *testing.T) World {
	t.Helper()
	text := "{apiVersion: demarc/v1, kind: Site, metadata: {name: s}}\n"
	for i, b := range []string{"line4", "dmz", "it", "cloud"} {
		text += fmt.Sprintf("---\n{apiVersion: demarc/v1, kind: Boundary, metadata: {name: %s}, spec: {title: T, domain: it, members: [{site: s, cidrs: [10.%d.0.0/16]}]}}\n", b, i)
	}
	d, err := boundary.Read([]boundary.File{{Path: "d.yaml", Content: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := boundary.Compile(d, 1)
	if err != nil {
		t.Fatal(err)
	}
	return World{Policy: p, Documents: d}
}

func TestPaths(t *testing.T) {
	w := plain4(t)
	w.Connections = []*demarcv1.JudgedConnection{
		hosts("c1", "dmz/h", "line4/p1", "read", "authorized"), // information moves from p1 to h
		hosts("c2", "dmz/h", "line4/p2", "read", "authorized"),
		hosts("c3", "it/erp", "dmz/h", "read", "authorized"),
		hosts("c4", "it/erp", "cloud/c", "", "unauthorized"),  // not decoded: either way
		hosts("c5", "it/pc", "dmz/x", "read", "unauthorized"), // another device of the DMZ: no chain
		hosts("c6", "dmz/h", "it/pc2", "read", "authorized"),  // moves towards h
	}
	want := "true 2 line4>dmz:authorized dmz>it:authorized\nfalse 2 line4>dmz:authorized dmz>it:authorized it>cloud:unauthorized\n"
	if got := chains(w, "line4", "", 3); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := chains(w, "line4", "it", 3); got != "true 2 line4>dmz:authorized dmz>it:authorized\n" {
		t.Errorf("to it:\n%s", got)
	}
	if got := chains(w, "line4", "cloud", 2); got != "" {
		t.Errorf("2 hops:\n%s", got)
	}
	if got := chains(w, "it", "line4", 4); got != "" {
		t.Errorf("against the flow:\n%s", got)
	}
}

// A graph in which everybody speaks to everybody ends in time, and says so.
func TestPathsOfADenseGraph(t *testing.T) {
	w := plain4(t)
	names := []string{"line4", "dmz", "it", "cloud"}
	for i := range 120 {
		for j := range 120 {
			if i%4 != j%4 {
				w.Connections = append(w.Connections, hosts(fmt.Sprint("c", i, "-", j), fmt.Sprintf("%s/%d", names[i%4], i), fmt.Sprintf("%s/%d", names[j%4], j), "", "unauthorized"))
			}
		}
	}
	paths, left := Paths(w, In(w.Policy, "line4"), nil, 4)
	if !left || len(paths) == 0 || len(paths) > maxPaths {
		t.Errorf("%d paths, left off %v", len(paths), left)
	}
}

func TestRegulated(t *testing.T) {
	w := world(t)
	w.Documents.Boundaries[0].Regulated = []string{"batch"}
	w.Documents.Interconnections[0].Carries = []string{"batch"}
	w.Connections[0].Connection.Operations = map[string]uint64{"read": 1}
	w.Connections[1].Connection.Operations = map[string]uint64{"write": 1}
	flows, quiet := Regulated(w, "")
	got := ""
	for _, f := range flows {
		got += fmt.Sprintln(f.GetBoundary(), f.GetTo(), f.GetService(), f.GetLeaves(), f.GetVerdict(), f.GetDocument(), f.GetCarries())
	}
	want := "line4 dmz modbus no unauthorized  []\nline4 dmz opcua yes authorized Interconnection/values [batch]\nline4 dmz s7comm not-observable unauthorized  []\n"
	if got != want || len(quiet) != 0 {
		t.Errorf("%v\n%s", quiet, got)
	}
	w.Connections = nil
	if _, quiet = Regulated(w, "line4"); len(quiet) != 1 {
		t.Errorf("%v", quiet)
	}
}
