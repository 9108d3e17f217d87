package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/collector/boundary"
	"demarc/collector/inventory"
	"demarc/internal/identity"
)

// scenes are small networks with one difficulty each. What must come out is in
// testdata/scenes, for people to read.
var scenes = []struct {
	name, about string
	local       string // what the Site declares local to its segments; "" applies no documents
	build       func(*scene)
}{
	{"router-between", "A SCADA server polls two controllers through a router; one SPAN port on each side.\nThe router's MAC stands before every address of the other side and lends itself to none.", "", routerBetween},
	{"vrrp", "Two routers share a virtual MAC (VRRP). It belongs to neither, and hosts behind it have none.", "", vrrpPair},
	{"nat-cell", "A cell stands behind a router that translates addresses: many to one outwards, and one to one\nfor a controller that the plant must reach. Both are told, neither is taken for a fact.", "", natCell},
	{"two-agents", "Two agents on two sides of a switch see the same controller, and an ERP host beyond the router.", "", twoAgents},
	{"overlapping-lines", "Two lines with the same addresses, each in its own segment, declared local.", "192.168.1.0/24", overlappingLines},
	{"overlapping-vlans", "The same on one SPAN port that carries both lines as VLANs.", "192.168.1.0/24", overlappingVLANs},
	{"overlapping-undeclared", "The same two lines, and nobody declared their addresses local: kept apart and told.", "", overlappingLines},
	{"dual-homed", "A server with a card in each of two networks, known by the name that it gives at log-on.", "", dualHomed},
	{"dhcp-churn", "A lease passes from one panel to another: each device is one, with the address that it has now.", "", dhcpChurn},
	{"switch-ports", "A switch sends its spanning tree from every port's MAC, and answers at its management address.", "", switchPorts},
	{"parts-modbus", "Three units answer behind a Modbus gateway's one address.", "", sampled("modbus/units")},
	{"parts-dnp3", "Two DNP3 outstations behind one address.", "", sampled("dnp3/stations")},
	{"parts-bacnet", "Devices on the other network of a BACnet router.", "", sampled("bacnet/router")},
	{"parts-cip", "A module in a CIP chassis, asked over its backplane.", "", sampled("enip/routed")},
	{"business", "Levels 3 and 4: ERP sends a schedule, MES reports what was made, and an interface takes from the\nplant's broker and tells ERP (B2MML).", "", business},
	{"spoofed", "Somebody claims a controller's address and the server's, and passes their packets on.", "", spoofed},
}

func TestScenes(t *testing.T) {
	for _, c := range scenes {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			c.build(s)
			all := s.listen()
			space := spaces(t, all, c.local)
			got := assetList(c.about, tellAll(space, inOrder(all)))
			compareScene(t, c.name, got)
			for i := range 8 { // in whatever order reports of several agents arrive
				if again := assetList(c.about, tellAll(space, shuffled(all, uint64(i)))); again != got {
					t.Fatalf("arrival %d gives\n%s\nwant\n%s", i, again, got)
				}
			}
		})
	}
}

// arrival is one body on its way.
type arrival struct {
	from *heard
	n    int
}

func inOrder(all []heard) []arrival {
	var out []arrival
	for i := range all {
		for n := range all[i].bodies {
			out = append(out, arrival{&all[i], n})
		}
	}
	return out
}

// shuffled mixes the reports of agents; those of one stay in its order.
func shuffled(all []heard, seed uint64) []arrival {
	rng := rand.New(rand.NewPCG(seed, 1))
	next := make([]int, len(all))
	var out []arrival
	for left := len(inOrder(all)); left > 0; left-- {
		i := rng.IntN(len(all))
		for next[i] == len(all[i].bodies) {
			i = (i + 1) % len(all)
		}
		out = append(out, arrival{&all[i], next[i]})
		next[i]++
	}
	return out
}

func tellAll(space identity.Space, order []arrival) *inventory.Book {
	book := inventory.New(space)
	for _, r := range order {
		book.Apply(site, r.from.agent, r.from.bodies[r.n])
	}
	return book
}

// spaces is the mapping of a Site that declares a prefix local in each of its
// segments; of no documents without one.
func spaces(t *testing.T, all []heard, local string) identity.Space {
	t.Helper()
	if local == "" {
		return nil
	}
	segments := map[string]bool{}
	for _, a := range all {
		for _, b := range a.bodies {
			for _, e := range b.GetEndpoints() {
				segments[e.GetAddress().GetSegment()] = true
			}
		}
	}
	var text strings.Builder
	fmt.Fprintf(&text, "apiVersion: demarc/v1\nkind: Site\nmetadata: {name: %s}\nspec:\n  timezone: UTC\n  addressSpace: [10.0.0.0/8]\n  segments:\n", site)
	for name := range segments {
		fmt.Fprintf(&text, "    - {name: %s, local: [%s]}\n", name, local)
	}
	docs, err := boundary.Read([]boundary.File{{Path: "site.yaml", Content: []byte(text.String())}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := boundary.Compile(docs, 1)
	if err != nil {
		t.Fatal(err)
	}
	return p.Space
}

// assetList writes what a person wants to know of each asset.
func assetList(about string, book *inventory.Book) string {
	var out strings.Builder
	for l := range strings.SplitSeq(about, "\n") {
		fmt.Fprintf(&out, "# %s\n", l)
	}
	names := map[string]string{}
	for _, a := range book.Assets(site) {
		names[a.GetId()] = strings.Join(append(slices.Clone(a.GetIps()), a.GetMacs()...), " ")
		fmt.Fprintf(&out, "- ips: [%s]\n  macs: [%s]\n  kind: %s\n  segment: %s\n  vlans: %s\n", strings.Join(a.GetIps(), ", "), strings.Join(a.GetMacs(), ", "), a.GetKind(), a.GetSegment(), strings.ReplaceAll(fmt.Sprint(a.GetVlans()), " ", ", "))
		if a.GetParent() != "" {
			fmt.Fprintf(&out, "  part of: %s\n", names[a.GetParent()])
		}
		for _, f := range []struct{ what, value string }{
			{"names", strings.Join(a.GetNames(), ", ")}, {"vendor", a.GetVendor()}, {"model", a.GetModel()}, {"serial", a.GetSerial()}, {"agents", strings.Join(a.GetAgents(), ", ")},
		} {
			if f.value != "" {
				fmt.Fprintf(&out, "  %s: %s\n", f.what, f.value)
			}
		}
		for i, r := range a.GetRoles() {
			if i == 0 {
				out.WriteString("  roles:\n")
			}
			fmt.Fprintf(&out, "    - %s (%s): %s\n", r.GetRole(), r.GetGrade(), r.GetWhy())
		}
		for i, j := range a.GetJoins() {
			if i == 0 {
				out.WriteString("  told:\n")
			}
			fmt.Fprintf(&out, "    - %s\n", j)
		}
	}
	return out.String()
}

func compareScene(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join(root, "testdata", "scenes", name+".yaml")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
	}
}

// Hosts of the scenes. Prefixes: 00:0e:8c Siemens, 00:80:f4 Schneider Electric,
// 00:1d:9c Rockwell Automation, 00:0c:29 VMware, 00:1b:1b Siemens switches.
var (
	plcA     = at{"00:0e:8c:00:0a:01", "10.20.4.10", 0}
	plcB     = at{"00:80:f4:00:0a:02", "10.20.4.11", 0}
	scada    = at{"00:0c:29:00:0b:01", "10.20.9.50", 128}
	routerL  = at{"00:1b:1b:00:00:04", "10.20.4.1", 255}
	routerS  = at{"00:1b:1b:00:00:09", "10.20.9.1", 255}
	erpHost  = at{"", "10.50.1.5", 128}
	panel    = at{"00:0e:8c:00:0a:20", "10.20.4.20", 0}
	panelTwo = at{"00:0e:8c:00:0a:21", "10.20.4.21", 0}
)

func routerBetween(s *scene) {
	line, control := s.port("agent-line", "line4", nil), s.port("agent-control", "control", nil)
	s.arp(control, 0, scada, routerS)
	for _, plc := range []at{plcA, plcB} {
		s.arp(line, 0, routerL, plc)
		s.tcp(502, modbusRead("01"),
			view{control, 0, scada, plc.via(routerS)},
			view{line, 0, scada.via(routerL), plc})
	}
	for i := range 12 { // and hosts from all over the company
		far := at{"", fmt.Sprintf("10.60.1.%d", i+1), 128}
		s.tcp(502, modbusRead("01"), view{line, 0, far.via(routerL), plcA})
	}
}

func vrrpPair(s *scene) {
	line := s.port("agent", "line4", nil)
	virtual := at{"00:00:5e:00:01:07", "10.20.4.1", 255}
	first, second := at{"00:1b:1b:00:00:04", "10.20.4.2", 255}, at{"00:1b:1b:00:00:05", "10.20.4.3", 255}
	s.announce(line, 0, virtual)
	s.announce(line, 0, first)
	s.announce(line, 0, second)
	s.arp(line, 0, plcA, virtual)
	// Asked through the virtual MAC, answered through each router's own.
	for _, r := range []at{virtual, first, second} {
		s.tcp(502, modbusRead("01"), view{line, 0, scada.via(r), plcA})
	}
}

func natCell(s *scene) {
	plantNet := s.port("agent", "line4", nil)
	gate := at{"00:1b:1b:00:00:14", "10.20.4.30", 255}
	s.arp(plantNet, 0, routerL, gate)
	// The gate's own page, then a Linux and a Windows system behind it.
	s.tcp(80, []line{{false, ascii("GET / HTTP/1.1\r\nHost: gate\r\n\r\n")}, {true, ascii("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")}}, view{plantNet, 0, panel, gate})
	for _, ttl := range []uint8{63, 127} {
		inside := at{gate.mac, gate.ip, ttl}
		s.tcp(502, modbusRead("01"), view{plantNet, 0, inside, plcA})
	}
	// One to one: the gate answers ARP for the controller's outer address.
	outer := at{gate.mac, "10.20.4.31", 63}
	s.arp(plantNet, 0, panel, outer)
	s.arp(plantNet, 0, panel, plcA)
	s.tcp(502, modbusRead("01"), view{plantNet, 0, panel, outer})
}

func twoAgents(s *scene) {
	west, east := s.port("agent-west", "line4", nil), s.port("agent-east", "line4", nil)
	for _, p := range []*spanPort{west, east} {
		s.arp(p, 0, panel, plcA)
		s.arp(p, 0, plcA, routerL)
	}
	s.tcp(502, modbusRead("01"), view{west, 0, panel, plcA}, view{east, 0, panel, plcA})
	s.tcp(502, modbusRead("01"), view{west, 0, erpHost.via(routerL), plcA})
	s.tcp(502, modbusRead("01"), view{east, 0, erpHost.via(routerL), plcA})
}

// cell is a line's cell network; number tells its devices' MACs apart.
func cell(s *scene, p *spanPort, vlan uint16, number string) {
	plc, hmi := at{"00:0e:8c:00:" + number + ":10", "192.168.1.10", 0}, at{"00:1d:9c:00:" + number + ":20", "192.168.1.20", 128}
	s.arp(p, vlan, hmi, plc)
	s.tcp(502, modbusRead("01"), view{p, vlan, hmi, plc})
}

func overlappingLines(s *scene) {
	cell(s, s.port("agent-4", "line4", nil), 0, "04")
	cell(s, s.port("agent-5", "line5", nil), 0, "05")
}

func overlappingVLANs(s *scene) {
	both := s.port("agent", "trunk", map[uint16]string{104: "line4", 105: "line5"})
	cell(s, both, 104, "04")
	cell(s, both, 105, "05")
}

func dualHomed(s *scene) {
	line, control := s.port("agent-line", "line4", nil), s.port("agent-control", "control", nil)
	first, second := at{"00:1b:21:00:00:01", "10.20.4.60", 128}, at{"00:1b:21:00:00:02", "10.20.9.60", 128}
	other := at{"00:1b:21:00:00:09", "10.20.9.61", 128}
	s.arp(line, 0, panel, first)
	s.arp(control, 0, scada, second)
	s.arp(control, 0, scada, other)
	s.tcp(445, smbLogon("batch-l4.plant.example"), view{line, 0, panel, first})
	s.tcp(445, smbLogon("batch-l4.plant.example"), view{control, 0, scada, second})
	s.tcp(445, smbLogon("batch-l5.plant.example"), view{control, 0, scada, other})
}

func dhcpChurn(s *scene) {
	line := s.port("agent", "line4", nil)
	first := at{panel.mac, "10.20.4.120", 0}
	s.dhcp(line, first, "panel-left")
	s.arp(line, 0, first, plcA)
	s.tcp(502, modbusRead("01"), view{line, 0, first, plcA})
	s.wait(2 * time.Hour) // the lease ended; another panel is given the address
	taken := at{panelTwo.mac, "10.20.4.120", 0}
	s.dhcp(line, taken, "panel-right")
	s.arp(line, 0, taken, plcA)
	s.tcp(502, modbusRead("01"), view{line, 0, taken, plcA})
	s.wait(time.Minute) // and the first comes back with the next one
	second := at{panel.mac, "10.20.4.121", 0}
	s.dhcp(line, second, "panel-left")
	s.arp(line, 0, second, plcA)
	s.tcp(502, modbusRead("01"), view{line, 0, second, plcA})
}

func switchPorts(s *scene) {
	line := s.port("agent", "line4", nil)
	base := at{"00:80:63:00:40:00", "10.20.4.2", 0}
	s.arp(line, 0, panel, base)
	for _, p := range []string{"00:80:63:00:40:01", "00:80:63:00:40:02", "00:80:63:00:40:03"} {
		s.bpdu(line, p, base.mac)
	}
	s.bpdu(line, "00:80:63:00:50:01", "00:80:63:00:50:00") // another switch, by one port alone
}

// sampled is the network of a protocol's sample.
func sampled(sample string) func(*scene) {
	return func(s *scene) { s.replay(s.port("agent", "line4", nil), sample) }
}

func spoofed(s *scene) {
	line := s.port("agent", "line4", nil)
	s.arp(line, 0, panel, plcA)
	s.tcp(502, modbusRead("01"), view{line, 0, panel, plcA})
	evil := at{"02:13:37:00:00:01", "10.20.4.99", 0}
	s.announce(line, 0, evil)
	s.announce(line, 0, at{evil.mac, plcA.ip, 0})
	s.announce(line, 0, at{evil.mac, panel.ip, 0})
	s.tcp(502, modbusRead("01"), view{line, 0, panel, at{evil.mac, plcA.ip, 63}}, view{line, 0, at{evil.mac, panel.ip, 63}, plcA})
	s.wait(time.Second)
	s.tcp(502, modbusRead("01"), view{line, 0, panel, plcA})
}
