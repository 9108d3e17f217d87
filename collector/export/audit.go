package export

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"demarc/collector/store"
)

// entry is one line of the audit log in a package. One that is withheld, since
// whoever asked may not read it, has its hash alone: the next one covers it.
type entry struct {
	Sequence uint64     `json:"sequence"`
	Time     *time.Time `json:"time,omitempty"`
	Who      string     `json:"who,omitempty"`
	What     string     `json:"what,omitempty"`
	On       string     `json:"on,omitempty"`
	Detail   string     `json:"detail,omitempty"`
	Withheld bool       `json:"withheld,omitempty"`
	Hash     string     `json:"hash"`
}

// probeRequest is what agents did at devices: its time is the agent's.
const probeRequest = "probe request"

const auditChunk = 1000 // entries read at once

// auditUntil is the last entry that was written by a moment of the collector's
// clock.
func auditUntil(ctx context.Context, log store.Audit, at time.Time) (uint64, error) {
	last, err := log.LastAudit(ctx)
	for to := last.Sequence; err == nil && to > 0; {
		from := to - min(to, auditChunk)
		var chunk []store.AuditEntry
		if chunk, err = log.AuditLog(ctx, from, int(to-from)); err != nil {
			break
		}
		for i := len(chunk) - 1; i >= 0; i-- {
			if e := &chunk[i]; e.Act.What != probeRequest && !e.Act.Time.After(at) {
				return e.Sequence, nil
			}
		}
		to = from
	}
	return 0, err
}

// writeAudit writes the log from its first entry through the last of a moment,
// and checks the chain as it goes. show tells which entries may be read.
func writeAudit(ctx context.Context, w io.Writer, log store.Audit, at time.Time, show func(*store.Act) bool) (l Log, err error) {
	through, err := auditUntil(ctx, log, at)
	if err != nil {
		return l, err
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	var last store.AuditEntry
	for last.Sequence < through {
		chunk, err := log.AuditLog(ctx, last.Sequence, int(min(auditChunk, through-last.Sequence)))
		if err != nil {
			return l, err
		}
		if len(chunk) == 0 {
			return l, fmt.Errorf("%w: the audit log ends at entry %d, and %d was there", store.ErrCorrupt, last.Sequence, through)
		}
		for i := range chunk {
			if err := store.VerifyAudit(last, chunk[i:i+1]); err != nil {
				return l, err
			}
			last = chunk[i]
			e := entry{Sequence: last.Sequence, Withheld: true, Hash: hex.EncodeToString(last.Hash[:])}
			if a := &last.Act; show(a) {
				e.Withheld, e.Time, e.Who, e.What, e.On, e.Detail = false, &a.Time, a.Who, a.What, a.On, a.Detail
				l.Whole++
			}
			if err := out.Encode(e); err != nil {
				return l, err
			}
		}
	}
	if l.Entries = last.Sequence; l.Entries > 0 {
		l.Last = hex.EncodeToString(last.Hash[:])
	}
	return l, nil
}

// about shows the acts on what has one of names.
func about(names map[string]bool) func(*store.Act) bool {
	return func(a *store.Act) bool {
		on := strings.Fields(a.On)
		for _, word := range on {
			if !names[word] {
				return false
			}
		}
		return len(on) > 0
	}
}

// readAudit works through a log that writeAudit wrote.
func readAudit(r io.Reader) (l Log, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	var last store.AuditEntry
	for lines.Scan() {
		if last, err = follow(last, lines.Bytes(), &l); err != nil {
			return l, err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return l, fmt.Errorf("the line behind entry %d is longer than %d bytes", last.Sequence, maxLine)
	}
	return l, lines.Err()
}

// follow checks the entry of a line against the one before.
func follow(last store.AuditEntry, line []byte, l *Log) (store.AuditEntry, error) {
	var e entry
	in := json.NewDecoder(bytes.NewReader(line))
	in.DisallowUnknownFields()
	if err := in.Decode(&e); err != nil || in.More() {
		return last, fmt.Errorf("the line behind entry %d is no entry", last.Sequence)
	}
	hash, err := hex.DecodeString(e.Hash)
	switch {
	case err != nil || len(hash) != len(store.Digest{}):
		return last, fmt.Errorf("entry %d has no hash", e.Sequence)
	case e.Sequence != last.Sequence+1:
		return last, fmt.Errorf("entry %d follows %d", e.Sequence, last.Sequence)
	case e.Withheld && (e.Time != nil || e.Who+e.What+e.On+e.Detail != ""):
		return last, fmt.Errorf("entry %d says that it is withheld, and is there", e.Sequence)
	case !e.Withheld && e.Time == nil:
		return last, fmt.Errorf("entry %d has no time", e.Sequence)
	}
	next := store.AuditEntry{Sequence: e.Sequence, Hash: store.Digest(hash)}
	if !e.Withheld {
		made := store.Chain(last, store.Act{Time: *e.Time, Who: e.Who, What: e.What, On: e.On, Detail: e.Detail})
		if made.Hash != next.Hash {
			return last, fmt.Errorf("entry %d was changed, or what stands before it", e.Sequence)
		}
		l.Whole++
	}
	l.Entries, l.Last = e.Sequence, e.Hash
	return next, nil
}
