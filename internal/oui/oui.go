// Package oui names the vendor that a MAC address was assigned to: call Lookup
// with the six bytes. The answer is a hint, since an address can be set by
// software and a vendor may sell another's hardware.
//
// The table is mac-prefixes of package tables: the IEEE Registration Authority's
// public listing as Debian's ieee-data package carries it (public domain). To
// renew it, install a newer ieee-data and run go generate; a user renews it by
// file.
package oui

import "demarc/internal/tables"

//go:generate go run ./gen -from /usr/share/ieee-data -o ../tables/data/mac-prefixes.tsv

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
		if name, ok := tables.MACPrefixes.Bytes(key[:n]); ok {
			return name
		}
	}
	return ""
}

// Date is the day of the listing, "2022-08-27".
func Date() string { return tables.MACPrefixes.Heads()[0].Date }
