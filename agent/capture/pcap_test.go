package capture_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket/pcapgo"

	"demarc/agent/capture"
)

func TestReadWhatOthersWrite(t *testing.T) {
	frames, dir := sample(), t.TempDir()
	micro, nano, ng := filepath.Join(dir, "micro"), filepath.Join(dir, "nano"), filepath.Join(dir, "ng")
	writePcap(t, micro, pcapgo.NewWriter, frames)
	writePcap(t, nano, pcapgo.NewWriterNanos, frames)
	writePcapng(t, ng, frames)
	for path, unit := range map[string]time.Duration{micro: time.Microsecond, nano: 1, ng: 1} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			s := mustOpen(t, path)
			if i := s.Interfaces(); len(i) != 1 || i[0].Link != capture.LinkEthernet {
				t.Fatalf("interfaces before the first packet: %v", i)
			}
			all, end := readAll(t, s)
			if end != nil || len(all) != len(frames) {
				t.Fatalf("%d packets, then %v; want %d", len(all), end, len(frames))
			}
			bytes := uint64(0)
			for i, p := range all {
				want := info(i, frames[i])
				if p.data != string(frames[i]) || p.Length != want.Length || p.Link != 1 || p.TPID != 0 {
					t.Fatalf("packet %d: %d of %d bytes on link %v", i, len(p.data), p.Length, p.Link)
				}
				if p.Time != want.Timestamp.Truncate(unit).UnixNano() {
					t.Fatalf("packet %d at %d, want %d", i, p.Time, want.Timestamp.UnixNano())
				}
				bytes += uint64(want.Length)
			}
			if st := s.Stats(); st.Packets != uint64(len(frames)) || st.Bytes != bytes || st.Drops != 0 {
				t.Fatalf("stats %+v, want %d packets, %d bytes", st, len(frames), bytes)
			}
			info, _ := os.Stat(path)
			if done, total := s.(capture.Positioner).Position(); done != info.Size() || total != info.Size() {
				t.Fatalf("at %d of %d, want %d", done, total, info.Size())
			}
		})
	}
}

// pcapBytes writes a pcap file by hand, one frame a row of data.
func pcapBytes(o binary.ByteOrder, magic uint32, extra int, link uint32, frames ...string) []byte {
	b := binaryAppend(o, nil, magic, uint16(2), uint16(4), uint32(0), uint32(0), uint32(65535), link)
	for i, f := range frames {
		b = binaryAppend(o, b, uint32(1000+i), uint32(5), uint32(len(f)), uint32(len(f)+10))
		b = append(append(b, make([]byte, extra)...), f...)
	}
	return b
}

func binaryAppend(o binary.ByteOrder, b []byte, values ...any) []byte {
	var w bytes.Buffer
	for _, v := range values {
		if err := binary.Write(&w, o, v); err != nil {
			panic(err)
		}
	}
	return append(b, w.Bytes()...)
}

func TestPcapVariants(t *testing.T) {
	for _, r := range []struct {
		name  string
		magic uint32
		extra int
		unit  int64
	}{{"micro", 0xa1b2c3d4, 0, 1000}, {"nano", 0xa1b23c4d, 0, 1}, {"modified", 0xa1b2cd34, 8, 1000}} {
		for _, o := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			t.Run(r.name+" "+o.String(), func(t *testing.T) {
				// The upper half of the link type tells of a frame check sequence.
				s := mustOpen(t, write(t, pcapBytes(o, r.magic, r.extra, 0x14000071, "one", "", "three")))
				all, end := readAll(t, s)
				if end != nil || len(all) != 3 || all[0].data != "one" || all[1].data != "" || all[2].data != "three" {
					t.Fatalf("%v, then %v", all, end)
				}
				if p := all[2]; p.Time != 1002e9+5*r.unit || p.Length != 15 || p.Link != capture.LinkLinuxSLL {
					t.Fatalf("%+v", p.Frame)
				}
			})
		}
	}
}

func TestCutFile(t *testing.T) {
	whole := pcapBytes(binary.LittleEndian, 0xa1b2c3d4, 0, 1, "first", "second")
	ends := map[int]int{24: 0, 24 + 16 + 5: 1, len(whole): 2} // cuts that fall between records
	for n := 24; n <= len(whole); n++ {
		all, end := readAll(t, mustOpen(t, write(t, whole[:n])))
		if packets, between := ends[n]; between {
			if end != nil || len(all) != packets {
				t.Fatalf("cut at %d: %d packets, %v", n, len(all), end)
			}
			continue
		}
		var e *capture.TruncatedError
		if !errors.As(end, &e) || int(e.Packet) != len(all)+1 || e.Offset+e.Have != int64(n) || e.Want <= e.Have {
			t.Fatalf("cut at %d: %d packets, %v", n, len(all), end)
		}
	}
	for n := 1; n < 24; n++ {
		if _, err := capture.Open(write(t, whole[:n])); err == nil || strings.Contains(err.Error(), "\n") {
			t.Fatalf("header cut at %d: %v", n, err)
		}
	}
}

func TestCorruptRecord(t *testing.T) {
	b := pcapBytes(binary.LittleEndian, 0xa1b2c3d4, 0, 1, "first", "second", "third")
	at := 24 + 16 + 5 // of the second record
	binary.LittleEndian.PutUint32(b[at+8:], 0xfffffff0)
	all, end := readAll(t, mustOpen(t, write(t, b)))
	var e *capture.CorruptError
	if !errors.As(end, &e) || e.Offset != int64(at) || e.Packet != 2 || len(all) != 1 || all[0].data != "first" {
		t.Fatalf("%d packets, then %v", len(all), end)
	}
	if s := end.Error(); !strings.Contains(s, "byte 45") || !strings.Contains(s, "packet 2") || strings.Contains(s, "\n") {
		t.Fatalf("the message is %q", s)
	}
}

func TestGzip(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	writePcap(t, plain, pcapgo.NewWriter, sample())
	b, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, _ = w.Write(b)
	_ = w.Close()
	all, end := readAll(t, mustOpen(t, write(t, z.Bytes())))
	if end != nil || len(all) != len(sample()) {
		t.Fatalf("%d packets, %v", len(all), end)
	}
	all, end = readAll(t, mustOpen(t, write(t, z.Bytes()[:z.Len()/2])))
	if e := new(capture.TruncatedError); !errors.As(end, &e) || len(all) == 0 {
		t.Fatalf("cut: %d packets, %v", len(all), end)
	}
	bad := bytes.Clone(z.Bytes())
	bad[len(bad)-6] ^= 1 // the checksum
	if all, end = readAll(t, mustOpen(t, write(t, bad))); len(all) != len(sample()) {
		t.Fatalf("bad checksum: %d packets, %v", len(all), end)
	}
	if e := new(capture.CorruptError); !errors.As(end, &e) {
		t.Fatalf("bad checksum: %v", end)
	}
}

func TestPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for _, x := range pcapBytes(binary.BigEndian, 0xa1b2c3d4, 0, 1, "first", "second") {
			_, _ = w.Write([]byte{x}) // reads of one byte at a time
		}
		_ = w.Close()
	}()
	stdin := os.Stdin
	os.Stdin = r
	defer func() { os.Stdin = stdin }()
	s := mustOpen(t, "-")
	all, end := readAll(t, s)
	if end != nil || len(all) != 2 {
		t.Fatalf("%v, %v", all, end)
	}
	if done, total := s.(capture.Positioner).Position(); done != 24+2*16+11 || total != 0 {
		t.Fatalf("at %d of %d", done, total)
	}
}

func TestFilesThatAreNoCapture(t *testing.T) {
	dir := t.TempDir()
	rows := []struct{ name, content, say string }{
		{"empty", "", "is empty"},
		{"zip", "PK\x03\x04xxxxxxxxxxxxxxxxx", "ZIP archive"},
		{"program", "\x7fELF\x02\x01\x01", "is a program"},
		{"text", "source,destination\n10.0.0.1,10.0.0.2\n", `is text and starts with "source,destination"`},
		{"xz", "\xfd7zXZ\x00\x00\x04\xe6", "xz -d"},
		{"noise", "\x01\x02\x03\x04\x05\x06\x07\x08\x09", "starts with 01 02 03 04"},
		{"one byte", "\x01", "starts with 01"},
		{"not gzip", "\x1f\x8bxxxxxxxxxxxxxxxxx", "starts like a gzip file"},
		{"pcapng without magic", "\x0a\x0d\x0d\x0a\x1c\x00\x00\x00\x00\x00\x00\x00\x00\x00", "no byte-order magic"},
		{"old pcap", "\xd4\xc3\xb2\xa1\x01\x00\x04\x00" + strings.Repeat("\x00", 16), "version 1.4"},
	}
	for _, r := range rows {
		path := filepath.Join(dir, r.name)
		if err := os.WriteFile(path, []byte(r.content), 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, path, r.say)
	}
	refused(t, dir, "is a directory")
	refused(t, filepath.Join(dir, "none.pcap"), "no such file")
}

// refused wants an error of one line that names the file and says why.
func refused(t *testing.T, path, say string) {
	t.Helper()
	s, err := capture.Open(path)
	if err == nil {
		t.Errorf("%s opened", path)
		return
	}
	if s != nil {
		t.Errorf("%s: a source beside the error", path)
	}
	if m := err.Error(); !strings.HasPrefix(m, path+": ") || !strings.Contains(m, say) || strings.Contains(m, "\n") {
		t.Errorf("%s: %q does not say %q", path, m, say)
	}
}

func TestNextAllocatesNothing(t *testing.T) {
	dir := t.TempDir()
	frames := make([][]byte, 2000)
	for i := range frames {
		frames[i] = make([]byte, 60)
	}
	pcap, ng := filepath.Join(dir, "pcap"), filepath.Join(dir, "ng")
	writePcap(t, pcap, pcapgo.NewWriter, frames)
	writePcapng(t, ng, frames)
	for _, path := range []string{pcap, ng} {
		s, f := mustOpen(t, path), new(capture.Frame)
		n := testing.AllocsPerRun(1000, func() {
			if err := s.Next(f); err != nil && !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations a packet", filepath.Base(path), n)
		}
	}
}
