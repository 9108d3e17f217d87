package spancheck

import (
	"encoding/binary"
	"testing"
	"time"

	"demarc/agent/capture"
	"demarc/agent/decode"
	"demarc/agent/flow"
)

func TestDrops(t *testing.T) {
	drop := func(stats capture.Stats, since Card) Result {
		w := newWorld(Options{Live: true})
		w.talk(4, 250, nil)
		w.stats = stats
		s := live
		s.Since = since
		return w.judge(t, Drops, s)
	}
	want(t, drop(capture.Stats{Drops: 100, Freezes: 3}, Card{}), Bad, "100 of 2100 (4.8 %)", "full 3 times", "ringMB", "32")
	want(t, drop(capture.Stats{Drops: 1}, Card{}), Warning, "1 of 2001")
	want(t, drop(capture.Stats{}, Card{Missed: 30, Overrun: 5}), Bad, "35 by the card", "ethtool -G eth1 rx")
	want(t, drop(capture.Stats{}, Card{Dropped: 3}), Warning, "3 by the kernel")
	want(t, drop(capture.Stats{}, Card{Damaged: 3}), Warning, "3 arrived damaged", "cable")
	want(t, drop(capture.Stats{}, Card{Received: 2000, Sent: 9}), Good, "none of 2000")

	w := newWorld(Options{})
	w.talk(4, 250, nil)
	want(t, w.judge(t, Drops, Source{Name: "x.pcap"}), CannotTell, "the file does not tell")
}

// gaps shows 500 segments each way, of which those with lose pass the mirror by.
func gaps(lose func(i int) bool) *world {
	w := newWorld(Options{Live: true})
	for i := range 500 {
		f := w.tcp(0, flow.A, decode.ACK|decode.PSH, "0123456789")
		if !lose(i) {
			w.show(f)
		}
		w.show(w.tcp(0, flow.B, decode.ACK|decode.PSH, "9876543210"))
	}
	return w
}

func TestCapacity(t *testing.T) {
	want(t, gaps(func(i int) bool { return i%25 == 5 }).judge(t, Capacity, live), Bad, "the mirror loses frames", "20 of 980 (2.0 %)", "mirror fewer ports")
	want(t, gaps(func(i int) bool { return i%90 == 5 }).judge(t, Capacity, live), Warning, "loses some frames")
	want(t, gaps(func(i int) bool { return i == 5 }).judge(t, Capacity, live), Good, "1 of 999")

	dropped := gaps(func(i int) bool { return i%25 == 5 })
	dropped.stats.Drops = 20
	want(t, dropped.judge(t, Capacity, live), Bad, "cure the drops on this machine first")

	// A near miss: segments that are lost in the plant are sent again.
	w := newWorld(Options{Live: true})
	for i := range 500 {
		f := w.tcp(0, flow.A, decode.ACK|decode.PSH, "0123456789")
		if i%25 == 5 {
			next := w.tcp(0, flow.A, decode.ACK|decode.PSH, "0123456789")
			f, next = next, f
			w.show(f)
			f = next
			f.Time = w.now + int64(time.Millisecond)
			w.now = f.Time
		}
		w.show(f)
		w.show(w.tcp(0, flow.B, decode.ACK|decode.PSH, "9876543210"))
	}
	want(t, w.judge(t, Capacity, live), Good, "none of 1020")

	w = newWorld(Options{Live: true})
	w.talk(1, 20, nil)
	want(t, w.judge(t, Capacity, live), CannotTell, "40 TCP segments")
}

// TestCapacityOfTheLink: a mirror port that is full drops in silence.
func TestCapacityOfTheLink(t *testing.T) {
	burst := func(speed uint64) Result {
		w := newWorld(Options{Live: true, Speed: speed})
		w.talk(1, 200, nil)
		data := string(make([]byte, 1400))
		for range 4 { // bursts of 50 ms at 12.6 Mbyte/s
			for range 440 {
				f := w.tcp(0, flow.A, decode.ACK, data)
				w.now += int64(115*time.Microsecond) - int64(10*time.Millisecond)
				f.Time = w.now
				w.show(f)
			}
			w.now += int64(time.Second)
		}
		return w.judge(t, Capacity, Source{Name: "eth1", Live: true, Box: &Box{Speed: speed}})
	}
	want(t, burst(100e6), Warning, "the link was full", "mirror fewer ports")
	want(t, burst(1e9), Good, "the busiest moment took 10 % of the link")
	want(t, burst(0), Good)
}

// answer is what an NTP server sends (RFC 5905 7.3).
func answer(mode, stratum byte, at time.Time) []byte {
	b := make([]byte, 48)
	b[0], b[1] = 4<<3|mode, stratum
	binary.BigEndian.PutUint32(b[40:], uint32(at.Unix()+2208988800))
	binary.BigEndian.PutUint32(b[44:], uint32(uint64(at.Nanosecond())<<32/1e9))
	return b
}

func TestClock(t *testing.T) {
	answered := func(mode, stratum byte, offset time.Duration) Result {
		w := newWorld(Options{Live: true})
		w.talk(1, 20, nil)
		for range 5 {
			w.show(w.udp(9, 1, 123, 123, answer(mode, stratum, time.Unix(0, w.now).Add(offset))))
		}
		// One server far off does not change the middle.
		w.show(w.udp(8, 1, 123, 123, answer(4, 1, time.Unix(0, w.now).Add(-time.Hour))))
		return w.judge(t, Clock, live)
	}
	want(t, answered(4, 2, 10*time.Minute), Bad, "10m late", "6 answers of NTP servers", "chrony")
	want(t, answered(5, 2, -8*time.Second), Warning, "8s early")
	want(t, answered(4, 2, 300*time.Millisecond), Good, "within 290ms")
	want(t, answered(4, 16, 10*time.Minute), Bad, "early", "1 answers") // not in step itself: only the other one counts
	want(t, answered(3, 0, 10*time.Minute), Bad, "1 answers")           // a client's request

	w := newWorld(Options{Live: true})
	w.talk(1, 20, nil)
	want(t, w.judge(t, Clock, live), CannotTell)
	for in, v := range map[Answer]Verdict{Yes: Good, No: Warning} {
		want(t, w.judge(t, Clock, Source{Live: true, Box: &Box{InStep: in}}), v, "kernel")
	}
}

func TestClockOfAFile(t *testing.T) {
	w := newWorld(Options{})
	w.talk(1, 20, nil)
	w.now -= int64(time.Hour)
	w.talk(1, 20, nil)
	want(t, w.judge(t, Clock, Source{Name: "x"}), Warning, "jumped back 1 times", "by up to 1h")

	// A near miss: frames of two cards, a little out of order.
	w = newWorld(Options{})
	for range 40 {
		w.talk(1, 1, nil)
		w.now -= int64(15 * time.Millisecond)
	}
	want(t, w.judge(t, Clock, Source{Name: "x"}), CannotTell)

	w = newWorld(Options{})
	w.now = int64(48 * time.Hour) // a controller that never knew the date
	w.talk(1, 20, nil)
	w.check.tick = 0
	w.check.End(w.stats)
	want(t, clock(w.check.Latest(), Source{Name: "x"}), Bad, "before the year 2000")
}

// TestMirrorInATunnel: ERSPAN needs an address on this machine, which is told
// and is no fault; DHCP and the rest stay faults.
func TestMirrorInATunnel(t *testing.T) {
	w := newWorld(Options{Live: true})
	s := live
	s.Box = &Box{Name: "eth1", Carrier: true, Addresses: []string{"10.9.9.9/24"}, ARP: true, IPv6: Yes}
	s.Since.Sent = 4
	for range 40 {
		inner := w.tcp(0, flow.A, decode.ACK, "0123456789")
		gre := append([]byte{0, 0, 0x88, 0xbe}, inner.Data...) // ERSPAN type I: GRE without a sequence number
		w.show(w.ip(host(200), host(201), mac(200), mac(201), 47, gre))
	}
	for _, id := range []string{Address, ARP, Silence} {
		want(t, w.judge(t, id, s), Warning, "ERSPAN")
	}
	want(t, w.judge(t, IPv6, s), Bad)
	want(t, w.judge(t, Unicast, s), Good)
	w.talk(4, 20, nil) // most of it comes without
	want(t, w.judge(t, Address, s), Bad)
}
