package bundle

import (
	"bytes"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	demarcv1 "demarc/proto/demarc/v1"
)

func batch(n uint64) *demarcv1.ReportRequest {
	return &demarcv1.ReportRequest{Message: &demarcv1.ReportRequest_Batch{Batch: &demarcv1.Batch{Sequence: n, Body: []byte{1, 2, 3}}}}
}

func lost(from, to uint64) *demarcv1.ReportRequest {
	return &demarcv1.ReportRequest{Message: &demarcv1.ReportRequest_Lost{Lost: &demarcv1.Lost{From: from, To: to, Reason: "spool-full"}}}
}

func sign([]byte) ([]byte, error) { return []byte("signed"), nil }

func made(t testing.TB, first, last uint64, records ...*demarcv1.ReportRequest) []byte {
	t.Helper()
	data, err := Write(&demarcv1.BundleHead{Hello: &demarcv1.Hello{First: first, Last: last}}, records, sign)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestReadGivesWhatWasWritten(t *testing.T) {
	var sealed []byte
	data, err := Write(&demarcv1.BundleHead{Hello: &demarcv1.Hello{First: 7, Last: 12}}, []*demarcv1.ReportRequest{batch(7), lost(8, 11), batch(12)}, func(b []byte) ([]byte, error) {
		sealed = bytes.Clone(b)
		return sign(b)
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Read(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Records) != 3 || b.Records[1].GetLost().GetTo() != 11 || !bytes.Equal(b.Sealed, sealed) || string(b.Seal.GetSignature()) != "signed" {
		t.Errorf("%v", b)
	}
}

func TestReadRefuses(t *testing.T) {
	whole := made(t, 1, 2, batch(1), batch(2))
	for name, data := range map[string][]byte{
		"nothing":           nil,
		"something else":    []byte("PK\x03\x04"),
		"a hole":            made(t, 1, 3, batch(1), batch(3)),
		"a record twice":    made(t, 1, 2, batch(1), batch(1), batch(2)),
		"fewer than told":   made(t, 1, 3, batch(1), batch(2)),
		"more than told":    made(t, 1, 1, batch(1), batch(2)),
		"no records":        made(t, 1, 0),
		"a Lost backwards":  made(t, 5, 5, lost(5, 4)),
		"no record in it":   made(t, 1, 1, &demarcv1.ReportRequest{}),
		"something behind":  append(bytes.Clone(whole), 0),
		"cut before a seal": whole[:len(whole)-10],
		"too large":         append(bytes.Clone(whole), make([]byte, demarcv1.MaxBundle)...),
	} {
		if _, err := Read(data); !errors.Is(err, ErrForm) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := range whole {
		if _, err := Read(whole[:n]); !errors.Is(err, ErrForm) {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
	}
}

// The most that a spool gives at once fits: records of the smallest and of the
// largest kind, to the last byte of BundleRoom and one more record.
func TestFullestBundleIsRead(t *testing.T) {
	small := (demarcv1.BundleRoom - demarcv1.MaxBody) / MaxRecords
	var records []*demarcv1.ReportRequest
	size := 0
	for n := uint64(1); size < demarcv1.BundleRoom && len(records) < MaxRecords; n++ {
		r := batch(n)
		r.GetBatch().Digest, r.GetBatch().Body = make([]byte, 32), make([]byte, small)
		if len(records) == MaxRecords-1 {
			r.GetBatch().Body = make([]byte, demarcv1.MaxBody)
		}
		records = append(records, r)
		size += proto.Size(r)
	}
	data := made(t, 1, uint64(len(records)), records...)
	if b, err := Read(data); err != nil || len(b.Records) != len(records) {
		t.Errorf("%d records in %d bytes: %v", len(records), len(data), err)
	}
	r := batch(uint64(len(records)) + 1)
	r.GetBatch().Body = make([]byte, demarcv1.MaxBody)
	data = made(t, 1, uint64(len(records))+1, append(records, r)...)
	if _, err := Read(data); err != nil && len(records) < MaxRecords {
		t.Errorf("one more, of the largest: %v", err)
	}
}

// FuzzRead: never a panic, and what is read follows each other.
func FuzzRead(f *testing.F) {
	f.Add(made(f, 1, 2, batch(1), batch(2)))
	f.Add(made(f, 4, 9, lost(4, 8), batch(9)))
	f.Add([]byte(format))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Read(data)
		if err != nil {
			return
		}
		next := b.Head.GetHello().GetFirst()
		for _, r := range b.Records {
			from, to := Sequences(r)
			if from != next || to < from {
				t.Fatalf("%d to %d, want %d", from, to, next)
			}
			next = to + 1
		}
		if next != b.Head.GetHello().GetLast()+1 || !bytes.HasPrefix(data, b.Sealed) {
			t.Fatalf("ends before %d", next)
		}
	})
}
