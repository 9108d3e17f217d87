package bolt

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"demarc/collector/store"
)

// FuzzBase reads segments of kept past states whose checksum fits and whose
// content may be anything: a change, or ErrCorrupt, and no more memory than a
// segment may unpack to.
func FuzzBase(f *testing.F) {
	var raw []byte
	for _, c := range []store.Change{{Table: 1, Key: []byte("key"), Value: []byte("value")}, {Table: 3, Key: []byte("gone")}, {Table: 7, Value: []byte{}}} {
		raw = appendChange(raw, &c)
	}
	for _, content := range [][]byte{raw, raw[:len(raw)-1], bytes.Repeat([]byte{1, 1, 0, 0}, 1000), {1, 1, 0xff, 0xff, 0xff, 0xff, 0x0f}, {}} {
		segment, err := pack(content)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(segment[segmentHead:])
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		segment := append(beginSegment(nil), packed...)
		endSegment(segment)
		raw, err := unpack(0, segment)
		var again []byte
		if err == nil {
			if len(raw) > maxSegment {
				t.Fatalf("%d bytes out of %d", len(raw), len(packed))
			}
			err = readChanges(raw, func(c store.Change) error {
				again = appendChange(again, &c)
				return nil
			})
		}
		switch {
		case err != nil && !errors.Is(err, store.ErrCorrupt):
			t.Fatal(err)
		case err == nil:
			var twice []byte
			if err := readChanges(again, func(c store.Change) error { twice = appendChange(twice, &c); return nil }); err != nil || !slices.Equal(again, twice) {
				t.Fatalf("what was read is written otherwise: %v", err)
			}
		}
		segment[0] ^= 1
		if _, err := unpack(0, segment); !errors.Is(err, store.ErrCorrupt) {
			t.Fatalf("another layout is read: %v", err)
		}
	})
}
