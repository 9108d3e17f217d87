package dissect

import (
	"bytes"
	"encoding/binary"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

var makeSamples = flag.Bool("make", false, "rewrite the samples that are built by code")

// reel builds a capture frame by frame: what a sample that no real stack can
// record is made of. Addresses are 192.0.2.N, MAC addresses 00:00:5e:00:53:N.
type reel struct {
	bytes.Buffer
	n   int
	seq map[[2]netip.AddrPort]uint32
}

func newReel() *reel {
	r := &reel{seq: map[[2]netip.AddrPort]uint32{}}
	header := []any{uint32(0xa1b2c3d4), uint16(2), uint16(4), uint32(0), uint32(0), uint32(65535), uint32(1)}
	for _, v := range header {
		_ = binary.Write(r, binary.LittleEndian, v)
	}
	return r
}

// frame adds a frame 10 ms after the one before.
func (r *reel) frame(b []byte) {
	const start = 1767225600 // 2026-01-01
	for len(b) < 60 {
		b = append(b, 0)
	}
	at := r.n * 10
	r.n++
	for _, v := range [...]uint32{start + uint32(at/1000), uint32(at%1000) * 1000, uint32(len(b)), uint32(len(b))} {
		_ = binary.Write(r, binary.LittleEndian, v)
	}
	r.Write(b)
}

func madeMAC(n int) []byte { return []byte{0, 0, 0x5e, 0, 0x53, byte(n)} }

func madeAddr(n int, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}), port)
}

// ether adds a frame of an EtherType; a host is its number, a group six bytes.
func (r *reel) ether(from int, to []byte, etherType uint16, payload []byte) {
	b := append(append([]byte{}, to...), madeMAC(from)...)
	r.frame(append(binary.BigEndian.AppendUint16(b, etherType), payload...))
}

// ip adds an IPv4 packet.
func (r *reel) ip(from, to netip.Addr, protocol byte, payload []byte) {
	h := binary.BigEndian.AppendUint16([]byte{0x45, 0}, uint16(20+len(payload)))
	h = binary.BigEndian.AppendUint16(h, uint16(r.n)) // identification
	h = append(h, 0x40, 0, 64, protocol, 0, 0)
	h = append(append(h, from.AsSlice()...), to.AsSlice()...)
	binary.BigEndian.PutUint16(h[10:], checksum(0, h))
	mac := madeMAC(int(to.As4()[3]))
	switch last := to.As4()[3]; {
	case last == 255:
		mac = []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	case to.IsMulticast():
		mac = []byte{1, 0, 0x5e, 0, 0, last}
	}
	r.ether(int(from.As4()[3]), mac, 0x0800, append(h, payload...))
}

// checksum is the Internet checksum, RFC 1071.
func checksum(sum uint32, b []byte) uint16 {
	for i, x := range b {
		if i%2 == 0 {
			sum += uint32(x) << 8
		} else {
			sum += uint32(x)
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

func pseudo(from, to netip.Addr, protocol byte, n int) uint32 {
	b := append(from.AsSlice(), to.AsSlice()...)
	return uint32(^checksum(uint32(protocol)+uint32(n), b))
}

func (r *reel) udp(from, to netip.AddrPort, payload []byte) {
	h := binary.BigEndian.AppendUint16(nil, from.Port())
	h = binary.BigEndian.AppendUint16(h, to.Port())
	h = binary.BigEndian.AppendUint16(h, uint16(8+len(payload)))
	h = append(append(h, 0, 0), payload...)
	binary.BigEndian.PutUint16(h[6:], checksum(pseudo(from.Addr(), to.Addr(), 17, len(h)), h))
	r.ip(from.Addr(), to.Addr(), 17, h)
}

// open adds the three frames that begin a TCP session; without it the session
// is seen from its middle.
func (r *reel) open(client, server netip.AddrPort) {
	r.segment(client, server, 0x02, nil)
	r.segment(server, client, 0x12, nil)
	r.segment(client, server, 0x10, nil)
}

func (r *reel) tcp(from, to netip.AddrPort, payload []byte) { r.segment(from, to, 0x18, payload) }

func (r *reel) segment(from, to netip.AddrPort, flags byte, payload []byte) {
	there, back := [2]netip.AddrPort{from, to}, [2]netip.AddrPort{to, from}
	if _, ok := r.seq[there]; !ok {
		r.seq[there] = uint32(from.Port()) << 8
	}
	h := binary.BigEndian.AppendUint16(nil, from.Port())
	h = binary.BigEndian.AppendUint16(h, to.Port())
	h = binary.BigEndian.AppendUint32(h, r.seq[there])
	h = binary.BigEndian.AppendUint32(h, r.seq[back])
	h = append(h, 0x50, flags, 0x20, 0, 0, 0, 0, 0)
	h = append(h, payload...)
	binary.BigEndian.PutUint16(h[16:], checksum(pseudo(from.Addr(), to.Addr(), 6, len(h)), h))
	r.seq[there] += uint32(len(payload))
	if flags&0x03 != 0 {
		r.seq[there]++
	}
	r.ip(from.Addr(), to.Addr(), 6, h)
}

// made holds a sample to the code that builds it: the file is that and nothing
// else.
func made(t *testing.T, protocol, name string, r *reel) {
	t.Helper()
	file := filepath.Join("..", "..", "testdata", protocol, name+".pcap")
	if *makeSamples {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { // a test's data
			t.Fatal(err)
		}
		if err := os.WriteFile(file, r.Bytes(), 0o644); err != nil { // a test's data
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; make it with go test ./agent/dissect -run %s -make", err, t.Name())
	}
	if !bytes.Equal(got, r.Bytes()) {
		t.Errorf("%s is not what the code builds: make it with go test ./agent/dissect -run %s -make", file, t.Name())
	}
}
