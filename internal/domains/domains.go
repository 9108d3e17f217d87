// Package domains tells remote-access tools and cloud services by the domain
// name that a plant asked for or named in a TLS handshake: call Lookup or
// LookupBytes. A name says who is contacted, not that a session took place.
//
// The table is domains of package tables, each row with the kind of source that
// it was taken from.
package domains

import (
	"strings"

	"demarc/internal/tables"
)

// Kind is what stands behind a domain.
type Kind string

const (
	RemoteAccess Kind = "remote-access" // remote support, remote control, tunnels, vendor remote services
	Cloud        Kind = "cloud"         // storage, platforms, IIoT services
)

// Entry is one row of the table.
type Entry struct {
	Domain string // the suffix that matched, lower case, without a leading dot
	Kind   Kind
	Tool   string // "TeamViewer"
	Source string // where the row comes from
}

// Lookup finds the longest domain of the table that name equals or lies
// under. Case and one trailing dot do not matter.
func Lookup(name string) (Entry, bool) { return find(name) }

// LookupBytes is Lookup for a name that still lies in a packet; it allocates
// nothing.
func LookupBytes(name []byte) (Entry, bool) { return find(name) }

// maxName is the longest domain name in text form (RFC 1035 section 2.3.4).
const maxName = 255

func find[T string | []byte](name T) (Entry, bool) {
	if n := len(name); n > 0 && name[n-1] == '.' {
		name = name[:n-1]
	}
	if len(name) == 0 || len(name) > maxName {
		return Entry{}, false
	}
	var lower [maxName]byte
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	rest := lower[:len(name)]
	for {
		if domain, columns, ok := tables.Domains.Row(rest); ok {
			return entry(domain, columns), true
		}
		dot := 0
		for dot < len(rest) && rest[dot] != '.' {
			dot++
		}
		if dot == len(rest) {
			return Entry{}, false
		}
		rest = rest[dot+1:]
	}
}

// entry reads a row: kind, tool and source between tabs.
func entry(domain, columns string) Entry {
	kind, columns, _ := strings.Cut(columns, "\t")
	tool, source, _ := strings.Cut(columns, "\t")
	return Entry{Domain: domain, Kind: Kind(kind), Tool: tool, Source: source}
}

// Date is the day that the table was last reviewed, "2026-11-22".
func Date() string { return tables.Domains.Heads()[0].Date }
