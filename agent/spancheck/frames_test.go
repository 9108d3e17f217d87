package spancheck

import (
	"net/netip"
	"testing"

	"demarc/agent/decode"
	"demarc/agent/flow"
)

func TestDuplicates(t *testing.T) {
	w := newWorld(Options{Live: true})
	for range 60 {
		f := w.tcp(0, flow.A, decode.ACK, "0123456789")
		w.show(f)
		f.Time += 50_000 // the copy of egress
		w.show(f)
	}
	want(t, w.judge(t, Duplicates, live), Warning, "60 of 120 (50.0 %)", "ingress and egress", "rx alone")

	w = newWorld(Options{Live: true})
	for i := range 200 {
		f := w.tcp(0, flow.A, decode.ACK, "0123456789")
		w.show(f)
		if i%50 == 0 {
			f.Time += 50_000
			w.show(f)
		}
	}
	want(t, w.judge(t, Duplicates, live), Warning, "4 of 204 (2.0 %)")

	// A near miss: the same data sent again, as TCP does, is no copy.
	w = newWorld(Options{Live: true})
	for range 60 {
		w.show(w.tcp(0, flow.A, decode.ACK, "0123456789"))
		w.seq[[2]int{0, 0}] -= 10
		w.show(w.tcp(0, flow.A, decode.ACK, "0123456789"))
	}
	want(t, w.judge(t, Duplicates, live), Good, "none of 120")
	w = newWorld(Options{Live: true})
	w.talk(1, 10, nil)
	want(t, w.judge(t, Duplicates, live), CannotTell)
}

func TestVLANTags(t *testing.T) {
	line5 := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 20, 5, byte(n)}) }
	w := newWorld(Options{Live: true})
	for i := range 5 {
		w.show(w.arp(host(10+i), host(1)))
		w.show(w.arp(line5(10+i), line5(1)))
	}
	want(t, w.judge(t, VLANTags, live), Warning, "2 networks", "10.20.4.0/24, 10.20.5.0/24", "encapsulation replicate")

	// Near misses: one network; one network with a wider mask, whose hosts ask
	// each other; tags that are there; requests that carry a tag.
	w = newWorld(Options{Live: true})
	for i := range 5 {
		w.show(w.arp(host(10+i), host(1)))
	}
	want(t, w.judge(t, VLANTags, live), Good, "one network")
	w = newWorld(Options{Live: true})
	for i := range 5 {
		w.show(w.arp(host(10+i), line5(1)))
		w.show(w.arp(line5(10+i), line5(1)))
	}
	want(t, w.judge(t, VLANTags, live), Good, "one network")
	w = newWorld(Options{Live: true})
	for i := range 5 {
		w.tag = 104
		w.show(w.arp(host(10+i), host(1)))
		w.tag = 105
		w.show(w.arp(line5(10+i), line5(1)))
	}
	want(t, w.judge(t, VLANTags, live), Good, "VLANs 104, 105")
	w = newWorld(Options{Live: true})
	w.tag = 7 << 13 // a priority and no VLAN
	w.show(w.arp(host(10), host(1)))
	want(t, w.judge(t, VLANTags, live), CannotTell, "no frame carries a tag")
}

func TestVLANTagsOfTheSettings(t *testing.T) {
	s := live
	s.VLANs = []uint16{105, 106}
	w := newWorld(Options{Live: true})
	w.talk(4, 150, nil)
	want(t, w.judge(t, VLANTags, s), Bad, "105, 106", "strips")
	w.tag = 105
	w.talk(4, 10, nil)
	want(t, w.judge(t, VLANTags, s), Warning, "VLANs 106", "tags seen: 105")
	w.tag = 106
	w.talk(4, 10, nil)
	want(t, w.judge(t, VLANTags, s), Good, "105, 106")
	w = newWorld(Options{Live: true})
	w.talk(4, 10, nil) // too little for a verdict by what is missing
	want(t, w.judge(t, VLANTags, s), CannotTell)
}

func TestWholeFrames(t *testing.T) {
	w := newWorld(Options{Live: true})
	for range 50 {
		f := w.tcp(0, flow.A, decode.ACK, "a payload that is longer than what the mirror lets through")
		f.Data = f.Data[:64]
		f.Length = 64 // the mirror cut it: the wire had no more
		w.show(f)
	}
	want(t, w.judge(t, Whole, live), Bad, "all 50 frames are cut after 64 bytes", "mirror session")
	want(t, w.judge(t, Capacity, live), CannotTell, "cut")

	// By a snap length, and in a file.
	w = newWorld(Options{})
	w.talk(1, 300, nil)
	f := w.tcp(0, flow.A, decode.ACK, "a payload that is longer than what the mirror lets through")
	f.Data = f.Data[:60]
	w.show(f)
	want(t, w.judge(t, Whole, Source{Name: "x"}), Warning, "1 of 601", "snap length")

	// A near miss: short frames with the padding of Ethernet.
	w = newWorld(Options{Live: true})
	for range 50 {
		f := w.tcp(0, flow.A, decode.ACK, "x")
		f.Data = append(f.Data, make([]byte, 60-len(f.Data))...)
		f.Length = 60
		w.show(f)
	}
	want(t, w.judge(t, Whole, live), Good, "all 50 frames are whole")
}

func TestOTTraffic(t *testing.T) {
	w := newWorld(Options{Live: true})
	w.talk(3, 200, nil) // on port 502, and no Modbus
	want(t, w.judge(t, OTTraffic, live), Warning, "no OT protocol in 1200 frames", "3 conversations use ports of OT")

	w.flows.All(func(c *flow.Conversation) { w.check.Named(c, "tls") })
	want(t, w.judge(t, OTTraffic, live), Warning)
	named := false
	w.flows.All(func(c *flow.Conversation) {
		if !named {
			w.check.Named(c, "modbus")
			named = true
		}
	})
	want(t, w.judge(t, OTTraffic, live), Good, "modbus in 1 conversations")

	w = newWorld(Options{Live: true})
	w.talk(3, 20, nil)
	want(t, w.judge(t, OTTraffic, live), CannotTell, "120 frames")
}

func TestOwnTraffic(t *testing.T) {
	own := Own{Addrs: []netip.Addr{host(101)}, MACs: []decode.MAC{decode.MAC(mac(7))}, Collector: []netip.AddrPort{netip.AddrPortFrom(host(1), 502)}}
	w := newWorld(Options{Live: true, Own: own})
	w.talk(20, 5, nil)
	want(t, w.judge(t, OwnTraffic, live), Warning, "10 of 200 (5.0 %)", "10.20.4.101", "10 of them go between the agent and its collector")

	// By MAC, in a broadcast; and when it is most of what comes.
	w = newWorld(Options{Live: true, Own: own})
	w.talk(1, 20, nil)
	w.show(w.arp(host(7), host(1)))
	want(t, w.judge(t, OwnTraffic, live), Warning, "1 of 41")
	for range 20 {
		w.show(w.arp(host(7), host(1)))
	}
	want(t, w.judge(t, OwnTraffic, live), Bad, "21 of 61")

	// A near miss: another agent's traffic to the same collector.
	w = newWorld(Options{Live: true, Own: own})
	w.talk(1, 20, nil)
	want(t, w.judge(t, OwnTraffic, live), Good, "none of 40")
}
