package decode

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"net/netip"
)

// Key is one end of a packet in one number: its address with its port, or
// without IP its MAC.
type Key uint64

// What a key is made of stands in its upper two bits, so that none is zero.
const (
	keyMAC  Key = 1 << 62
	keyIPv4 Key = 2 << 62
	keyIPv6 Key = 3 << 62
)

// Plain reports whether both keys are of IPv4, of which no two ends have the
// same.
func (k Key) Plain(other Key) bool { return (k|other)>>62 == keyIPv4>>62 }

// Identify sets the packet's keys and its hash, unless they are there already.
func (p *Packet) Identify() {
	if p.SrcKey == 0 {
		p.identify()
	}
}

func (p *Packet) identify() {
	if p.Has&HasIP == 0 {
		p.SrcKey, p.DstKey = p.SrcMAC.key(), p.DstMAC.key()
	} else {
		p.SrcKey, p.DstKey = keyOf(p.Src, p.SrcPort), keyOf(p.Dst, p.DstPort)
	}
	p.Hash = HashOf(p.SrcKey, p.DstKey, p.Kind())
}

// Kind is what is said between the two ends: the IP protocol, or without IP
// the EtherType or SAP, above the numbers of the protocols.
func (p *Packet) Kind() uint32 {
	switch {
	case p.Has&HasIP != 0:
		return uint32(p.Protocol)
	case p.EtherType != 0:
		return uint32(p.EtherType) << 8
	}
	return uint32(p.SAP) << 8
}

var hashSeed = func() (s [2]uint64) {
	random := maphash.MakeSeed()
	for i := range s {
		s[i] = maphash.Comparable(random, i) | 1
	}
	return s
}()

// HashOf is the same for both directions, and keyed so that a peer cannot aim at
// one value.
func HashOf(a, b Key, kind uint32) uint64 {
	return mix(mix(uint64(a)) + mix(uint64(b)) + uint64(kind))
}

// Fingerprint is a hash of what stays the same in every copy of a frame: its
// ends, IPv4 identification, transport checksum, TCP sequence numbers and flags,
// length of the payload. Valid behind Identify.
func (p *Packet) Fingerprint() uint64 {
	h := mix(p.Hash ^ (uint64(p.Seq) | uint64(p.Ack)<<32))
	return mix(h ^ (uint64(p.IPID) | uint64(p.Checksum)<<16 | uint64(uint16(p.PayloadLen))<<32 | uint64(p.Flags)<<48))
}

func mix(v uint64) uint64 {
	hi, lo := bits.Mul64(v^hashSeed[0], hashSeed[1])
	return hi ^ lo
}

func (m MAC) key() Key {
	return keyMAC | Key(binary.BigEndian.Uint32(m[:4]))<<16 | Key(binary.BigEndian.Uint16(m[4:]))
}

func keyOf(a netip.Addr, port uint16) Key {
	if a.Is4() {
		b := a.As4()
		return keyOf4(binary.BigEndian.Uint32(b[:]), port)
	}
	b := a.As16()
	hash := binary.LittleEndian.Uint64(b[:8])*0x9e3779b97f4a7c15 ^ binary.LittleEndian.Uint64(b[8:]) ^ uint64(port)<<40
	return keyIPv6 | Key(hash)
}

func keyOf4(addr uint32, port uint16) Key { return keyIPv4 | Key(addr)<<16 | Key(port) }
