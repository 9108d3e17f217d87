package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"
)

// Act is what a person or an agent did.
type Act struct {
	Time   time.Time `json:"time"`
	Who    string    `json:"who"`    // "agent agent-l4", "uid 1000 (ana)"
	What   string    `json:"what"`   // "token create", "policy apply"
	On     string    `json:"on"`     // what it was done to
	Detail string    `json:"detail"` // in words
}

// AuditEntry is an act in the log. Hash covers the entry and the hash before
// it, so that no entry can be changed, removed or put in without breaking
// every later one.
type AuditEntry struct {
	Sequence uint64 `json:"sequence"` // 1, 2, 3
	Act      Act    `json:"act"`
	Previous Digest `json:"previous"`
	Hash     Digest `json:"hash"`
}

// Chain makes the entry that follows prev; the zero entry comes before the
// first.
func Chain(prev AuditEntry, a Act) AuditEntry {
	a.Time = a.Time.UTC()
	e := AuditEntry{Sequence: prev.Sequence + 1, Act: a, Previous: prev.Hash}
	e.Hash = e.sum()
	return e
}

// sum hashes every field with its length before it.
func (e *AuditEntry) sum() (d Digest) {
	h := sha256.New()
	var n [8]byte
	put := func(v uint64) {
		binary.BigEndian.PutUint64(n[:], v)
		h.Write(n[:])
	}
	h.Write([]byte("demarc audit 1\x00"))
	h.Write(e.Previous[:])
	put(e.Sequence)
	put(uint64(e.Act.Time.UnixNano()))
	for _, s := range []string{e.Act.Who, e.Act.What, e.Act.On, e.Act.Detail} {
		put(uint64(len(s)))
		h.Write([]byte(s))
	}
	h.Sum(d[:0])
	return d
}

// VerifyAudit checks entries that follow prev (the zero entry for the front of
// the log). The error wraps ErrCorrupt and names the first bad one.
func VerifyAudit(prev AuditEntry, entries []AuditEntry) error {
	for _, e := range entries {
		switch {
		case e.Sequence != prev.Sequence+1:
			return fmt.Errorf("%w: audit entry %d follows %d", ErrCorrupt, e.Sequence, prev.Sequence)
		case e.Previous != prev.Hash:
			return fmt.Errorf("%w: audit entry %d does not continue the chain", ErrCorrupt, e.Sequence)
		case e.sum() != e.Hash:
			return fmt.Errorf("%w: audit entry %d was changed", ErrCorrupt, e.Sequence)
		}
		prev = e
	}
	return nil
}

// verifyChunk is how many entries VerifyLog reads at once.
const verifyChunk = 1000

// VerifyLog checks the whole log, and returns its last good entry. The error
// wraps ErrCorrupt where the chain is broken.
func VerifyLog(ctx context.Context, log Audit) (last AuditEntry, err error) {
	for {
		entries, err := log.AuditLog(ctx, last.Sequence, verifyChunk)
		if err != nil {
			return last, err
		}
		for i := range entries {
			if err := VerifyAudit(last, entries[i:i+1]); err != nil {
				return last, err
			}
			last = entries[i]
		}
		if len(entries) < verifyChunk {
			break
		}
	}
	end, err := log.LastAudit(ctx)
	if err == nil && end.Sequence < last.Sequence {
		err = fmt.Errorf("%w: the audit log ends at entry %d, and %d is there", ErrCorrupt, end.Sequence, last.Sequence)
	}
	return last, err
}
