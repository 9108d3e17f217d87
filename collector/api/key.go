package api

import (
	"encoding/binary"
	"net/netip"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// key is what rows are sorted by, as bytes in that order: comparing two is one
// comparison of memory, whatever the columns.
type key []byte

// maxKeyText is how much of a text counts: names come from the wire.
const maxKeyText = 128

// text sorts without regard to the case of ASCII letters; 0 ends it.
func (k key) text(s string) key {
	for i := range min(len(s), maxKeyText) {
		k = append(k, max(lower(s[i]), 1))
	}
	return append(k, 0)
}

// exact sorts by bytes, for what tells rows apart.
func (k key) exact(s string) key { return append(append(k, s...), 0) }

func (k key) number(n uint64) key { return binary.BigEndian.AppendUint64(k, n) }

// time sorts what never was first.
func (k key) time(t *timestamppb.Timestamp) key {
	if t == nil {
		return k.number(0)
	}
	return k.number(uint64(t.AsTime().UnixNano()) ^ 1<<63)
}

// address sorts addresses by number, IP before MAC before nothing.
func (k key) address(s string) key {
	if a, err := netip.ParseAddr(s); err == nil {
		b := a.As16()
		if a.Is4() {
			return append(append(k, 4), b[12:]...)
		}
		return append(append(k, 6), b[:]...)
	}
	if s == "" {
		return append(k, 9)
	}
	return append(k, 8).text(s)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}
