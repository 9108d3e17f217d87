// Package bundle is the form of the files that carry what an agent saw to a
// collector that it has no way to (uplink.proto, BundlePart): numbered records
// between a head, which says whose they are, and a seal, the agent's signature.
package bundle

import (
	"bytes"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	demarcv1 "demarc/proto/demarc/v1"
)

const format = "demarc-bundle 1\n"

// MaxRecords is how many records a bundle may hold: what is around each of them
// then fits beside BundleRoom.
const MaxRecords = 100_000

var (
	// ErrForm is returned for what is no bundle.
	ErrForm = errors.New("not a bundle of demarc-agent export")
	errEnd  = errors.New("the file ends too early: copy it again")
)

// Bundle is a file that was read. Nothing of it is believed before the seal is.
type Bundle struct {
	Head    *demarcv1.BundleHead
	Records []*demarcv1.ReportRequest
	Sealed  []byte // what the signature is of
	Seal    *demarcv1.BundleSeal
}

// Name is what the file is called.
func Name(agent string, first, last uint64) string {
	return fmt.Sprintf("%s-%012d-%012d.demarc", agent, first, last)
}

// Write makes a bundle; sign signs what is before the seal.
func Write(head *demarcv1.BundleHead, records []*demarcv1.ReportRequest, sign func(sealed []byte) ([]byte, error)) ([]byte, error) {
	out := []byte(format)
	out, err := add(out, &demarcv1.BundlePart{Part: &demarcv1.BundlePart_Head{Head: head}})
	for i := 0; err == nil && i < len(records); i++ {
		out, err = add(out, &demarcv1.BundlePart{Part: &demarcv1.BundlePart_Record{Record: records[i]}})
	}
	if err != nil {
		return nil, err
	}
	signature, err := sign(out)
	if err != nil {
		return nil, err
	}
	return add(out, &demarcv1.BundlePart{Part: &demarcv1.BundlePart_Seal{Seal: &demarcv1.BundleSeal{Signature: signature}}})
}

func add(out []byte, p *demarcv1.BundlePart) ([]byte, error) {
	b, err := proto.Marshal(p)
	return protowire.AppendBytes(out, b), err
}

// Read takes a file apart: a head, records that follow each other from its
// first sequence to its last, a seal, and nothing behind it.
func Read(data []byte) (*Bundle, error) {
	if len(data) > demarcv1.MaxBundle {
		return nil, fmt.Errorf("%w: %d bytes, a bundle has %d at most", ErrForm, len(data), demarcv1.MaxBundle)
	}
	rest, ok := bytes.CutPrefix(data, []byte(format))
	if !ok {
		return nil, fmt.Errorf("%w: it does not begin with %q", ErrForm, format[:len(format)-1])
	}
	b := &Bundle{}
	for b.Seal == nil {
		raw, n := protowire.ConsumeBytes(rest)
		if n < 0 {
			return nil, fmt.Errorf("%w: %w", ErrForm, errEnd)
		}
		part := &demarcv1.BundlePart{}
		if err := proto.Unmarshal(raw, part); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrForm, err)
		}
		b.Sealed = data[:len(data)-len(rest)]
		rest = rest[n:]
		if err := b.take(part); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrForm, err)
		}
	}
	switch hello := b.Head.GetHello(); {
	case len(rest) > 0:
		return nil, fmt.Errorf("%w: %d bytes behind its seal", ErrForm, len(rest))
	case hello.GetFirst() == 0 || hello.GetFirst() > hello.GetLast() || b.next() != hello.GetLast()+1:
		return nil, fmt.Errorf("%w: it says that it holds %d to %d, and ends before %d", ErrForm, hello.GetFirst(), hello.GetLast(), b.next())
	}
	return b, nil
}

func (b *Bundle) take(part *demarcv1.BundlePart) error {
	switch p := part.GetPart().(type) {
	case *demarcv1.BundlePart_Head:
		if b.Head == nil {
			b.Head = p.Head
			return nil
		}
	case *demarcv1.BundlePart_Record:
		if from, to := Sequences(p.Record); b.Head == nil || from != b.next() || to < from || to > b.Head.GetHello().GetLast() || len(b.Records) == MaxRecords {
			return fmt.Errorf("a record of %d to %d in the place of %d", from, to, b.next())
		}
		b.Records = append(b.Records, p.Record)
		return nil
	case *demarcv1.BundlePart_Seal:
		if b.Head != nil {
			b.Seal = p.Seal
			return nil
		}
	}
	return errors.New("a part that does not belong there")
}

// next is the sequence that a record must begin with.
func (b *Bundle) next() uint64 {
	if len(b.Records) == 0 {
		return b.Head.GetHello().GetFirst()
	}
	_, to := Sequences(b.Records[len(b.Records)-1])
	return to + 1
}

// Sequences are those that a record fills; 0 to 0 for what is none.
func Sequences(r *demarcv1.ReportRequest) (from, to uint64) {
	if l := r.GetLost(); l != nil {
		return l.GetFrom(), l.GetTo()
	}
	return r.GetBatch().GetSequence(), r.GetBatch().GetSequence()
}
