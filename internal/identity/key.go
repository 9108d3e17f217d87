package identity

import (
	"crypto/sha256"
	"encoding/base32"
	"net/netip"
	"strings"
	"unicode/utf8"
	"unique"

	"demarc/internal/bus"
	demarcv1 "demarc/proto/demarc/v1"
)

// sym is a string that occurs often: equal ones share their bytes and compare
// as pointers. Made by mk; the zero value is not valid.
type sym = unique.Handle[string]

func mk(s string) sym { return unique.Make(s) }

var none = mk("")

// MAC is an IEEE 802 address, or a station of package bus; zero is none.
type MAC [6]byte

func (m MAC) isGroup() bool { return m[0]&1 != 0 }

// isStation reports whether m can be one device's own address.
func (m MAC) isStation() bool { return m != MAC{} && !m.isGroup() }

func (m MAC) String() string {
	if name, ok := bus.Name(m); ok {
		return name
	}
	const hex = "0123456789abcdef"
	b := make([]byte, 0, 17)
	for i, x := range m {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, hex[x>>4], hex[x&15])
	}
	return string(b)
}

func macOf(b []byte) (m MAC, ok bool) {
	if len(b) != len(m) {
		return m, false
	}
	copy(m[:], b)
	return m, true
}

// addrKey is an address as agents name it.
type addrKey struct {
	site, segment sym
	ip            netip.Addr // invalid: the address is mac in vlan
	mac           MAC
	vlan          uint16
}

// keyOf reads an address; false when it is neither an IP nor a MAC.
func keyOf(site sym, a *demarcv1.Address) (addrKey, bool) {
	k := addrKey{site: site, segment: mk(clip(a.GetSegment(), maxLabel))}
	if len(a.GetIp()) > 0 {
		ip, ok := netip.AddrFromSlice(a.GetIp())
		k.ip = ip.Unmap()
		return k, ok
	}
	var ok bool
	k.mac, ok = macOf(a.GetMac())
	k.vlan = uint16(min(a.GetVlan(), 1<<16-1))
	return k, ok && k.mac != MAC{}
}

// canSend reports whether one device can stand at the address: it is no group,
// no broadcast and not unspecified.
func (k addrKey) canSend() bool {
	if !k.ip.IsValid() {
		return k.mac.isStation()
	}
	return !k.ip.IsUnspecified() && !k.ip.IsMulticast() && k.ip != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

func (k addrKey) String() string {
	if k.ip.IsValid() {
		return k.ip.String()
	}
	return k.mac.String()
}

func (k addrKey) proto() *demarcv1.Address {
	a := &demarcv1.Address{Segment: k.segment.Value()}
	if k.ip.IsValid() {
		a.Ip = k.ip.AsSlice()
	} else {
		a.Mac, a.Vlan = append([]byte(nil), k.mac[:]...), uint32(k.vlan)
	}
	return a
}

// linkLocal reports whether no router forwards a, so that the MAC that sends
// from it is its own (RFC 3927 section 2.7, RFC 4291 section 2.5.6).
func linkLocal(a netip.Addr) bool { return a.IsLinkLocalUnicast() }

// fromMAC reports whether the interface identifier of a was made from m
// (modified EUI-64, RFC 4291 appendix A), which proves m as well as ND does.
func fromMAC(a netip.Addr, m MAC) bool {
	if !a.Is6() {
		return false
	}
	b := a.As16()
	return [8]byte(b[8:]) == [8]byte{m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]}
}

// prefix64 is the link's prefix of an IPv6 address.
func prefix64(a netip.Addr) [8]byte {
	b := a.As16()
	return [8]byte(b[:8])
}

var idText = base32.NewEncoding("abcdefghijkmnpqrstuvwxyz23456789").WithPadding(base32.NoPadding)

// makeID hashes parts to a short name of 60 bits.
func makeID(kind string, parts ...string) string {
	h := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return kind + idText.EncodeToString(h[:8])[:12]
}

// clip cuts s to at most n bytes at a rune's boundary; the last one is then an
// ellipsis. Text that is not UTF-8 is made so.
func clip(s string, n int) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if len(s) <= n {
		return s
	}
	n -= len("…")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

func compareSym(a, b sym) int { return strings.Compare(a.Value(), b.Value()) }
