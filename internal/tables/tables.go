// Package tables names numbers and spellings: vendors by MAC prefix, CIP,
// BACnet, HART, PROFINET and SNMP numbers, interfaces of DCE/RPC, domains of
// remote tools and clouds, order-number families, and the one name of vendors
// that many spellings mean. Ask a Table by Number, Bytes or Find; ask Vendor and
// Product for the one name.
//
// Each table is a dated file in data/ that tells its source and licence. A user
// refreshes them without a new release: Use reads a folder whose files extend or
// replace those that are shipped.
package tables

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Table is one list, the shipped rows and over them the user's. It is safe for
// concurrent use; lookups allocate nothing.
type Table struct {
	Name    string // of its file, without .tsv
	form    form
	shipped func() *list
	user    atomic.Pointer[list]
}

// form says how the rows of a table must look.
type form struct {
	numbers bool                         // keys are numbers
	columns int                          // beside the key
	check   func(key, rest string) error // may be nil
	foreign foreign                      // how publishers write the same list
}

// foreign reads what publishers give out, by the name of its file.
type foreign map[string]func([]byte) ([]row, error)

// list is one file, made ready: rows in the order of their keys.
type list struct {
	head Head
	rows []row
	text []byte // the values of number tables, one after the other
	some filter // of the keys that are text
}

// filter tells of most keys that they are not in a list, without looking for them.
type filter [64]uint64

// place is a key's bit: of its length and of the letters that tell names apart best.
func place[K string | []byte](key K) (word, bit uint) {
	n := uint(len(key))
	if n == 0 {
		return 0, 0
	}
	x := n*7 + uint(key[0])*33 + uint(key[n/2])*5 + uint(key[n-1])*137
	return x >> 6 & 63, x & 63
}

func (f *filter) add(key string) {
	word, bit := place(key)
	f[word] |= 1 << bit
}

func (f *filter) may(key []byte) bool {
	word, bit := place(key)
	return f[word]>>bit&1 != 0
}

// row is one line. Exactly one of number and key is used.
type row struct {
	number uint64
	key    string
	rest   string // the other columns, between tabs
	at     int    // where rest stands in text
}

var all []*Table

func add(name, text string, f form) *Table {
	t := &Table{Name: name, form: f}
	t.shipped = sync.OnceValue(func() *list {
		l, err := parse(name+".tsv", text, f, true)
		if err != nil {
			panic("tables: " + err.Error()) // a test reads every file
		}
		return l
	})
	all = append(all, t)
	return t
}

// All lists the tables by name.
func All() []*Table {
	return slices.SortedFunc(slices.Values(all), func(a, b *Table) int { return strings.Compare(a.Name, b.Name) })
}

// lists are the user's rows, if any, and then those that are shipped unless the
// user's replace them.
func (t *Table) lists() (first, then *list) {
	u := t.user.Load()
	switch {
	case u == nil:
		return t.shipped(), nil
	case u.head.Replace:
		return u, nil
	}
	return u, t.shipped()
}

// Number returns what n stands for, nil when the table has no such number. The
// bytes must not be changed.
func (t *Table) Number(n uint64) []byte {
	first, then := t.lists()
	if r := first.number(n); r != nil {
		return first.text[r.at : r.at+len(r.rest)]
	}
	if then != nil {
		if r := then.number(n); r != nil {
			return then.text[r.at : r.at+len(r.rest)]
		}
	}
	return nil
}

// Find returns the columns beside a key, between tabs.
func (t *Table) Find(key string) (string, bool) {
	first, then := t.lists()
	if r := first.find(key); r != nil {
		return r.rest, true
	}
	if then != nil {
		if r := then.find(key); r != nil {
			return r.rest, true
		}
	}
	return "", false
}

// Bytes is Find for a key that lies in a buffer.
func (t *Table) Bytes(key []byte) (string, bool) {
	_, rest, ok := t.Row(key)
	return rest, ok
}

// Row is Bytes that also returns the key as the table holds it.
func (t *Table) Row(key []byte) (held, rest string, ok bool) {
	first, then := t.lists()
	if r := first.bytes(key); r != nil {
		return r.key, r.rest, true
	}
	if then != nil {
		if r := then.bytes(key); r != nil {
			return r.key, r.rest, true
		}
	}
	return "", "", false
}

// Rows visits the keys that are text with the columns beside them, the shipped
// rows first: what comes later overrules.
func (t *Table) Rows(yield func(key, rest string) bool) {
	first, then := t.lists()
	for _, l := range [...]*list{then, first} {
		if l == nil {
			continue
		}
		for i := range l.rows {
			if !yield(l.rows[i].key, l.rows[i].rest) {
				return
			}
		}
	}
}

// Len counts the rows; a key that the user set anew counts twice.
func (t *Table) Len() int {
	first, then := t.lists()
	if then == nil {
		return len(first.rows)
	}
	return len(first.rows) + len(then.rows)
}

// Heads tells where the rows come from, the user's file before the shipped one.
func (t *Table) Heads() []Head {
	first, then := t.lists()
	if then == nil {
		return []Head{first.head}
	}
	return []Head{first.head, then.head}
}

func (l *list) number(n uint64) *row {
	lo, hi := 0, len(l.rows)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if l.rows[mid].number < n {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(l.rows) && l.rows[lo].number == n {
		return &l.rows[lo]
	}
	return nil
}

func (l *list) find(key string) *row {
	lo, hi := 0, len(l.rows)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if l.rows[mid].key < key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(l.rows) && l.rows[lo].key == key {
		return &l.rows[lo]
	}
	return nil
}

func (l *list) bytes(key []byte) *row {
	if !l.some.may(key) {
		return nil
	}
	lo, hi := 0, len(l.rows)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if l.rows[mid].key < string(key) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(l.rows) && l.rows[lo].key == string(key) {
		return &l.rows[lo]
	}
	return nil
}
