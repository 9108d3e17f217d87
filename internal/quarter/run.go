package quarter

import (
	"cmp"
	"slices"
	"unique"

	"demarc/internal/ot"
)

// State is what is the same through a run. Zero fields are not known.
type State struct {
	TLS      unique.Handle[string] // version; None when none shows
	Classes  ot.Classes            // operations that were counted
	Outcome  ot.Outcome
	Opener   Opener
	Security ot.SecurityMode
	Payload  Payload
}

// Payload says which ends sent any.
type Payload uint8

// Which ends sent payload, and that for some of it nobody looked.
const (
	Uncounted Payload = 1 << iota
	FromClient
	FromServer
)

// turned exchanges client and server.
func (p Payload) turned() Payload {
	t := p & Uncounted
	if p&FromClient != 0 {
		t |= FromServer
	}
	if p&FromServer != 0 {
		t |= FromClient
	}
	return t
}

// None is the TLS version of what shows none.
var None = unique.Make("")

// Opener says which end opened the latest session.
type Opener uint8

// Openers. Unknown is what no session showed.
const (
	Unknown Opener = iota
	Client
	Server
)

// Acting classes change what a device does: they are counted for each quarter
// hour exactly, and never folded while there is room.
const Acting = ot.Classes(1<<ot.Write | 1<<ot.Control | 1<<ot.Program | 1<<ot.Firmware | 1<<ot.Configure)

// Amount is how much a run holds together, and the most in one quarter hour.
type Amount struct{ Total, Most uint64 }

func (a *Amount) join(b Amount) { a.Total, a.Most = add(a.Total, b.Total), max(a.Most, b.Most) }

// more adds to what is one quarter hour.
func (a *Amount) more(n uint64) {
	a.Total = add(a.Total, n)
	a.Most = a.Total
}

func add(a, b uint64) uint64 {
	if a+b < a {
		return 1<<64 - 1
	}
	return a + b
}

// Operation is how often one class was counted.
type Operation struct {
	Class ot.Operation
	Amount
}

// Run is quarter hours without a pause, alike in their State.
type Run struct {
	First, Last int64 // packets, Unix nanoseconds
	State
	// Folded runs hold more than alike quarter hours because there was no room:
	// there may be pauses within, and State is what is known of all of it.
	Folded     bool
	Bytes      [2]Amount // from the client, from the server
	Sessions   Amount
	Operations []Operation // of Classes, ascending
}

func (r *Run) begin() int64 { return r.First / span }
func (r *Run) end() int64   { return r.Last / span }

// Quarters is how many quarter hours r spans.
func (r *Run) Quarters() int64 { return r.end() - r.begin() + 1 }

// add adds a delta of the quarter hour that r is.
func (r *Run) add(d *Delta) {
	r.First, r.Last = min(r.First, d.First), max(r.Last, d.Last)
	r.carry(&d.State)
	r.Outcome = max(r.Outcome, d.Outcome)
	r.Payload |= d.Payload
	for i := range r.Bytes {
		r.Bytes[i].more(d.Bytes[i])
	}
	r.Sessions.more(d.Sessions)
	for i, n := range d.Operations[:min(len(d.Operations), ot.NumOperations)] {
		if n > 0 {
			r.operation(ot.Operation(i)).more(n)
		}
	}
}

// carry takes what a state says newly.
func (r *Run) carry(s *State) {
	if s.Opener != Unknown {
		r.Opener = s.Opener
	}
	if s.Security != ot.SecurityUnknown {
		r.Security = s.Security
	}
	if s.TLS != None {
		r.TLS = s.TLS
	}
}

// operation finds or makes the count of a class.
func (r *Run) operation(o ot.Operation) *Amount {
	i, there := slices.BinarySearchFunc(r.Operations, o, func(x Operation, o ot.Operation) int { return cmp.Compare(x.Class, o) })
	if !there {
		r.Operations = slices.Insert(r.Operations, i, Operation{Class: o})
		r.Classes |= 1 << o
	}
	return &r.Operations[i].Amount
}

// alike reports whether q may be told as more of r: the same state, each acting
// class as often in every quarter hour, and, unless crowded, about as much of
// everything else.
func (r *Run) alike(q *Run, crowded bool) bool {
	if r.Folded || q.Folded || r.State != q.State || r.end()+1 != q.begin() {
		return false
	}
	n, m := uint64(r.Quarters()), uint64(q.Quarters())
	for i := range r.Operations {
		a, b := r.Operations[i].Amount, q.Operations[i].Amount
		switch exact := a.Most == b.Most && a.Total == n*a.Most && b.Total == m*b.Most; {
		case Acting.Has(r.Operations[i].Class) && !exact, !crowded && !near(a, b, n, m, 2):
			return false
		}
	}
	return crowded || near(r.Sessions, q.Sessions, n, m, 2) && near(r.Bytes[0], q.Bytes[0], n, m, 1024) && near(r.Bytes[1], q.Bytes[1], n, m, 1024)
}

// near reports whether two averages differ by a quarter at most, or by less
// than counts.
func near(a, b Amount, n, m, counts uint64) bool {
	x, y := a.Total/n, b.Total/m
	least, most := min(x, y), max(x, y)
	return most-least <= max(least/4, counts)
}

// join makes r one with the later q.
func (r *Run) join(q *Run) {
	r.First, r.Last = min(r.First, q.First), max(r.Last, q.Last)
	for i := range r.Bytes {
		r.Bytes[i].join(q.Bytes[i])
	}
	r.Sessions.join(q.Sessions)
	for i := range q.Operations {
		r.operation(q.Operations[i].Class).join(q.Operations[i].Amount)
	}
}

// fold makes r one with a later q that is not alike: of two states the one that
// claims less.
func (r *Run) fold(q *Run) {
	r.join(q)
	r.Folded = true
	r.Outcome = max(r.Outcome, q.Outcome)
	r.Payload |= q.Payload
	if r.Opener != q.Opener {
		r.Opener = Unknown
	}
	if r.Security == ot.SecurityUnknown || q.Security != ot.SecurityUnknown && q.Security < r.Security {
		r.Security = q.Security
	}
	if r.TLS == None || q.TLS != None && q.TLS.Value() < r.TLS.Value() {
		r.TLS = q.TLS
	}
}

// within bounds how much of a, which r counted, falls into quarter hours from
// to to (their numbers).
func (r *Run) within(a Amount, from, to int64) (low, high uint64) {
	n, k := r.Quarters(), min(r.end(), to)-max(r.begin(), from)+1
	switch {
	case k <= 0:
		return 0, 0
	case k >= n:
		return a.Total, a.Total
	}
	most := uint64(n-k) * a.Most
	if a.Most != 0 && most/a.Most != uint64(n-k) {
		most = a.Total
	}
	if a.Total > most {
		low = a.Total - most
	}
	high = a.Total
	if whole := uint64(k) * a.Most; whole/uint64(k) == a.Most {
		high = min(high, whole)
	}
	return low, high
}
