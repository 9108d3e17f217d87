// Package oui names the vendor that a MAC address was assigned to: call Lookup
// with the six bytes. The answer is a hint, since an address can be set by
// software and a vendor may sell another's hardware.
//
// The table is the IEEE Registration Authority's public listing as Debian's
// ieee-data package carries it (public domain); its first lines give the
// package version and date. To renew it, install a newer ieee-data and run
// go generate.
package oui

import (
	_ "embed" // the assignments file
	"strings"
)

//go:generate go run ./gen -from /usr/share/ieee-data -o assignments.tsv

// table holds comment lines, then one assignment a line, sorted: 6, 7 or 9
// lower-case hexadecimal digits (MA-L, MA-M, MA-S and the older IAB), a tab,
// the organization. It stays text: a binary search over bytes needs no index
// and no start-up work.
//
//go:embed assignments.tsv
var table string

// body is table without its comment lines.
var body = skipComments(table)

func skipComments(s string) string {
	for strings.HasPrefix(s, "#") {
		_, s, _ = strings.Cut(s, "\n")
	}
	return s
}

// Lookup returns the organization that the prefix of mac is assigned to, ""
// when there is none: unassigned or private prefixes, group addresses and
// locally administered addresses (IEEE 802-2014 clause 8.2.2). It allocates
// nothing.
func Lookup(mac [6]byte) string {
	if mac[0]&0x03 != 0 {
		return ""
	}
	const digits = "0123456789abcdef"
	var key [9]byte
	for i := range key {
		b := mac[i/2]
		if i%2 == 0 {
			b >>= 4
		}
		key[i] = digits[b&15]
	}
	// The longest prefix wins: MA-M and MA-S blocks lie inside MA-L blocks that
	// are registered to the IEEE itself.
	for _, n := range [...]int{9, 7, 6} {
		if name, ok := find(key[:n]); ok {
			return name
		}
	}
	return ""
}

// find searches body for the line whose prefix column equals key.
func find(key []byte) (string, bool) {
	lo, hi := 0, len(body) // both at a start of a line
	for lo < hi {
		mid := max(lo, strings.LastIndexByte(body[:lo+(hi-lo)/2], '\n')+1)
		line := body[mid:]
		if end := strings.IndexByte(line, '\n'); end >= 0 {
			line = line[:end]
		}
		prefix, name, _ := strings.Cut(line, "\t")
		switch {
		case prefix == string(key):
			return name, true
		case prefix < string(key):
			lo = min(mid+len(line)+1, len(body))
		default:
			hi = mid
		}
	}
	return "", false
}

// Date is the day of the listing, "2022-08-27".
func Date() string {
	_, rest, ok := strings.Cut(table, "# date: ")
	if !ok {
		return ""
	}
	date, _, _ := strings.Cut(rest, "\n")
	return date
}
