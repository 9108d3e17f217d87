// Package inventory is the second stage: sightings of many agents become one
// inventory of assets and connections. Apply what agents report, judge what it
// says has changed, and save the records that changed so that a restart need
// not replay the journal.
package inventory

import (
	"iter"
	"time"

	"demarc/internal/identity"
	"demarc/internal/quarter"

	demarcv1 "demarc/proto/demarc/v1"
)

// End is one end of a connection as it is placed.
type End = identity.End

// Connection is a connection merged over the agents that saw it.
type Connection = identity.Connection

// Known is by what a device is known, Devices how judges learn it.
type (
	Known   = identity.Known
	Devices = identity.Devices
)

// Changes lists ids of what is new, changed or gone: look each up to tell.
type Changes = identity.Changes

// Book is the inventory of every site. It is not safe for concurrent use.
type Book struct{ ids *identity.Book }

// New returns an empty Book; nil space is identity.OneSpace.
func New(space identity.Space) *Book {
	b := &Book{ids: identity.New(space)}
	b.ids.KeepRecords()
	return b
}

// Apply takes what agent at site reported and returns what it changed. The cost
// is proportional to what body touches.
func (b *Book) Apply(site, agent string, body *demarcv1.Body) Changes {
	b.ids.Apply(site, agent, body)
	return b.ids.Changes()
}

// At says what the collector's clock shows, Unix nanoseconds, while the next
// reports are applied.
func (b *Book) At(now int64) { b.ids.At(now) }

// KeepQuarters makes the Book keep what each quarter hour of a connection held
// for as long as a window lasts.
func (b *Book) KeepQuarters(window time.Duration) { b.ids.KeepQuarters(window) }

// Quarters is what each quarter hour of a connection held: to be read before the
// Book changes.
func (b *Book) Quarters(connection string) quarter.History { return b.ids.Quarters(connection) }

// Settle derives what is still to be derived. Until the Book changes again, it
// may then be read by several goroutines at once.
func (b *Book) Settle() { b.ids.Settle() }

// SetSpace takes over a new mapping of addresses to spaces, derives everything
// again from the observations, and returns what that changed.
func (b *Book) SetSpace(space identity.Space) Changes {
	b.ids.SetSpace(space)
	return b.ids.Changes()
}

// Asset returns an asset made afresh; the caller may keep and change it.
func (b *Book) Asset(id string) (*demarcv1.Asset, bool) { return b.ids.Asset(id) }

// Assets lists the assets seen at site, of every site if empty, sorted.
func (b *Book) Assets(site string) []*demarcv1.Asset { return b.ids.Assets(site) }

// Ends says where each address of an asset stands.
func (b *Book) Ends(asset string) []End { return b.ids.Ends(asset) }

// Link is the segment that an asset with a MAC of its own stands in, and when the
// asset was heard last, Unix nanoseconds.
func (b *Book) Link(asset string) (site, segment string, last int64) { return b.ids.Link(asset) }

// AskedPrefix begins the sources of what devices said because they were asked.
const AskedPrefix = identity.AskedPrefix

// Asked reports whether an asset, or one of its parts, was asked by an agent.
func (b *Book) Asked(asset string) bool { return b.ids.Asked(asset) }

// Known is by what an asset is known.
func (b *Book) Known(asset string) Known { return b.ids.Known(asset) }

// Roles names the roles of an asset that are more than a hint, sorted.
func (b *Book) Roles(asset string) []string { return b.ids.Roles(asset) }

// SiteOf is the site of an asset, as Asset tells it.
func (b *Book) SiteOf(asset string) string { return b.ids.SiteOf(asset) }

// Connection returns a connection made afresh.
func (b *Book) Connection(id string) (Connection, bool) { return b.ids.Connection(id) }

// Ref is where a Book has a connection; its zero value is nowhere yet.
type Ref = identity.Ref

// Placed returns a connection without its Data and Agents, for who has them
// since the Book changed last. r makes finding it again quick.
func (b *Book) Placed(id string, r *Ref) (Connection, bool) { return b.ids.Placed(id, r) }

// Devices tells what is known of assets.
func (b *Book) Devices() Devices { return b.ids }

// Connections ranges over every connection in no particular order. The Book
// must not be changed meanwhile.
func (b *Book) Connections() iter.Seq[Connection] { return b.ids.Connections() }

// ConnectionsOf lists the ids of an asset's connections, sorted.
func (b *Book) ConnectionsOf(asset string) []string { return b.ids.ConnectionsOf(asset) }

// Inventory lists everything, sorted.
func (b *Book) Inventory() *demarcv1.Inventory { return b.ids.Inventory() }

// Said is what a person decided of some addresses.
type Said = identity.Said

// Say takes what a person decided and returns what that changed. It is kept for
// as long as the Book; records do not hold it.
func (b *Book) Say(s Said) Changes {
	b.ids.Say(s)
	return b.ids.Changes()
}

// Addresses lists every address of an asset; nil when there is no such asset.
func (b *Book) Addresses(asset string) []identity.Of { return b.ids.Addresses(asset) }

// Presence says whether an asset is there, and how many of the hours of the
// week in which it was heard before went by without it. until tells to what
// time (Unix nanoseconds) an agent has listened; nothing changes until those
// that know the asset have listened to the time holds, or one hears it.
func (b *Book) Presence(asset string, until func(site, agent string) int64) (p identity.Presence, missed, of, holds int64) {
	return b.ids.Presence(asset, until)
}

// Seen is one address, or one connection, as it was heard on one segment.
type Seen = identity.Seen

// Seen lists where the addresses of an asset were heard.
func (b *Book) Seen(asset string) []Seen { return b.ids.Seen(asset) }

// SeenConnection lists where a connection was heard, once for each agent.
func (b *Book) SeenConnection(id string) []Seen { return b.ids.SeenConnection(id) }
