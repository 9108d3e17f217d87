package inventory

import (
	"errors"
	"fmt"

	"demarc/internal/identity"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	demarcv1 "demarc/proto/demarc/v1"
)

// Record is one raw observation as it is stored. Keys ascend as observations
// are made; a Book gives none twice.
type Record struct {
	Key   uint64
	Value []byte // nil: the record is gone
}

// Fields of a Record's value, in protobuf's wire format: the site once, then
// for each agent its name and the Body that makes the observation again.
const (
	fieldSite  = 1
	fieldAgent = 2
	fieldBody  = 3
)

// Snapshot returns every record, by ascending key.
func (b *Book) Snapshot() []Record { return encodeAll(b.ids.Records()) }

// Changed returns the records that are new, changed or gone since the last
// call, or the last Draft, by ascending key.
func (b *Book) Changed() []Record { return encodeAll(b.ids.ChangedRecords()) }

// Draft is records that are made some at a time, in no order.
type Draft struct{ list []identity.Draft }

// Draft lists the records that are new, changed or gone since the last one, or
// every record. The Book may change before they are made: what does is in the
// next Draft again.
func (b *Book) Draft(whole bool) *Draft { return &Draft{b.ids.Drafts(whole)} }

// Len is how many records are left.
func (d *Draft) Len() int { return len(d.list) }

// Next makes some records, n at most.
func (d *Draft) Next(n int) []Record {
	n = min(n, len(d.list))
	all := make([]Record, n)
	for i, x := range d.list[:n] {
		all[i] = encode(x.Record())
	}
	d.list = d.list[n:]
	return all
}

func encodeAll(all []identity.Record) []Record {
	out := make([]Record, len(all))
	for i, r := range all {
		out[i] = encode(r)
	}
	return out
}

// Restore fills an empty Book with the records of another's Snapshot. On an
// error the Book is not to be used.
func (b *Book) Restore(records []Record) error {
	all := make([]identity.Record, 0, len(records))
	for _, r := range records {
		d, err := decode(r)
		if err != nil {
			return fmt.Errorf("inventory: record %d: %w", r.Key, err)
		}
		all = append(all, d)
	}
	b.ids.Restore(all)
	b.ids.Changes()
	return nil
}

func encode(r identity.Record) Record {
	if len(r.Told) == 0 {
		return Record{Key: r.Key}
	}
	v := protowire.AppendTag(nil, fieldSite, protowire.BytesType)
	v = protowire.AppendString(v, r.Site)
	for _, t := range r.Told {
		// It cannot fail: every text was made valid UTF-8 when it came in.
		body, _ := proto.MarshalOptions{Deterministic: true}.Marshal(t.Body)
		v = protowire.AppendString(protowire.AppendTag(v, fieldAgent, protowire.BytesType), t.Agent)
		v = protowire.AppendBytes(protowire.AppendTag(v, fieldBody, protowire.BytesType), body)
	}
	return Record{Key: r.Key, Value: v}
}

var errRecord = errors.New("not the value of a record")

func decode(r Record) (identity.Record, error) {
	out := identity.Record{Key: r.Key}
	agent := ""
	for v := r.Value; len(v) > 0; {
		num, kind, n := protowire.ConsumeTag(v)
		if n < 0 || kind != protowire.BytesType {
			return out, errRecord
		}
		text, m := protowire.ConsumeBytes(v[n:])
		if m < 0 {
			return out, errRecord
		}
		v = v[n+m:]
		switch num {
		case fieldSite:
			out.Site = string(text)
		case fieldAgent:
			agent = string(text)
		case fieldBody:
			body := &demarcv1.Body{}
			if err := proto.Unmarshal(text, body); err != nil {
				return out, err
			}
			out.Told = append(out.Told, identity.Told{Agent: agent, Body: body})
		default:
			return out, errRecord
		}
	}
	if len(out.Told) == 0 {
		return out, errRecord
	}
	return out, nil
}
