// Package domains tells remote-access tools and cloud services by the domain
// name that a plant asked for or named in a TLS handshake: call Lookup or
// LookupBytes. A name says who is contacted, not that a session took place.
//
// The table is domains.tsv, dated in its first lines, each row with the kind
// of source that it was taken from.
package domains

import (
	_ "embed" // the table
	"fmt"
	"strings"
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

//go:embed domains.tsv
var file string

var table, date = mustParse(file)

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
		if e, ok := table[string(rest)]; ok {
			return e, true
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

// Date is the day that the table was last reviewed, "2026-11-22".
func Date() string { return date }

func mustParse(text string) (map[string]Entry, string) {
	entries, date, err := parse(text)
	if err != nil {
		panic("domains: " + err.Error())
	}
	return entries, date
}

// parse reads the table: comment lines, then four tab-separated columns.
func parse(text string) (map[string]Entry, string, error) {
	entries := make(map[string]Entry, strings.Count(text, "\n"))
	date := ""
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if d, ok := strings.CutPrefix(line, "# date: "); ok {
			date = d
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		col := strings.Split(line, "\t")
		if len(col) != 4 || col[0] == "" || col[2] == "" || col[3] == "" || strings.ToLower(col[0]) != col[0] {
			return nil, "", fmt.Errorf("line %d: want domain, kind, tool and source between tabs, the domain in lower case", i+1)
		}
		kind := Kind(col[1])
		if kind != RemoteAccess && kind != Cloud {
			return nil, "", fmt.Errorf("line %d: kind %q: want %s or %s", i+1, kind, RemoteAccess, Cloud)
		}
		if _, ok := entries[col[0]]; ok {
			return nil, "", fmt.Errorf("line %d: domain %s stands twice", i+1, col[0])
		}
		entries[col[0]] = Entry{Domain: col[0], Kind: kind, Tool: col[2], Source: col[3]}
	}
	if date == "" {
		return nil, "", fmt.Errorf(`no "# date: YYYY-MM-DD" line`)
	}
	return entries, date, nil
}
