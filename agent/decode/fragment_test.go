package decode

import (
	"bytes"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"demarc/agent/capture"
)

// datagram4 is an IPv4 payload: a UDP header and data.
func datagram4(t testing.TB, data string) []byte {
	ip := v4(layers.IPProtocolUDP)
	return build(t, udp(ip), gopacket.Payload(data))
}

// piece4 is a frame with the bytes from..to of an IPv4 payload; more tells
// that it is not the last.
func piece4(t testing.TB, id uint16, whole []byte, from, to int, more bool) *capture.Frame {
	ip := v4(layers.IPProtocolUDP)
	ip.Id, ip.FragOffset = id, uint16(from/8)
	if more {
		ip.Flags = layers.IPv4MoreFragments
	}
	return frame(build(t, eth(layers.EthernetTypeIPv4), ip, gopacket.Payload(whole[from:to])))
}

// pieces4 cuts an IPv4 payload into frames of n bytes.
func pieces4(t testing.TB, id uint16, whole []byte, n int) (frames []*capture.Frame) {
	for from := 0; from < len(whole); from += n {
		to := min(from+n, len(whole))
		frames = append(frames, piece4(t, id, whole, from, to, to < len(whole)))
	}
	return frames
}

// feed decodes frames and returns the packets that came whole.
func feed(d *Decoder, frames ...*capture.Frame) (whole []Packet) {
	for _, f := range frames {
		var p Packet
		if d.Decode(f, &p); p.Fault == NoFault {
			p.Payload = bytes.Clone(p.Payload)
			whole = append(whole, p)
		}
	}
	return whole
}

func TestFragmentsInAnyOrder(t *testing.T) {
	data := strings.Repeat("0123456789abcdef", 200)
	frames := pieces4(t, 7, datagram4(t, data), 400)
	sum := 0
	for _, f := range frames {
		sum += f.Length
	}
	r := rand.New(rand.NewSource(1))
	for range 20 {
		d := New(Options{})
		r.Shuffle(len(frames), func(i, j int) { frames[i], frames[j] = frames[j], frames[i] })
		got := feed(d, frames...)
		if len(got) != 1 {
			t.Fatalf("%d datagrams, %+v", len(got), d.Stats())
		}
		check(t, &got[0], udpWant(data))
		if got[0].Frames != len(frames) || got[0].Length != sum || got[0].IPID != 7 {
			t.Fatalf("%d frames of %d bytes, want %d of %d", got[0].Frames, got[0].Length, len(frames), sum)
		}
		if s := d.Stats().Fragments; s != (FragmentStats{Seen: uint64(len(frames)), Reassembled: 1}) {
			t.Fatalf("%+v", s)
		}
	}
}

func TestAFragmentKeepsItsAddresses(t *testing.T) {
	p := decodeOne(pieces4(t, 1, datagram4(t, strings.Repeat("x", 100)), 48)[1])
	w := udpWant("")
	w.has, w.fault, w.sport, w.dport = HasMAC|HasIP, Fragment, 0, 0
	check(t, &p, w)
}

func TestFragmentsOfDatagramsMixed(t *testing.T) {
	a, b := pieces4(t, 1, datagram4(t, strings.Repeat("a", 80)), 48), pieces4(t, 2, datagram4(t, strings.Repeat("b", 80)), 48)
	vlan := *b[1]
	vlan.TPID, vlan.TCI = 0x8100, 9 // the same datagram's fragment on another VLAN is another datagram
	got := feed(New(Options{}), a[0], b[0], a[1], &vlan, b[1])
	if len(got) != 2 || got[0].Payload[0] != 'a' || got[1].Payload[0] != 'b' {
		t.Fatalf("%d datagrams", len(got))
	}
}

func TestOverlapFirstWins(t *testing.T) {
	good := datagram4(t, strings.Repeat("g", 88))
	evil := append(bytes.Clone(good[:8]), strings.Repeat("e", 88)...)
	d := New(Options{})
	got := feed(d,
		piece4(t, 1, good, 0, 48, true),
		piece4(t, 1, evil, 24, 72, true), // 48..72 is new, 24..48 disagrees
		piece4(t, 1, evil, 0, 24, true),  // nothing new, disagrees behind the header
		piece4(t, 1, good, 0, 48, true),  // again the same
		piece4(t, 1, good, 72, 96, false))
	if len(got) != 1 {
		t.Fatalf("%d datagrams, %+v", len(got), d.Stats())
	}
	check(t, &got[0], udpWant(strings.Repeat("g", 40)+strings.Repeat("e", 24)+strings.Repeat("g", 24)))
	if s := d.Stats().Fragments; s.Overlaps != 2 || s.Duplicates != 1 {
		t.Fatalf("%+v", s)
	}
}

func TestGapsAreFilledAroundWhatIsThere(t *testing.T) {
	good := datagram4(t, strings.Repeat("abcdefgh", 20))
	d := New(Options{})
	got := feed(d,
		piece4(t, 1, good, 24, 48, true), piece4(t, 1, good, 72, 96, true),
		piece4(t, 1, good, 0, 120, true), // before, between and behind
		piece4(t, 1, good, 120, 168, false))
	if len(got) != 1 || d.Stats().Fragments.Overlaps != 0 {
		t.Fatalf("%d datagrams, %+v", len(got), d.Stats())
	}
	check(t, &got[0], udpWant(strings.Repeat("abcdefgh", 20)))
}

func TestMirroredTwiceIsOneDatagram(t *testing.T) {
	f := pieces4(t, 1, datagram4(t, strings.Repeat("x", 80)), 48)
	d := New(Options{})
	if got := feed(d, f[0], f[0], f[1], f[1], f[0]); len(got) != 1 {
		t.Fatalf("%d datagrams", len(got))
	}
	if s := d.Stats().Fragments; s.Duplicates != 3 || s.Reassembled != 1 {
		t.Fatalf("%+v", s)
	}
	later := func(f *capture.Frame) *capture.Frame {
		g := *f
		g.Time += int64(time.Second)
		return &g
	}
	if got := feed(d, later(f[0]), later(f[1])); len(got) != 1 {
		t.Fatal("the identification used again, later, is a new datagram")
	}
}

func TestFragmentsExpire(t *testing.T) {
	f := pieces4(t, 1, datagram4(t, strings.Repeat("x", 80)), 48)
	late := *f[1]
	late.Time += int64(31 * time.Second)
	d := New(Options{})
	if got := feed(d, f[0], &late); len(got) != 0 {
		t.Fatal("a fragment of 31 s later was joined")
	}
	if s := d.Stats().Fragments; s.Expired != 1 {
		t.Fatalf("%+v", s)
	}
	d.Expire(late.Time + 1)
	if s := d.Stats().Fragments; s.Expired != 1 {
		t.Fatal("the new one has its own time")
	}
	if d.Expire(1<<63 - 1); d.Stats().Fragments.Expired != 2 {
		t.Fatal("the end of time expires all")
	}
}

func TestFragmentTableIsBounded(t *testing.T) {
	whole := datagram4(t, strings.Repeat("x", 80))
	d := New(Options{Datagrams: 4})
	for id := range uint16(20) {
		f := piece4(t, id, whole, 0, 48, true)
		f.Time += int64(id)
		feed(d, f)
	}
	if s := d.Stats().Fragments; s.Evicted != 16 || len(d.fragments.index) != 4 || len(d.fragments.slots) != 4 {
		t.Fatalf("%+v, %d kept", s, len(d.fragments.index))
	}
	last := piece4(t, 19, whole, 48, 88, false)
	if got := feed(d, last); len(got) != 1 {
		t.Fatal("the newest must still be there")
	}
}

func TestBadFragments(t *testing.T) {
	whole := make([]byte, 70000)
	for name, frames := range map[string][]*capture.Frame{
		"beyond 64 KiB":            {piece4(t, 1, whole, 65512, 65560, false)},
		"not a multiple of 8":      {piece4(t, 1, whole, 0, 45, true)},
		"empty":                    {piece4(t, 1, whole, 8, 8, true)},
		"two ends":                 {piece4(t, 1, whole, 48, 96, false), piece4(t, 1, whole, 96, 104, false)},
		"end before what is there": {piece4(t, 1, whole, 48, 96, true), piece4(t, 1, whole, 8, 48, false)},
	} {
		d := New(Options{})
		if got := feed(d, frames...); len(got) != 0 || d.Stats().Fragments.Invalid != 1 {
			t.Errorf("%s: %d datagrams, %+v", name, len(got), d.Stats())
		}
	}
}

func TestShuffledIntoTooManyRuns(t *testing.T) {
	whole := make([]byte, 8000)
	d := New(Options{})
	for i := range 80 {
		feed(d, piece4(t, 1, whole, i*16, i*16+8, true))
	}
	if s := d.Stats().Fragments; s.Evicted != 1 || len(d.fragments.index) != 1 {
		t.Fatalf("%+v", s)
	}
}

func TestCutFragment(t *testing.T) {
	f := pieces4(t, 1, datagram4(t, strings.Repeat("x", 80)), 48)
	for _, f := range f {
		f.Data = f.Data[:14+20+8+4] // snap length
	}
	d := New(Options{})
	got := feed(d, f...)
	if len(got) != 1 {
		t.Fatal("the first fragment shows the ports though it is cut")
	}
	w := udpWant("xxxx")
	w.cut = true
	check(t, &got[0], w)
	if s := d.Stats().Fragments; s.Expired != 0 || len(d.fragments.index) != 0 {
		t.Fatalf("nothing is to be waited for: %+v", s)
	}
}

// pieces6 cuts UDP data behind IPv6 and a destination options header.
func pieces6(t testing.TB, data string, n int) (frames []*capture.Frame) {
	u := v6(layers.IPProtocolUDP)
	rest := append([]byte{17, 0, 1, 4, 0, 0, 0, 0}, build(t, udp(u), gopacket.Payload(data))...)
	for from := 0; from < len(rest); from += n {
		to := min(from+n, len(rest))
		off := uint16(from)
		if to < len(rest) {
			off |= 1
		}
		ip := v6(protoHopByHop)
		head := []byte{protoFragment, 0, 1, 4, 0, 0, 0, 0, protoDestination, 0, byte(off >> 8), byte(off), 0, 0, 0, 9}
		frames = append(frames, frame(build(t, eth(layers.EthernetTypeIPv6), ip, gopacket.Payload(append(head, rest[from:to]...)))))
	}
	return frames
}

func TestFragmentsIPv6(t *testing.T) {
	data := strings.Repeat("six", 50)
	f := pieces6(t, data, 64)
	d := New(Options{})
	got := feed(d, f[2], f[0], f[1])
	if len(f) != 3 || len(got) != 1 {
		t.Fatalf("%d of %d fragments, %d datagrams, %+v", 3, len(f), len(got), d.Stats())
	}
	check(t, &got[0], v6Want(17, data))
	whole := pieces6(t, data, 1000) // one piece of offset 0 and no more: an atomic fragment
	if got = feed(d, whole...); len(whole) != 1 || len(got) != 1 || got[0].Frames != 1 {
		t.Fatal("an atomic fragment is whole by itself")
	}
	check(t, &got[0], v6Want(17, data))
}

func TestReassemblyAllocatesNothing(t *testing.T) {
	f := pieces4(t, 1, datagram4(t, strings.Repeat("x", 4000)), 1400)
	d, p := New(Options{Datagrams: 8}), new(Packet)
	id := uint16(0)
	round := func() {
		id++
		for _, f := range f {
			f.Data[14+4], f.Data[14+5] = byte(id>>8), byte(id)
			d.Decode(f, p)
		}
	}
	for range 20 {
		round() // each slot gets its buffer once
	}
	if n := testing.AllocsPerRun(500, round); n != 0 || p.Fault != NoFault {
		t.Fatalf("%v allocations a datagram, fault %d", n, p.Fault)
	}
}
