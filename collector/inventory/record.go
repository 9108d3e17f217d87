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
func (b *Book) Snapshot() []Record { return encode(b.ids.Records()) }

// Changed returns the records that are new, changed or gone since the last
// call, by ascending key.
func (b *Book) Changed() []Record { return encode(b.ids.ChangedRecords()) }

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

func encode(all []identity.Record) []Record {
	out := make([]Record, len(all))
	for i, r := range all {
		out[i].Key = r.Key
		if len(r.Told) == 0 {
			continue
		}
		v := protowire.AppendTag(nil, fieldSite, protowire.BytesType)
		v = protowire.AppendString(v, r.Site)
		for _, t := range r.Told {
			// It cannot fail: every text was made valid UTF-8 when it came in.
			body, _ := proto.MarshalOptions{Deterministic: true}.Marshal(t.Body)
			v = protowire.AppendString(protowire.AppendTag(v, fieldAgent, protowire.BytesType), t.Agent)
			v = protowire.AppendBytes(protowire.AppendTag(v, fieldBody, protowire.BytesType), body)
		}
		out[i].Value = v
	}
	return out
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
