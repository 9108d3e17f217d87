package capture_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"demarc/agent/capture"
	"demarc/agent/decode"
)

// BenchmarkRead reads DEMARC_BENCH_CAPTURE, or a small file of its own, and
// reports nanoseconds and allocations a packet; with decode it turns each
// frame into a packet too.
func BenchmarkRead(b *testing.B) {
	files := map[string]string{"pcap": filepath.Join(b.TempDir(), "a.pcap"), "pcapng": filepath.Join(b.TempDir(), "a.pcapng")}
	writeBench(b, files["pcap"], files["pcapng"])
	if path := os.Getenv("DEMARC_BENCH_CAPTURE"); path != "" {
		files = map[string]string{filepath.Base(path): path}
	}
	for name, path := range files {
		b.Run(name, func(b *testing.B) { benchRead(b, path, func(*capture.Frame) {}) })
		b.Run(name+"+decode", func(b *testing.B) {
			d, p := decode.New(decode.Options{}), new(decode.Packet)
			benchRead(b, path, func(f *capture.Frame) { d.Decode(f, p) })
		})
	}
}

// benchRead reads the file over and over until b.N packets have come.
func benchRead(b *testing.B, path string, each func(*capture.Frame)) {
	b.ReportAllocs()
	var s capture.Source
	var f capture.Frame
	for n := 0; n < b.N; {
		if s == nil {
			var err error
			if s, err = capture.Open(path); err != nil {
				b.Fatal(err)
			}
		}
		switch err := s.Next(&f); {
		case err == nil:
			each(&f)
			n++
		case errors.Is(err, io.EOF):
			_ = s.Close()
			s = nil
		default:
			b.Fatal(err)
		}
	}
	if s != nil {
		_ = s.Close()
	}
}

// writeBench writes the same 20,000 TCP frames as pcap and as pcapng.
func writeBench(b *testing.B, pcap, pcapng string) {
	b.Helper()
	buf := gopacket.NewSerializeBuffer()
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: []byte{10, 0, 0, 1}, DstIP: []byte{10, 0, 0, 2}}
	tcp := &layers.TCP{SrcPort: 49152, DstPort: 502, ACK: true}
	_ = tcp.SetNetworkLayerForChecksum(ip)
	err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true},
		&layers.Ethernet{SrcMAC: make([]byte, 6), DstMAC: make([]byte, 6), EthernetType: layers.EthernetTypeIPv4}, ip, tcp, gopacket.Payload(make([]byte, 50)))
	if err != nil {
		b.Fatal(err)
	}
	frames := make([][]byte, 20000)
	for i := range frames {
		frames[i] = buf.Bytes()
	}
	writePcap(b, pcap, pcapgo.NewWriterNanos, frames)
	writePcapng(b, pcapng, frames)
}
