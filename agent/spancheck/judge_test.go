package spancheck

import (
	"testing"
	"time"

	"demarc/agent/decode"
	"demarc/agent/flow"
)

var live = Source{Name: "eth1", Live: true, Box: &Box{Name: "eth1", Up: true, Carrier: true, Speed: 1e9}}

func onlyServer(s flow.Side) bool { return s == flow.B }
func onlyClient(s flow.Side) bool { return s == flow.A }

func TestTraffic(t *testing.T) {
	silence := func(d time.Duration, s Source) Result {
		w := newWorld(Options{Live: true})
		w.now += int64(d)
		return w.judge(t, Traffic, s)
	}
	want(t, silence(30*time.Second, live), Bad, "nothing at all came in 30s", "monitor session")
	want(t, silence(5*time.Second, live), CannotTell, "5s")
	unplugged := live
	unplugged.Box = &Box{Name: "eth1", Up: true}
	want(t, silence(30*time.Second, unplugged), Bad, "no link", "cable")
	want(t, silence(0, Source{Name: "x.pcap"}), Bad, "no frame in it")

	w := newWorld(Options{Live: true})
	w.talk(1, 5, nil)
	want(t, w.judge(t, Traffic, live), Warning, "only 10 frames")
	w = newWorld(Options{Live: true})
	w.talk(1, 10, nil)
	want(t, w.judge(t, Traffic, live), Good, "20 frames")
}

func TestUnicast(t *testing.T) {
	w := newWorld(Options{Live: true})
	for i := range 300 {
		w.show(w.arp(host(1+i%9), host(20)))
	}
	want(t, w.judge(t, Unicast, live), Bad, "only broadcast and multicast", "none of 300", "source vlan")

	// What a switch floods does not make a mirror of a port.
	w = newWorld(Options{Live: true})
	for i := range 300 {
		w.show(w.arp(host(1+i%9), host(20)))
	}
	w.show(w.tcp(0, flow.A, decode.ACK, "x"))
	want(t, w.judge(t, Unicast, live), Bad, "almost only", "1 of 301")

	// A near miss: much broadcast, and a conversation.
	w = newWorld(Options{Live: true})
	for i := range 300 {
		w.show(w.arp(host(1+i%9), host(20)))
	}
	w.talk(1, 4, nil)
	want(t, w.judge(t, Unicast, live), Good, "8 of 308")

	w = newWorld(Options{Live: true})
	w.show(w.arp(host(1), host(2)))
	want(t, w.judge(t, Unicast, live), CannotTell)
}

// TestUnicastOfProcessBus: GOOSE and the like have multicast alone; that is
// told, and is no fault by itself.
func TestUnicastOfProcessBus(t *testing.T) {
	w := newWorld(Options{Live: true})
	for range 100 {
		w.show(w.ether(mac(1), []byte{1, 0x0c, 0xcd, 1, 0, 1}, 0x88b8, make([]byte, 46)))
	}
	w.flows.All(func(c *flow.Conversation) { w.check.Named(c, "profinet-dcp") }) // any protocol of OT
	want(t, w.judge(t, Unicast, live), Warning, "process bus", "profinet-dcp")
}

func TestDirections(t *testing.T) {
	w := newWorld(Options{Live: true})
	for i := range 10 {
		w.tcp(i, flow.A, decode.SYN, "")
		w.show(w.tcp(i, flow.B, decode.SYN|decode.ACK, ""))
	}
	w.talk(10, 5, onlyServer)
	want(t, w.judge(t, Directions, live), Bad, "you see only replies", "tx but not rx", "all 10", "both")

	w = newWorld(Options{Live: true})
	for i := range 10 {
		w.show(w.tcp(i, flow.A, decode.SYN, ""))
	}
	w.talk(10, 5, onlyClient)
	want(t, w.judge(t, Directions, live), Bad, "you see only requests", "rx but not tx")

	// From the middle nothing tells who the client is.
	w = newWorld(Options{Live: true})
	w.talk(10, 5, onlyClient)
	want(t, w.judge(t, Directions, live), Bad, "you see one side of each conversation")

	w = newWorld(Options{Live: true})
	w.talk(10, 5, nil)
	want(t, w.judge(t, Directions, live), Good, "all 10 TCP conversations show both sides")
}

func TestDirectionsInPart(t *testing.T) {
	w := newWorld(Options{Live: true})
	w.talk(2, 5, onlyClient)
	for i := 2; i < 12; i++ {
		w.show(w.tcp(i, flow.A, decode.ACK, "x"))
		w.show(w.tcp(i, flow.B, decode.ACK, "y"))
	}
	want(t, w.judge(t, Directions, live), Warning, "2 of 12", "asymmetric")
}

// TestDirectionsNearMisses: unanswered openers, and senders that get no answer,
// do not make a mirror one-sided; nor does this machine's own traffic.
func TestDirectionsNearMisses(t *testing.T) {
	w := newWorld(Options{Live: true})
	w.talk(4, 3, nil)
	for i := 10; i < 60; i++ {
		w.show(w.tcp(i, flow.A, decode.SYN, ""))
		w.show(w.udp(1+i, 2, 50000+i, 514, []byte("<134>syslog")))
	}
	want(t, w.judge(t, Directions, live), Good, "all 4")

	own := ThisMachine()
	own.Addrs = append(own.Addrs, host(100))
	w = newWorld(Options{Live: true, Own: own})
	w.talk(1, 30, onlyClient)
	w.show(w.tcp(2, flow.A, decode.ACK, "x"))
	want(t, w.judge(t, Directions, live), CannotTell, "too few")
}

// TestDirectionsWithoutTCP: where nobody speaks TCP, pairs of stations tell.
func TestDirectionsWithoutTCP(t *testing.T) {
	w := newWorld(Options{Live: true})
	for i := range 12 {
		w.show(w.udp(1+i, 50, 2222, 2222, []byte("data")))
		w.show(w.udp(50, 1+i, 2222, 2222, []byte("data")))
	}
	want(t, w.judge(t, Directions, live), Good, "all 12 conversations between two stations")

	w = newWorld(Options{Live: true})
	for i := range 12 {
		w.show(w.udp(1+i, 50, 2222, 2222, []byte("data")))
	}
	want(t, w.judge(t, Directions, live), Warning, "none of 12")
}

func TestOverall(t *testing.T) {
	for _, c := range []struct {
		all  []Result
		v    Verdict
		word string
	}{
		{nil, Good, ""},
		{[]Result{{ID: Traffic}, {ID: Clock, Verdict: CannotTell}}, Good, "good"},
		{[]Result{{ID: Traffic}, {ID: Directions, Verdict: CannotTell}, {ID: Clock, Verdict: CannotTell}}, CannotTell, "cannot tell: directions"},
		{[]Result{{ID: Duplicates, Verdict: Warning}, {ID: Unicast, Verdict: CannotTell}}, CannotTell, "cannot tell: unicast"},
		{[]Result{{ID: Duplicates, Verdict: Warning}, {ID: Clock, Verdict: CannotTell}}, Warning, "warning: duplicates"},
		{[]Result{{ID: ARP, Verdict: Bad}, {ID: Unicast, Verdict: CannotTell}, {ID: IPv6, Verdict: Bad}, {ID: ARP, Verdict: Bad}}, Bad, "bad: arp ipv6"},
	} {
		if v, word := Overall(c.all), Word(c.all); v != c.v || word != c.word {
			t.Errorf("%v: %v, %q, want %v, %q", c.all, v, word, c.v, c.word)
		}
	}
}
