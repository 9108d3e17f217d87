package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
)

// FuzzFile reads whatever comes as a capture: no panic, no record beyond the
// limits, an end, and no more memory than one record may take.
func FuzzFile(f *testing.F) {
	le := binary.LittleEndian
	pcap := le.AppendUint32(nil, magicMicro)
	pcap = append(pcap, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0)
	pcap = append(pcap, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 'a', 'b', 'c')
	f.Add(pcap)
	words := func(v ...uint32) (b []byte) {
		for _, x := range v {
			b = le.AppendUint32(b, x)
		}
		return b
	}
	ng := words(blockSection, 28, orderMagic, 1, 0, 0, 28)
	ng = append(ng, words(blockInterface, 28, 1, 0, 9|1<<16, 9, 0, 28)...)
	ng = append(ng, words(blockEnhanced, 36, 0, 0, 1, 4, 4, 0xaabbccdd, 36)...)
	ng = append(ng, words(blockSimple, 20, 4, 0xaabbccdd, 20)...)
	ng = append(ng, words(blockObsolete, 36, 0, 0, 1, 4, 4, 0xaabbccdd, 36)...)
	ng = append(ng, words(blockStatistics, 36, 0, 0, 0, 5|8<<16, 1, 0, 36)...)
	f.Add(ng)
	f.Add([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := open(bytes.NewReader(b), io.NopCloser(nil), "fuzz", int64(len(b)))
		if err != nil {
			return
		}
		var in *buffer
		switch x := s.(type) {
		case *pcapSource:
			in = &x.in
		case *pcapngSource:
			in = &x.in
		}
		var frame Frame
		for n := 0; ; n++ {
			if err = s.Next(&frame); err != nil {
				break
			}
			if len(frame.Data) > maxSnap || frame.Length < len(frame.Data) || frame.Interface >= len(s.Interfaces()) {
				t.Fatalf("%+v", frame)
			}
		}
		var cut *TruncatedError
		var bad *CorruptError
		if !errors.Is(err, io.EOF) && !errors.As(err, &cut) && !errors.As(err, &bad) {
			t.Fatalf("ended by %v", err)
		}
		if len(in.b) > maxBuffer {
			t.Fatalf("holds %d bytes", len(in.b))
		}
	})
}
