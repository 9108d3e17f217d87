package pipeline

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"demarc/agent/capture"
	"demarc/agent/decode"
	"demarc/agent/recorder"
	"demarc/internal/slice"
)

func newRecorder(all bool) *recorder.Recorder {
	return recorder.New(recorder.Options{Memory: 32 << 20, Packets: 16, Most: 64 << 10, All: all, Header: slice.Header{Interface: "span"}})
}

// between are the frames of a file between two addresses.
func between(t *testing.T, file, a, b string) (all [][]byte) {
	t.Helper()
	src, err := capture.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close() //nolint:errcheck // read only
	d := decode.New(decode.Options{})
	for {
		var f capture.Frame
		var p decode.Packet
		if err := src.Next(&f); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		d.Decode(&f, &p)
		if x, y := p.Src.String(), p.Dst.String(); x == a && y == b || x == b && y == a {
			all = append(all, bytes.Clone(f.Data))
		}
	}
}

// readSlice reads a slice back.
func readSlice(t *testing.T, data []byte) (all []capture.Frame) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "s.pcapng")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := capture.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close() //nolint:errcheck // read only
	for {
		var f capture.Frame
		if err := src.Next(&f); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		f.Data = bytes.Clone(f.Data)
		all = append(all, f)
	}
}

const writing = "../../testdata/plant/line4.pcap" // from 10.60.61.30 to 10.20.4.11

// TestSliceHoldsTheFirstFrames: of each conversation, byte for byte, in order.
func TestSliceHoldsTheFirstFrames(t *testing.T) {
	r := newRecorder(true)
	if _, _, err := runFile(context.Background(), t, writing, Config{Default: "line4", Recorder: r}); err != nil {
		t.Fatal(err)
	}
	want := between(t, writing, "10.60.61.30", "10.20.4.11")
	cuts := r.Cut([]recorder.Query{
		{Client: "10.60.61.30", Server: "10.20.4.11", Transport: "tcp", Port: 102, Segment: "line4"},
		{Client: "10.60.61.30", Server: "10.20.4.11", Transport: "tcp", Port: 103, Segment: "line4"},
		{Client: "10.60.61.30", Server: "10.20.4.11", Transport: "udp", Port: 102, Segment: "line4"},
		{Client: "10.60.61.30", Server: "10.20.4.11", Transport: "tcp", Port: 102, Segment: "line5"},
	})
	got := readSlice(t, cuts[0].Data)
	if len(got) < 10 || len(got) != cuts[0].Frames || len(got) > len(want) {
		t.Fatalf("%d frames of %d", len(got), len(want))
	}
	for i, f := range got {
		if !bytes.Equal(f.Data, want[i]) {
			t.Errorf("frame %d is not what was captured", i)
		}
	}
	if n, err := slice.Count(cuts[0].Data); err != nil || n != len(got) {
		t.Errorf("%d frames, %v", n, err)
	}
	for i, c := range cuts[1:] {
		if c.Data != nil {
			t.Errorf("query %d has %d frames of another connection", i+1, c.Frames)
		}
	}
}

// TestTheFirstWriteIsKept: also where it comes behind the first frames.
func TestTheFirstWriteIsKept(t *testing.T) {
	r := recorder.New(recorder.Options{Memory: 1 << 20, Packets: 1, Most: 64 << 10, All: true})
	if _, _, err := runFile(context.Background(), t, writing, Config{Default: "line4", Recorder: r}); err != nil {
		t.Fatal(err)
	}
	c := r.Cut([]recorder.Query{{Client: "10.60.61.30", Server: "10.20.4.11", Transport: "tcp", Port: 102, Segment: "line4"}})[0]
	writes := 0
	for _, f := range readSlice(t, c.Data) {
		if at := bytes.Index(f.Data, []byte{0x32, 1}); at > 0 && len(f.Data) > at+10 && f.Data[at+10] == 5 { // S7 job, write variable
			writes++
		}
	}
	if all := len(between(t, writing, "10.60.61.30", "10.20.4.11")); writes == 0 || c.Frames < 3 || c.Frames >= all {
		t.Errorf("%d writes in %d frames of %d", writes, c.Frames, all)
	}
}

// TestHeadersHoldNoPayload: nothing that a plant says is kept, whatever comes.
func TestHeadersHoldNoPayload(t *testing.T) {
	for _, file := range plant(t) {
		r := newRecorder(false)
		out, _, err := runFile(context.Background(), t, file, Config{Default: "s", Recorder: r})
		if err != nil {
			t.Fatal(err)
		}
		var all []recorder.Query
		for _, b := range out.bodies {
			for _, c := range b.GetConnections() {
				if k := c.GetKey(); len(k.GetClient().GetIp()) > 0 && len(all) < 200 {
					all = append(all, recorder.Query{Client: ip(k.GetClient().GetIp()), Server: ip(k.GetServer().GetIp()), Transport: k.GetTransport(), Port: k.GetPort(), Segment: "s"})
				}
			}
		}
		frames := 0
		d := decode.New(decode.Options{})
		for _, c := range r.Cut(all) {
			if c.Data == nil {
				continue
			}
			for _, f := range readSlice(t, c.Data) {
				frames++
				var p decode.Packet
				if d.Decode(&f, &p); len(p.Payload) > 0 {
					t.Errorf("%s: %d bytes of payload from %v to %v", file, len(p.Payload), p.Src, p.Dst)
				}
			}
		}
		if frames == 0 {
			t.Errorf("%s: nothing is kept", file)
		}
	}
}

// BenchmarkRecorder is BenchmarkSteady without, and with frames kept.
func BenchmarkRecorder(b *testing.B) {
	for _, x := range []struct {
		name string
		r    *recorder.Recorder
	}{{"off", nil}, {"headers", newRecorder(false)}, {"all", newRecorder(true)}} {
		b.Run(x.name, func(b *testing.B) { steadyWith(b, writing, x.r) })
	}
}

func ip(b []byte) string {
	a, _ := netip.AddrFromSlice(b) // of our own table
	return a.String()
}
