package boundary

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// Percent is a share, written "5%" or "0.1%".
type Percent struct {
	At
	Share float64 // 0.05 for 5%
}

func (p *Percent) parse(s string) (string, string) {
	number, ok := strings.CutSuffix(s, "%")
	f, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || strings.ContainsAny(number, "eExXpP_nN+-") || f < 0 || f > 100 {
		return quote(s) + " is not a share", "write 0% to 100%, such as 0.1%"
	}
	p.Share = f / 100
	return "", ""
}

// Bytes is an amount of data: "500kB", "10MB", "2GB", in powers of ten.
type Bytes struct {
	At
	Count uint64
}

func (b *Bytes) parse(s string) (string, string) {
	for _, u := range []struct {
		name string
		size uint64
	}{{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}} {
		number, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		if n, err := strconv.ParseUint(number, 10, 32); err == nil && n > 0 {
			b.Count = n * u.size
			return "", ""
		}
		break
	}
	return quote(s) + " is not an amount of data", "write a whole number and B, kB, MB, GB or TB, such as 500MB"
}

// SHA256 is the digest of a file, 64 hexadecimal digits, lower case.
type SHA256 struct {
	At
	Hex string
}

func (h *SHA256) parse(s string) (string, string) {
	s = strings.ToLower(s)
	if raw, err := hex.DecodeString(s); err != nil || len(raw) != 32 {
		return quote(s) + " is not a SHA-256", "write its 64 hexadecimal digits, as sha256sum prints them"
	}
	h.Hex = s
	return "", ""
}
