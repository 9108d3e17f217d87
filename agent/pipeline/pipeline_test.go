package pipeline

import (
	"context"
	"os"
	"testing"

	"demarc/agent/capture"
	demarcv1 "demarc/proto/demarc/v1"
)

// discard counts what it is given.
type discard struct{ connections, facts, bodies int }

func (d *discard) Emit(b *demarcv1.Body, _ bool) error {
	d.connections += len(b.Connections)
	d.facts += len(b.Facts)
	d.bodies++
	return nil
}

// BenchmarkRead reads the capture named by DEMARC_CAPTURE, everything on, and
// reports packets a second and allocations a packet.
func BenchmarkRead(b *testing.B) {
	file := os.Getenv("DEMARC_CAPTURE")
	if file == "" {
		b.Skip("DEMARC_CAPTURE names no capture file")
	}
	b.ReportAllocs()
	var packets uint64
	for b.Loop() {
		src, err := capture.Open(file)
		if err != nil {
			b.Fatal(err)
		}
		sum, err := Run(context.Background(), Config{}, src, &discard{})
		if err != nil {
			b.Fatal(err)
		}
		packets += sum.Packets
		if err := src.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(packets)/b.Elapsed().Seconds(), "packets/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(packets), "ns/packet")
}
