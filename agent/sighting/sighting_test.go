package sighting

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"
	"unsafe"

	"demarc/agent/capture"
	"demarc/agent/decode"
	"demarc/agent/dissect"
	"demarc/agent/flow"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// collected keeps what leaves.
type collected struct{ bodies []*demarcv1.Body }

func (c *collected) Emit(b *demarcv1.Body, _ bool) error {
	c.bodies = append(c.bodies, b)
	return nil
}

// total sums the increments of each connection key, moves applied, as a
// collector does.
func (c *collected) total() map[string][4]uint64 {
	sum := map[string][4]uint64{}
	name := func(k *demarcv1.ConnectionKey) string {
		a := func(x *demarcv1.Address) string {
			if ip, ok := netip.AddrFromSlice(x.Ip); ok {
				return ip.String()
			}
			return fmt.Sprintf("%x", x.Mac)
		}
		return fmt.Sprintf("%s>%s:%s/%d", a(k.Client), a(k.Server), k.Transport, k.Port)
	}
	for _, b := range c.bodies {
		for _, m := range b.Moves {
			from, to := sum[name(m.From)], sum[name(m.To)]
			delete(sum, name(m.From))
			sum[name(m.To)] = [4]uint64{to[0] + from[1], to[1] + from[0], to[2] + from[2], to[3] + from[3]}
		}
		for _, d := range b.Connections {
			x := sum[name(d.Key)]
			var ops uint64
			for _, n := range d.Operations {
				ops += n
			}
			sum[name(d.Key)] = [4]uint64{x[0] + d.ClientPackets, x[1] + d.ServerPackets, x[2] + d.Sessions, x[3] + ops}
		}
	}
	return sum
}

func (c *collected) String() string {
	var lines []string
	for k, v := range c.total() {
		lines = append(lines, fmt.Sprintf("%s packets %d/%d sessions %d operations %d", k, v[0], v[1], v[2], v[3]))
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// asks is an engine of one protocol over UDP: '?' from the client, '!' from
// the server.
type asks struct{}

func (asks) Dissect(m *dissect.Message, out dissect.Out) (int, error) {
	switch m.Data[0] {
	case '?':
		out.Operation(ot.Read, 1)
	case 'w':
		out.Operation(ot.Write, 1)
	case '!':
		out.Sender(dissect.Server)
		out.Fact(dissect.Sender, ot.Name, m.Data[1:], "asks.name", ot.Identity)
	default:
		return 0, dissect.ErrNotMine
	}
	return len(m.Data), nil
}

type handler struct {
	*dissect.Engine
	t *Table
}

func (h handler) Close(c *flow.Conversation, evicted bool) {
	h.Engine.Close(c, evicted)
	h.t.Closed(c)
}

type rig struct {
	*testing.T
	out    *collected
	sights *Table
	flows  *flow.Table
}

func newRig(t *testing.T) *rig {
	all := []dissect.Protocol{{Name: "asks", Over: []string{"udp"}, Match: func(b []byte) bool { return b[0] == '?' || b[0] == '!' }, New: func() dissect.Dissector { return asks{} }}}
	out := &collected{}
	r := &rig{T: t, out: out}
	r.sights = New([]string{"line4", "line5"}, dissect.NewPortHints(all), out)
	r.flows = flow.NewTable(handler{dissect.NewEngine(all, r.sights), r.sights}, flow.Limit{})
	r.sights.Attach(r.flows)
	return r
}

func (r *rig) send(at time.Duration, src, dst string, data string) {
	r.Helper()
	s, d := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
	p := &decode.Packet{
		Time: int64(at) + 1, Length: 60, Has: decode.HasIP | decode.HasPort | decode.HasMAC, Protocol: 17,
		Src: s.Addr(), Dst: d.Addr(), SrcPort: s.Port(), DstPort: d.Port(), Payload: []byte(data), PayloadLen: len(data),
		SrcMAC: decode.MAC{2, 0, 0, 0, 0, s.Addr().As4()[3]}, DstMAC: decode.MAC{2, 0, 0, 0, 0, d.Addr().As4()[3]},
	}
	r.packet(p)
}

func (r *rig) packet(p *decode.Packet) {
	r.Helper()
	if err := r.sights.Advance(p.Time); err != nil {
		r.Fatal(err)
	}
	c, side, _ := r.flows.Add(p, 0)
	r.sights.Seen(c, side, p)
}

func (r *rig) end() string {
	r.Helper()
	r.flows.Close()
	if err := r.sights.Close(); err != nil {
		r.Fatal(err)
	}
	return r.out.String()
}

func TestIncrementsAddUp(t *testing.T) {
	r := newRig(t)
	for i := range 100 { // over 50 minutes, with news leaving now and then
		r.send(time.Duration(i)*30*time.Second, "10.0.0.1:4000", "10.0.0.2:9000", "?")
		r.send(time.Duration(i)*30*time.Second+time.Millisecond, "10.0.0.2:9000", "10.0.0.1:4000", "!plc")
		if i%7 == 0 {
			if err := r.sights.FlushNews(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, want := r.end(), "10.0.0.1>10.0.0.2:udp/9000 packets 100/100 sessions 1 operations 100"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, b := range r.out.bodies {
		for _, d := range b.Connections {
			if d.FirstNs/Quarter != d.LastNs/Quarter {
				t.Errorf("an increment crosses a quarter hour: %v to %v", time.Duration(d.FirstNs), time.Duration(d.LastNs))
			}
		}
	}
}

// TestPayloadIsTold: of TCP alone, and zero is told as zero.
func TestPayloadIsTold(t *testing.T) {
	r := newRig(t)
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	segment := func(at time.Duration, fromA bool, flags uint8, seq, ack uint32, data string) {
		t.Helper()
		p := &decode.Packet{
			Time: int64(at) + 1, Length: 60 + len(data), Has: decode.HasIP | decode.HasPort, Protocol: 6, Src: a, Dst: b, SrcPort: 40000, DstPort: 502,
			Flags: flags, Seq: seq, Ack: ack, Payload: []byte(data), PayloadLen: len(data),
		}
		if !fromA {
			p.Src, p.Dst, p.SrcPort, p.DstPort = p.Dst, p.Src, p.DstPort, p.SrcPort
		}
		r.packet(p)
	}
	segment(0, true, decode.SYN, 99, 0, "")
	segment(1*time.Second, false, decode.SYN|decode.ACK, 499, 100, "")
	segment(2*time.Second, true, decode.ACK, 100, 500, "values")
	segment(3*time.Second, false, decode.ACK, 500, 106, "")
	segment(20*time.Minute, true, decode.ACK, 106, 500, "more")
	segment(21*time.Minute, false, decode.ACK, 500, 110, "answer")
	r.send(22*time.Minute, "10.0.0.1:4000", "10.0.0.2:9000", "datagram")
	r.end()
	got := map[string]string{}
	for _, body := range r.out.bodies {
		for _, d := range body.Connections {
			at := fmt.Sprint(d.GetKey().GetTransport(), " in quarter hour ", d.LastNs/Quarter)
			if d.ClientPayload == nil || d.ServerPayload == nil {
				got[at] = "not told"
			} else if d.GetClientPackets()+d.GetServerPackets() > 0 {
				got[at] = fmt.Sprint(d.GetClientPayload(), " ", d.GetServerPayload())
			}
		}
	}
	want := map[string]string{"tcp in quarter hour 0": "6 0", "tcp in quarter hour 1": "4 6", "udp in quarter hour 1": "not told"}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestNewOperationIsNews: a class that a connection has not used before leaves
// with the next news, counted; one that it has used waits for the next flush.
func TestNewOperationIsNews(t *testing.T) {
	r := newRig(t)
	operations := func() (n [ot.NumOperations]uint64) {
		t.Helper()
		if err := r.sights.FlushNews(); err != nil {
			t.Fatal(err)
		}
		for _, b := range r.out.bodies {
			for _, d := range b.Connections {
				for i, x := range d.Operations {
					n[i] += x
				}
			}
		}
		return n
	}
	r.send(0, "10.0.0.1:4000", "10.0.0.2:9000", "?")
	r.send(time.Millisecond, "10.0.0.2:9000", "10.0.0.1:4000", "!plc")
	if n := operations(); n[ot.Read] != 1 || n[ot.Write] != 0 {
		t.Fatalf("at first: %v", n)
	}
	r.send(time.Second, "10.0.0.1:4000", "10.0.0.2:9000", "w")
	if n := operations(); n[ot.Read] != 1 || n[ot.Write] != 1 {
		t.Errorf("after the first write: %v", n)
	}
	r.send(2*time.Second, "10.0.0.1:4000", "10.0.0.2:9000", "w")
	if n := operations(); n[ot.Write] != 1 {
		t.Errorf("a class that was told is not news: %v", n)
	}
}

// TestNewsIsWhole: what leaves as news holds what made it news.
func TestNewsIsWhole(t *testing.T) {
	r := newRig(t)
	news := func() string {
		if err := r.sights.FlushNews(); err != nil {
			t.Fatal(err)
		}
		return r.out.String()
	}
	r.send(0, "10.0.0.1:4000", "10.0.0.2:9000", "x")
	r.send(time.Second, "10.0.0.1:4000", "10.0.0.2:9000", "x")
	if got := news(); !strings.Contains(got, "packets 1/0 sessions 1 operations 0") {
		t.Fatalf("a new connection: %s", got)
	}
	r.send(2*time.Second, "10.0.0.1:4000", "10.0.0.2:9000", "?")
	if got := news(); !strings.Contains(got, "operations 1") {
		t.Errorf("a new class of operation: %s", got)
	}
	r.send(3*time.Second, "10.0.0.2:9000", "10.0.0.1:4000", "x")
	news()
	last := r.out.bodies[len(r.out.bodies)-1].Connections
	if len(last) != 1 || last[0].Outcome != "exchanged" || last[0].ServerPackets != 1 {
		t.Errorf("an answer: %v", last)
	}
}

func TestDirectionTurnsRound(t *testing.T) {
	r := newRig(t)
	// The server is seen first; the port says the wrong thing until it answers.
	r.send(0, "10.0.0.2:9000", "10.0.0.1:400", "x")
	r.send(time.Second, "10.0.0.2:9000", "10.0.0.1:400", "x") // told: 10.0.0.1 has the lower port
	if err := r.sights.FlushNews(); err != nil {
		t.Fatal(err)
	}
	if got := r.out.String(); !strings.HasPrefix(got, "10.0.0.2>10.0.0.1:udp/400") {
		t.Fatalf("before: %s", got)
	}
	r.send(2*time.Second, "10.0.0.2:9000", "10.0.0.1:400", "!plc")
	if got, want := r.end(), "10.0.0.1>10.0.0.2:udp/9000 packets 0/3 sessions 1 operations 0"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestAnsweredOpenerIsThere: whoever opened and was answered sent, though the
// mirror shows nothing more of it.
func TestAnsweredOpenerIsThere(t *testing.T) {
	r := newRig(t)
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	const has = decode.HasIP | decode.HasPort | decode.HasMAC
	r.packet(&decode.Packet{Time: 1, Length: 60, Has: has, Protocol: 6, Flags: decode.SYN, Seq: 99, Src: a, Dst: b, SrcPort: 40000, DstPort: 502, SrcMAC: decode.MAC{2, 0, 0, 0, 0, 1}})
	r.packet(&decode.Packet{Time: 2, Length: 60, Has: has, Protocol: 6, Flags: decode.SYN | decode.ACK, Seq: 499, Ack: 100, Src: b, Dst: a, SrcPort: 502, DstPort: 40000, SrcMAC: decode.MAC{2, 0, 0, 0, 0, 2}})
	r.end()
	var seen []netip.Addr
	for _, body := range r.out.bodies {
		for _, e := range body.Endpoints {
			ip, _ := netip.AddrFromSlice(e.Address.Ip)
			seen = append(seen, ip)
		}
	}
	slices.SortFunc(seen, netip.Addr.Compare)
	if !slices.Equal(seen, []netip.Addr{a, b}) {
		t.Errorf("seen %v", seen)
	}
}

func TestScanFolds(t *testing.T) {
	r := newRig(t)
	for i := range 500 {
		p := &decode.Packet{
			Time: int64(i)*int64(time.Millisecond) + 1, Length: 60, Has: decode.HasIP | decode.HasPort | decode.HasMAC, Protocol: 6, Flags: decode.SYN,
			Src: netip.MustParseAddr("10.0.0.9"), Dst: netip.MustParseAddr("10.0.0.2"), SrcPort: 50000, DstPort: uint16(i + 1), Checksum: uint16(i), SrcMAC: decode.MAC{2, 0, 0, 0, 0, 9},
		}
		r.packet(p)
	}
	r.end()
	ports, scanned := 0, uint64(0)
	for k, v := range r.out.total() {
		if strings.HasSuffix(k, "/0") {
			scanned = v[0]
		} else {
			ports++
		}
	}
	if ports != scanPorts || scanned != 500-scanPorts {
		t.Errorf("%d ports told, %d packets in the scan", ports, scanned)
	}
}

func TestARPProvesItsOwnLink(t *testing.T) {
	r := newRig(t)
	arp := []byte{0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 7, 10, 0, 0, 7, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1}
	p := &decode.Packet{Time: 1, Length: 60, Has: decode.HasMAC, EtherType: 0x0806, SrcMAC: decode.MAC{2, 0, 0, 0, 0, 7}, DstMAC: decode.MAC{255, 255, 255, 255, 255, 255}, Payload: arp, Tags: 1, VLANs: [2]uint16{104}}
	r.packet(p)
	cut := *p
	cut.Payload, cut.Time = arp[:17], 2
	r.packet(&cut)
	r.end()
	var proved []*demarcv1.EndpointDelta
	for _, b := range r.out.bodies {
		for _, e := range b.Endpoints {
			if e.OwnLink {
				proved = append(proved, e)
			}
		}
	}
	if len(proved) != 1 || string(proved[0].Address.Ip) != string([]byte{10, 0, 0, 7}) || proved[0].Mac[5] != 7 || len(proved[0].Vlans) != 1 || proved[0].Vlans[0] != 104 {
		t.Errorf("proved %v", proved)
	}
}

// TestHostileNames: a device that changes its name each message is bounded and
// told, and its first names stay.
func TestHostileNames(t *testing.T) {
	r := newRig(t)
	for i := range 3000 {
		r.send(time.Duration(i)*time.Millisecond, "10.0.0.2:9000", "10.0.0.1:4000", fmt.Sprintf("!name %d \x00\x1b[31m", i))
	}
	r.end()
	facts, lost := 0, uint64(0)
	for _, b := range r.out.bodies {
		facts += len(b.Facts)
		for _, l := range b.Losses {
			if l.Reason == "table-full" {
				lost += l.Count
			}
		}
		for _, f := range b.Facts {
			if strings.ContainsAny(f.Value, "\x00\x1b") {
				t.Fatalf("control characters from the wire: %q", f.Value)
			}
		}
	}
	if facts > maxFactsOfOne+1 || lost == 0 || facts+int(lost) != 3000 {
		t.Errorf("%d facts told, %d lost", facts, lost)
	}
}

// TestVLANsOfBothSides: what a mirror shows on two VLANs of one port stands on
// both, whoever is told first; a priority tag is none.
func TestVLANsOfBothSides(t *testing.T) {
	for name, settled := range map[string]bool{"before it is told": false, "after it was told": true} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			at := time.Duration(0)
			send := func(vlan uint16, src, dst string, mac byte, data string) {
				s, d := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
				at += 10 * time.Millisecond
				r.packet(&decode.Packet{
					Time: int64(at), Length: 60, Has: decode.HasIP | decode.HasPort | decode.HasMAC, Protocol: 17, Tags: 1, VLANs: [2]uint16{vlan},
					Src: s.Addr(), Dst: d.Addr(), SrcPort: s.Port(), DstPort: d.Port(), Payload: []byte(data), PayloadLen: len(data), SrcMAC: decode.MAC{2, 0, 0, 0, 0, mac},
				})
			}
			const client, server = "10.0.0.1:4000", "10.0.1.2:9000"
			send(104, client, server, 1, "?")
			if settled {
				send(105, server, client, 2, "!plc")
				if err := r.sights.FlushNews(); err != nil {
					t.Fatal(err)
				}
			}
			send(105, client, server, 7, "?")
			send(0, client, server, 7, "?")
			send(105, server, client, 2, "!plc")
			send(104, server, client, 2, "!plc") // the same MAC on another VLAN
			r.end()
			vlans, ends := map[uint32]bool{}, map[string]bool{}
			for _, b := range r.out.bodies {
				for _, c := range b.Connections {
					for _, v := range c.Vlans {
						vlans[v] = true
					}
				}
				for _, e := range b.Endpoints {
					for _, v := range e.Vlans {
						ends[fmt.Sprintf("%v %d on %d", netip.AddrFrom4([4]byte(e.Address.Ip)), e.Mac[5], v)] = true
					}
				}
			}
			if len(vlans) != 2 || !vlans[104] || !vlans[105] {
				t.Errorf("the connection is on %v", vlans)
			}
			for _, want := range []string{"10.0.0.1 1 on 104", "10.0.0.1 7 on 105", "10.0.1.2 2 on 105", "10.0.1.2 2 on 104"} {
				if !ends[want] {
					t.Errorf("%s is missing in %v", want, ends)
				}
			}
			if len(ends) != 4 {
				t.Errorf("%v", ends)
			}
		})
	}
}

// TestCarrier: a tunnel is named by what carries it, unless its bytes say
// better; who sends mirrored frames is an endpoint without a connection.
func TestCarrier(t *testing.T) {
	r := newRig(t)
	p := &decode.Packet{
		Time: 1, Length: 200, Has: decode.HasIP | decode.HasMAC, Protocol: 47, Carrier: decode.GRE,
		Src: netip.MustParseAddr("172.16.1.1"), Dst: netip.MustParseAddr("172.16.1.2"), SrcMAC: decode.MAC{2, 0, 0, 0, 0, 1},
	}
	c, side, _ := r.flows.Add(p, 0)
	r.sights.Seen(c, side, p)
	r.sights.Carries(c, "gre")
	r.send(time.Millisecond, "10.0.0.1:4000", "10.0.0.2:9000", "?")
	r.flows.All(func(c *flow.Conversation) {
		if c.Transport == 17 {
			r.sights.Carries(c, "vxlan") // its bytes said "asks"
		}
	})
	for i := range 1000 {
		r.sights.Sender(&decode.Packet{Time: int64(i), Has: decode.HasIP | decode.HasMAC, Src: netip.MustParseAddr("172.16.9.9"), SrcMAC: decode.MAC{2, 0, 0, 0, 0, 9}}, 0)
	}
	got := r.end()
	protocols, mirror := map[string]string{}, 0
	for _, b := range r.out.bodies {
		for _, c := range b.Connections {
			protocols[c.Key.Transport] = c.Protocol
			if c.Protocol == "gre" && c.Outcome != "one-sided" {
				t.Errorf("nobody asks in a tunnel, %s", c.Outcome)
			}
		}
		for _, e := range b.Endpoints {
			if len(e.Mac) == 6 && e.Mac[5] == 9 {
				mirror++
			}
		}
	}
	if protocols["ip-proto-47"] != "gre" || protocols["udp"] != "asks" || mirror != 1 || strings.Contains(got, "172.16.9.9") {
		t.Errorf("%v, the mirror's sender told %d times\n%s", protocols, mirror, got)
	}
}

// TestOneAddress: frames whose link names the sender alone show an endpoint,
// and no connection with nobody.
func TestOneAddress(t *testing.T) {
	r := newRig(t)
	for i := range 3 {
		r.packet(&decode.Packet{Time: int64(i)*int64(time.Second) + 1, Length: 60, Has: decode.HasMAC | decode.NoDst, EtherType: 0x88b5, SrcMAC: decode.MAC{2, 0, 0, 0, 0, 7}, Payload: []byte("x"), PayloadLen: 1})
	}
	r.end()
	ends := 0
	for _, b := range r.out.bodies {
		ends += len(b.Endpoints)
		if len(b.Connections) > 0 || len(b.Losses) > 0 {
			t.Errorf("%v %v", b.Connections, b.Losses)
		}
	}
	if ends != 1 {
		t.Errorf("%d endpoints told", ends)
	}
}

// TestTunnelledClaim: an ARP claim that comes out of a tunnel shows who is
// there, and proves nothing of this link; one in a mirrored frame does.
func TestTunnelledClaim(t *testing.T) {
	for _, mirrored := range []bool{false, true} {
		r := newRig(t)
		claim := []byte{0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 7, 10, 0, 0, 7, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1}
		inner := append([]byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 7, 8, 6}, claim...)
		gre := []byte{0, 0, 0x65, 0x58} // Ethernet, or by the mirror's protocol type
		if mirrored {
			gre = []byte{0, 0, 0x88, 0xbe}
		}
		ip := []byte{0x45, 0, 0, byte(20 + len(gre) + len(inner)), 0, 0, 0, 0, 64, 47, 0, 0, 172, 16, 1, 1, 172, 16, 1, 2}
		b := append(append([]byte{2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8, 8, 0}, ip...), append(gre, inner...)...)
		var p decode.Packet
		decode.New(decode.Options{}).Decode(&capture.Frame{Link: capture.LinkEthernet, Time: 1, Data: b, Length: len(b)}, &p)
		r.packet(&p)
		r.end()
		told, proved := 0, 0
		for _, body := range r.out.bodies {
			for _, e := range body.Endpoints {
				if ip, _ := netip.AddrFromSlice(e.Address.Ip); ip == netip.MustParseAddr("10.0.0.7") {
					told++
					if e.OwnLink {
						proved++
					}
				}
			}
		}
		if told != 1 || (proved == 1) != mirrored {
			t.Errorf("mirrored %v: told %d times, proved %d", mirrored, told, proved)
		}
	}
}

// TestRecordsBeginAtALine: Seen and Ahead count on it.
func TestRecordsBeginAtALine(t *testing.T) {
	if n := unsafe.Sizeof(record{}); n%64 != 0 {
		t.Errorf("%d bytes: not whole lines of the processor's cache", n)
	}
}
