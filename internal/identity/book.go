package identity

import (
	"iter"

	demarcv1 "demarc/proto/demarc/v1"
)

// Book holds observations and what is derived from them. It is not safe for
// concurrent use.
type Book struct {
	space Space
}

// New returns an empty Book; nil space is OneSpace.
func New(space Space) *Book {
	if space == nil {
		space = OneSpace
	}
	return &Book{space: space}
}

// Apply takes what agent at site reported; agent is empty for a capture that
// is read without one. Bodies of one agent come in the order it made them;
// between agents any order gives the same inventory.
func (b *Book) Apply(site, agent string, body *demarcv1.Body) {}

// SetSpace takes over a new mapping and derives everything again.
func (b *Book) SetSpace(space Space) { b.space = space }

// Changes returns what changed since the last call.
func (b *Book) Changes() Changes { return Changes{} }

// Inventory lists everything: same observations, same bytes.
func (b *Book) Inventory() *demarcv1.Inventory { return &demarcv1.Inventory{} }

// Asset returns an asset made afresh; the caller may keep and change it.
func (b *Book) Asset(id string) (*demarcv1.Asset, bool) { return nil, false }

// Assets lists the assets seen at site, of every site if empty, sorted.
func (b *Book) Assets(site string) []*demarcv1.Asset { return nil }

// Connection returns a connection made afresh.
func (b *Book) Connection(id string) (Connection, bool) { return Connection{}, false }

// Connections ranges over every connection in no particular order. The Book
// must not be changed meanwhile.
func (b *Book) Connections() iter.Seq[Connection] { return func(func(Connection) bool) {} }

// ConnectionsOf lists the ids of an asset's connections, sorted.
func (b *Book) ConnectionsOf(asset string) []string { return nil }
