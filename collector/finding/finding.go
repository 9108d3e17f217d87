// Package finding is the fifth stage: it groups what was judged into findings,
// one for each decision that a person must make. Give every judged connection
// and every changed asset to a Book, and save the records that changed.
package finding

import (
	"time"

	"demarc/collector/boundary"
	"demarc/collector/inventory"
	"demarc/collector/verdict"
	demarcv1 "demarc/proto/demarc/v1"
)

// Record is one finding as it is stored.
type Record = inventory.Record

// Book holds the findings. It is not safe for concurrent use.
type Book struct{}

// New returns an empty Book.
func New() *Book { return &Book{} }

// Update takes a connection that was judged anew and returns the ids of the
// findings that this changed.
func (b *Book) Update(p *boundary.Policy, c inventory.Connection, v verdict.Judged, now time.Time) []string {
	return nil
}

// RemoveConnection takes back a connection that is gone from the inventory
// because it was told under another key.
func (b *Book) RemoveConnection(id string, now time.Time) []string { return nil }

// UpdateAsset takes an asset that is new, changed or placed anew, with every
// address that it has.
func (b *Book) UpdateAsset(p *boundary.Policy, a *demarcv1.Asset, ends []inventory.End, now time.Time) []string {
	return nil
}

// RemoveAsset takes back an asset that was merged into another.
func (b *Book) RemoveAsset(id string, now time.Time) []string { return nil }

// All lists every finding, the most severe first; of equal severity by id.
func (b *Book) All() []*demarcv1.Finding { return nil }

// Get returns one finding.
func (b *Book) Get(id string) (*demarcv1.Finding, bool) { return nil, false }

// OfConnection lists the findings that a connection is a member of, sorted.
func (b *Book) OfConnection(id string) []string { return nil }

// OfAsset lists the findings that an asset is a member of, sorted.
func (b *Book) OfAsset(id string) []string { return nil }

// Snapshot returns every record, by ascending key.
func (b *Book) Snapshot() []Record { return nil }

// Changed returns the records that are new, changed or gone since the last
// call of Changed, by ascending key.
func (b *Book) Changed() []Record { return nil }

// Restore fills an empty Book with the records of another's Snapshot.
func (b *Book) Restore(records []Record) error { return nil }
