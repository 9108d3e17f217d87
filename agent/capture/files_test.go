package capture_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"demarc/agent/capture"
)

var start = time.Date(2026, 11, 1, 12, 0, 0, 123456789, time.UTC)

func writePcap(t testing.TB, path string, writer func(io.Writer) *pcapgo.Writer, frames [][]byte) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := writer(f)
	if err := w.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	for i, b := range frames {
		if err := w.WritePacket(info(i, b), b); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func writePcapng(t testing.TB, path string, frames [][]byte) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := pcapgo.NewNgWriter(f, layers.LinkTypeEthernet)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range frames {
		if err := w.WritePacket(info(i, b), b); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func info(i int, b []byte) gopacket.CaptureInfo {
	return gopacket.CaptureInfo{Timestamp: start.Add(time.Duration(i) * time.Millisecond), CaptureLength: len(b), Length: len(b) + i%3}
}

// packet is a frame that outlives the next one.
type packet struct {
	capture.Frame
	data string
}

// readAll reads a source to its end and returns what ended it; nil for io.EOF.
func readAll(t testing.TB, s capture.Source) (all []packet, end error) {
	t.Helper()
	var f capture.Frame
	for {
		err := s.Next(&f)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			if again := s.Next(&f); !errors.Is(again, err) {
				t.Errorf("after %v came %v: the end must stand", err, again)
			}
			return all, err
		}
		all = append(all, packet{f, string(f.Data)})
	}
}

// write puts bytes into a file of their own.
func write(t testing.TB, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.pcap")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustOpen(t testing.TB, path string) capture.Source {
	t.Helper()
	s, err := capture.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// sample is a few frames of growing size, one of them large.
func sample() [][]byte {
	frames := make([][]byte, 50)
	for i := range frames {
		frames[i] = bytes.Repeat([]byte{byte(i)}, 60+i)
	}
	frames[20] = bytes.Repeat([]byte{20}, 60000)
	return frames
}

// TestBatchDeliversWhatNextDoes: taken one by one or several at once, in order
// and with the same end, the frames are the same.
func TestBatchDeliversWhatNextDoes(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "*", "*.pcap*"))
	if err != nil || len(files) == 0 {
		t.Fatal("no captures in testdata", err)
	}
	batches := 0
	for _, file := range files {
		one, several := opened(t, file), opened(t, file)
		frames := make([]capture.Frame, 7)
		for done := false; !done; {
			n := several.(capture.Batcher).Batch(frames)
			batches += n / len(frames)
			var end error
			if n == 0 {
				n, end = 1, several.Next(&frames[0])
			}
			for i := range frames[:n] {
				var f capture.Frame
				err := one.Next(&f)
				if g := &frames[i]; (err == nil) != (end == nil) || end == nil && (f.Time != g.Time || f.Link != g.Link || f.Interface != g.Interface || f.Length != g.Length || !bytes.Equal(f.Data, g.Data)) {
					t.Fatalf("%s: %+v, %v; one by one %+v, %v", file, *g, end, f, err)
				}
				done = done || err != nil
			}
		}
		if one.Stats() != several.Stats() {
			t.Errorf("%s: %+v, one by one %+v", file, several.Stats(), one.Stats())
		}
	}
	if batches == 0 {
		t.Error("no full batch came")
	}
}

func opened(t *testing.T, file string) capture.Source {
	t.Helper()
	s, err := capture.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
