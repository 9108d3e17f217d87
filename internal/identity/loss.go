package identity

import (
	"demarc/internal/quarter"

	demarcv1 "demarc/proto/demarc/v1"
)

// lossKey tells losses apart: one entry for each quarter hour.
type lossKey struct {
	site, agent, reason, segment, detail sym
	quarter                              int64 // -1: all that found no room
}

type loss struct {
	num         uint64
	key         lossKey
	first, last int64
	count       uint64
}

type losses struct{ items map[lossKey]*loss }

func (l *losses) init() { l.items = map[lossKey]*loss{} }

// lost takes a loss that an agent told of.
func (b *Book) lost(site, agent sym, d *demarcv1.LossDelta) {
	k := lossKey{site, agent, mk(clip(d.GetReason(), maxLabel)), mk(clip(d.GetSegment(), maxLabel)), mk(clip(d.GetDetail(), maxValue)), max(d.GetFirstNs(), 0) / int64(quarter.Span)}
	b.count(k, d.GetFirstNs(), d.GetLastNs(), d.GetCount())
}

func (b *Book) count(k lossKey, first, last int64, n uint64) {
	l := b.losses.items[k]
	if l == nil && len(b.losses.items) >= maxLosses {
		k.agent, k.segment, k.detail, k.quarter = none, none, mk("more losses of this reason"), -1
		l = b.losses.items[k]
	}
	if l == nil {
		if len(b.losses.items) >= 2*maxLosses {
			return // more reasons than there can be
		}
		l = &loss{key: k}
		b.losses.items[k] = l
		b.number(&l.num)
	}
	l.first, l.last = widen(l.first, l.last, first, last)
	l.count += n
	b.records.mark(l.num, l)
}

// lose counts what the Book itself had no room for.
func (b *Book) lose(segment, detail string, first, last int64) {
	b.own("table-full", segment, "inventory: "+detail, first, last)
}

// refuse counts what could not be read.
func (b *Book) refuse(what string, at int64) { b.own("undecoded", "", "inventory: "+what, at, at) }

func (b *Book) own(reason, segment, detail string, first, last int64) {
	given := b.records.given // a number that is not for this
	b.records.given = 0
	first, last = widen(0, 0, first, last)
	b.count(lossKey{none, none, mk(reason), mk(segment), mk(clip(detail, maxValue)), first / int64(quarter.Span)}, first, last, 1)
	b.records.given = given
}

func (l *loss) record() Record {
	return Record{l.num, l.key.site.Value(), []Told{{l.key.agent.Value(), &demarcv1.Body{Losses: []*demarcv1.LossDelta{{
		Reason: l.key.reason.Value(), Segment: l.key.segment.Value(), Detail: l.key.detail.Value(), FirstNs: l.first, LastNs: l.last, Count: l.count,
	}}}}}}
}

func (l *loss) proto() *demarcv1.Loss {
	return &demarcv1.Loss{Reason: l.key.reason.Value(), Segment: l.key.segment.Value(), From: stamp(l.first), To: stamp(l.last), Count: l.count, Detail: l.key.detail.Value()}
}
