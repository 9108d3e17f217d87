// Package finding is the fifth stage: it groups what was judged into findings,
// one for each decision that a person must make. Give every judged connection
// and every changed asset to a Book, and save the records that changed.
//
// A new kind of finding is a constant and a case of groupOf, its words in
// words.go and its severity in severity.go.
package finding

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"demarc/collector/boundary"
	"demarc/collector/inventory"
	"demarc/collector/verdict"
	demarcv1 "demarc/proto/demarc/v1"
)

// finding is one decision with everything that calls for it.
type finding struct {
	decision
	key     uint64 // of its record
	id      string
	group   group
	conns   map[string]*member
	assets  map[string]*member
	leftOff int   // members past maxMembers, never listed
	idle    *idle // of what nothing uses; nil for other kinds

	shown *demarcv1.Finding // nil when a member changed since
}

// maxMembers is how many connections or assets a finding lists; the inventory
// bounds how many there are at all.
const maxMembers = 10000

// Book holds the findings. It is not safe for concurrent use.
type Book struct {
	findings map[string]*finding
	conns    map[string]string   // connection -> finding
	assets   map[string][]string // asset -> findings, sorted
	next     uint64
	dirty    map[uint64]string // record key -> finding, since the last call of Changed
	touched  map[string]bool   // findings changed by the call under way
	moved    map[string]bool   // findings changed since the last call of Moved; nil: nobody follows
	now      time.Time         // of the record under way, by the collector's clock
	ends     deadlines
	tries    tries
	spares   []*member
}

var none = boundary.Empty()

// New returns an empty Book.
func New() *Book {
	return &Book{
		findings: make(map[string]*finding), conns: make(map[string]string), assets: make(map[string][]string),
		dirty: make(map[uint64]string), touched: make(map[string]bool), tries: make(tries),
	}
}

// Update takes a connection that was judged anew and returns the ids of the
// findings that this changed, sorted; also of those that are gone.
//
// A connection that is covered now stays listed as past: its finding waits for
// a person. But where better sight shows that it never belonged there (its
// protocol, direction, outcome or place was told wrong at first), it is taken
// back, and a finding that then has nothing left, and that nobody has decided
// on, is gone.
func (b *Book) Update(p *boundary.Policy, c inventory.Connection, v verdict.Judged, now time.Time) []string {
	if p == nil {
		p = none
	}
	_, had := b.conns[c.ID]
	b.take(c.ID, new(Sorter).Sort(p, c, &v, now, had))
	return b.told()
}

// Take is Update for what a Sorter made of the connection. It returns the
// findings that the connection is a member of now, only to be read, and the
// connections that this moved from one finding to another.
func (b *Book) Take(connection string, e Entry) (in, moved []string) {
	in, moved = b.take(connection, e)
	clear(b.touched)
	return in, moved
}

func (b *Book) take(connection string, e Entry) (in, moved []string) {
	n := e.in
	if n != nil {
		n, moved = b.alike(n, e.member)
	}
	old, had := b.conns[connection]
	if had && (n == nil || old != n.id) {
		b.leave(old, connection, e.member, false)
		delete(b.conns, connection)
	}
	if n == nil {
		b.spare(e.member)
		return nil, moved
	}
	if !b.join(n.id, n.group, connection, e.member, false, old == n.id) {
		b.spare(e.member)
	}
	if old != n.id {
		b.conns[connection] = n.id
	}
	return n.ids, moved
}

// RemoveConnection takes back a connection that is gone from the inventory
// because it was told under another key.
func (b *Book) RemoveConnection(id string, _ time.Time) []string {
	if f, had := b.conns[id]; had {
		b.leave(f, id, nil, false)
		delete(b.conns, id)
	}
	return b.told()
}

// leave takes a member out of finding id: now is what is known of it, nil when
// it was never real.
func (b *Book) leave(id, name string, now *member, asset bool) {
	f := b.findings[id]
	if f == nil {
		return
	}
	list := f.list(asset)
	m := list[name]
	switch {
	case m == nil:
		f.leftOff = max(0, f.leftOff-1)
	case now == nil || now.Policy == m.Policy && now.Sight != m.Sight && f.group.Kind != ProbeDifference:
		b.tries.count(f, m, -1)
		delete(list, name)
	default:
		b.retire(f, list, name)
	}
	b.ceaseEmpty(f)
	if len(f.conns)+len(f.assets)+f.leftOff == 0 && !f.touched() {
		delete(b.findings, id)
	}
	b.touch(f)
}

// retire makes a member past: it stays listed.
func (b *Book) retire(f *finding, list map[string]*member, name string) {
	m := list[name]
	b.tries.count(f, m, -1)
	past := *m
	past.Past = true
	list[name] = &past
	b.touch(f)
}

// join makes name a member of finding id; known says that it is one already. It
// reports whether it kept m.
func (b *Book) join(id string, g group, name string, m *member, asset, known bool) bool {
	f := b.findings[id]
	if f == nil {
		f = b.raise(id, g)
	}
	list := f.list(asset)
	old := list[name]
	if old != nil && old.equal(m) {
		return false
	}
	if old == nil && !known || old != nil && old.Past {
		cause := "a new member: " + noun(asset) + " " + name
		if f.Ceased != nil {
			b.again(f, cause)
		}
		if f.settled() {
			b.reopen(f, EventReopened, cause)
		}
	} else if f.settled() && m.otherwise(old) {
		b.reopen(f, EventReopened, noun(asset)+" "+name+" differs otherwise than when that was decided")
	} else if f.returned(m) {
		b.reopen(f, EventReopened, noun(asset)+" "+name+" was seen again after it was closed as "+f.Closed.Reason)
	}
	if old == nil && len(list) >= maxMembers {
		if !known {
			f.leftOff++
			b.touch(f)
		}
		return false
	}
	if old != nil {
		b.tries.count(f, old, -1)
	}
	b.tries.count(f, m, 1)
	list[name] = m
	b.touch(f)
	return true
}

// raise makes a finding without members.
func (b *Book) raise(id string, g group) *finding {
	b.next++
	f := &finding{key: b.next, id: id, group: g, conns: make(map[string]*member), assets: make(map[string]*member)}
	f.Status, f.Raised, f.Since = Open, b.now.UnixNano(), b.now.UnixNano()
	b.findings[id] = f
	b.touch(f)
	return f
}

func noun(asset bool) string {
	if asset {
		return "asset"
	}
	return "connection"
}

func (f *finding) list(asset bool) map[string]*member {
	if asset {
		return f.assets
	}
	return f.conns
}

func (b *Book) touch(f *finding) {
	f.shown = nil
	b.dirty[f.key] = f.id
	b.touched[f.id] = true
	if b.moved != nil {
		b.moved[f.id] = true
	}
}

// Follow lets Moved tell what changes from now on.
func (b *Book) Follow() { b.moved = make(map[string]bool) }

// Moved lists the findings that changed since the last call, also those that are
// gone, sorted.
func (b *Book) Moved() []string {
	if len(b.moved) == 0 {
		return nil
	}
	ids := slices.Sorted(maps.Keys(b.moved))
	clear(b.moved)
	return ids
}

// Revision is that of a finding; 0 where there is none.
func (b *Book) Revision(id string) uint64 {
	if f := b.findings[id]; f != nil {
		return f.revision()
	}
	return 0
}

func (b *Book) told() []string {
	if len(b.touched) == 0 {
		return nil
	}
	ids := slices.Sorted(maps.Keys(b.touched))
	clear(b.touched)
	return ids
}

// All lists every finding, the most severe first; of equal severity by id. The
// findings are the Book's own: read only.
func (b *Book) All() []*demarcv1.Finding {
	all := make([]*demarcv1.Finding, 0, len(b.findings))
	for _, f := range b.findings {
		all = append(all, f.show())
	}
	slices.SortFunc(all, func(x, y *demarcv1.Finding) int {
		return cmp.Or(cmp.Compare(y.Severity, x.Severity), strings.Compare(x.Id, y.Id))
	})
	return all
}

// Get returns one finding, read only.
func (b *Book) Get(id string) (*demarcv1.Finding, bool) {
	if f := b.findings[id]; f != nil {
		return f.show(), true
	}
	return nil, false
}

// OfConnection lists the findings that a connection is a member of now.
func (b *Book) OfConnection(id string) []string {
	if f, had := b.conns[id]; had {
		return []string{f}
	}
	return nil
}

// OfAsset lists the findings that an asset is a member of now, sorted.
func (b *Book) OfAsset(id string) []string { return slices.Clone(b.assets[id]) }
