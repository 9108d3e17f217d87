package dissect

import (
	"crypto/sha256"
	"slices"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// maxJA4 bounds the cipher suites and extensions that a fingerprint is made of;
// a longer hello has none.
const maxJA4 = 128

// fingerprint tells the JA4 of a client: what its TLS library offers, in a
// form that does not depend on the order of offers (FoxIO, JA4 TLS client
// fingerprint, BSD 3-clause licence).
func (d *tls) fingerprint(h *clientHello, out Out) {
	var suites, extensions, signatures [maxJA4]uint16
	nc, ok := ja4List(h.ciphers, &suites)
	if !ok {
		return
	}
	ne := 0
	e := wire.New(h.extensions)
	for e.Len() > 0 {
		kind := e.U16()
		e.Skip(int(e.U16()))
		switch {
		case !e.OK() || ne == maxJA4:
			return
		case !grease(kind):
			extensions[ne] = kind
			ne++
		}
	}
	ns, ok := ja4List(h.signatures, &signatures)
	if !ok {
		return
	}
	from := d.text.mark()
	d.text.adds("t")
	d.text.adds(ja4Version(h.version))
	if h.serverName != nil {
		d.text.adds("d")
	} else {
		d.text.adds("i")
	}
	d.text.two(nc)
	d.text.two(ne)
	d.text.ja4ALPN(h.alpn)
	slices.Sort(suites[:nc])
	d.text.adds("_")
	d.text.ja4Hash(suites[:nc], nil)
	kept := extensions[:0]
	for _, x := range extensions[:ne] {
		if x != tlsExtServerName && x != tlsExtALPN {
			kept = append(kept, x)
		}
	}
	slices.Sort(kept)
	d.text.adds("_")
	d.text.ja4Hash(kept, signatures[:ns])
	out.Fact(Sender, tlsFingerprint, d.text.since(from), "tls.client_hello", ot.Behaviour)
}

// ja4List reads 16-bit values without the random ones.
func ja4List(b []byte, to *[maxJA4]uint16) (n int, ok bool) {
	c := wire.New(b)
	for c.Len() >= 2 {
		v := c.U16()
		if grease(v) {
			continue
		}
		if n == maxJA4 {
			return 0, false
		}
		to[n] = v
		n++
	}
	return n, true
}

func ja4Version(v uint16) string {
	switch v {
	case 0x0304:
		return "13"
	case 0x0303:
		return "12"
	case 0x0302:
		return "11"
	case 0x0301:
		return "10"
	case 0x0300:
		return "s3"
	}
	return "00"
}

// two appends n, at most 99, in two digits.
func (s *scratch) two(n int) {
	n = min(n, 99)
	s.byte('0' + byte(n/10))
	s.byte('0' + byte(n%10))
}

// ja4ALPN appends the first and last character of the first protocol offered,
// of its hexadecimal form when one of them is no letter or digit.
func (s *scratch) ja4ALPN(v []byte) {
	if len(v) == 0 {
		s.adds("00")
		return
	}
	first, last := v[0], v[len(v)-1]
	if !alphanumeric(first) || !alphanumeric(last) {
		first, last = hexDigits[first>>4], hexDigits[last&15]
	}
	s.byte(first)
	s.byte(last)
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// ja4Hash appends the first twelve digits of the SHA-256 of a list in
// hexadecimal, followed by the second list when there is one.
func (s *scratch) ja4Hash(list, then []uint16) {
	if len(list) == 0 {
		s.adds("000000000000")
		return
	}
	var buf [2*5*maxJA4 + 1]byte
	b := appendHexList(buf[:0], list)
	if len(then) > 0 {
		b = appendHexList(append(b, '_'), then)
	}
	sum := sha256.Sum256(b)
	s.hex(sum[:6], 0)
}

func appendHexList(b []byte, list []uint16) []byte {
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, hexDigits[v>>12], hexDigits[v>>8&15], hexDigits[v>>4&15], hexDigits[v&15])
	}
	return b
}
