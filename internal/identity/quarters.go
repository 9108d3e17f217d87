package identity

import (
	"time"

	"demarc/internal/ot"
	"demarc/internal/quarter"

	demarcv1 "demarc/proto/demarc/v1"
)

// kept is how much of the past every Book with records keeps quarter hours of,
// before the newest packet of a connection.
const kept = 48 * time.Hour

// KeepQuarters makes the Book keep what each quarter hour held for as long as a
// window lasts, and some time more. Time that came before now of agents whose
// clocks run ahead does not make it forget.
func (b *Book) KeepQuarters(window time.Duration) { b.horizon = max(kept, window+24*time.Hour) }

// At says what the clock shows, Unix nanoseconds, while the next bodies are
// applied.
func (b *Book) At(now int64) { b.now = now }

// quarter takes what d says of its quarter hour; of what was saved, all of it.
func (b *Book) quarter(r *rawConn, d *demarcv1.ConnectionDelta) {
	if !b.records.keep {
		if len(d.GetQuarters()) > 0 || d.GetQuartersDroppedNs() != 0 {
			r.quarters = *quarter.Restore(d.GetQuarters(), d.GetQuartersDroppedNs())
		}
		return
	}
	s := quarter.State{TLS: quarter.None, Outcome: ot.ParseOutcome(d.GetOutcome()), Security: modeOf(d.GetSecurity())}
	if d.GetTls() != "" {
		s.TLS = mk(clip(d.GetTls(), maxLabel))
	}
	switch d.GetOpenedBy() {
	case openers[1]:
		s.Opener = quarter.Client
	case openers[2]:
		s.Opener = quarter.Server
	}
	s.Payload = payloadOf(d)
	if !active(d) {
		r.quarters.Carry(s, d.GetLastNs())
		return
	}
	r.quarters.Add(quarter.Delta{
		First: d.GetFirstNs(), Last: d.GetLastNs(), State: s, Bytes: [2]uint64{d.GetClientBytes(), d.GetServerBytes()},
		Sessions: d.GetSessions(), Operations: d.GetOperations(),
	})
	newest := r.quarters.Newest()
	if b.now > 0 {
		newest = min(newest, b.now)
	}
	r.quarters.Trim(newest - int64(max(b.horizon, kept)))
}

func payloadOf(d *demarcv1.ConnectionDelta) (p quarter.Payload) {
	if d.ClientPayload == nil || d.ServerPayload == nil {
		p = quarter.Uncounted
	}
	if d.GetClientPayload() > 0 {
		p |= quarter.FromClient
	}
	if d.GetServerPayload() > 0 {
		p |= quarter.FromServer
	}
	return p
}

// active reports whether d counted anything.
func active(d *demarcv1.ConnectionDelta) bool {
	for _, n := range d.GetOperations() {
		if n > 0 {
			return true
		}
	}
	return d.GetClientPackets()|d.GetServerPackets()|d.GetClientBytes()|d.GetServerBytes()|d.GetSessions() != 0
}

func modeOf(s string) ot.SecurityMode {
	for m := ot.SecurityNone; m <= ot.SignAndEncrypt; m++ {
		if m.String() == s {
			return m
		}
	}
	return ot.SecurityUnknown
}

// Quarters is what each agent told of a connection's quarter hours. It is the
// Book's own: to be read before it changes.
func (b *Book) Quarters(id string) quarter.History {
	if l := b.links[id]; l != nil {
		return l.history()
	}
	return nil
}

// history is what each agent told of l's quarter hours: only to be read.
func (l *link) history() quarter.History {
	if len(l.raws) == 1 {
		return l.line[:]
	}
	h := make(quarter.History, len(l.raws))
	for i, r := range l.raws {
		h[i] = &r.quarters
	}
	return h
}
