package export

import (
	"bytes"
	"context"
	"encoding/json"
	"io"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// rowsOfPage is how many rows are asked for at once: the most that may be.
const rowsOfPage = 1000

// paged is an answer that may go on on another page.
type paged interface{ GetNextPageToken() string }

// each asks for a list as of a moment, page by page, and hands on every row.
func each[Q proto.Message, A paged, R any](ctx context.Context, at *timestamppb.Timestamp, ask func(context.Context, Q) (A, error), q Q, rows func(A) []R, do func(R) error) error {
	set(q, "page_size", protoreflect.ValueOfUint32(rowsOfPage))
	set(q, "as_of", protoreflect.ValueOfMessage(at.ProtoReflect()))
	for {
		a, err := ask(ctx, q)
		if err != nil {
			return err
		}
		for _, r := range rows(a) {
			if err := do(r); err != nil {
				return err
			}
		}
		if a.GetNextPageToken() == "" {
			return nil
		}
		set(q, "page_token", protoreflect.ValueOfString(a.GetNextPageToken()))
	}
}

// all is each for a list that fits into memory.
func all[Q proto.Message, A paged, R any](ctx context.Context, at *timestamppb.Timestamp, ask func(context.Context, Q) (A, error), q Q, rows func(A) []R) (list []R, err error) {
	err = each(ctx, at, ask, q, rows, func(r R) error { list = append(list, r); return nil })
	return list, err
}

// once hands on what was not handed on before, by its key.
func once[R any](key func(R) string, do func(R) error) func(R) error {
	seen := map[string]bool{}
	return func(r R) error {
		if seen[key(r)] {
			return nil
		}
		seen[key(r)] = true
		return do(r)
	}
}

func set(m proto.Message, name protoreflect.Name, v protoreflect.Value) {
	m.ProtoReflect().Set(m.ProtoReflect().Descriptor().Fields().ByName(name), v)
}

// array writes a JSON array, a line for each element.
type array struct {
	w io.Writer
	n int
}

func (a *array) add(m proto.Message) error {
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString(map[bool]string{true: "[\n", false: ",\n"}[a.n == 0])
	if err := json.Compact(&b, text); err != nil { // protojson's own spacing differs from build to build
		return err
	}
	a.n++
	_, err = a.w.Write(b.Bytes())
	return err
}

func (a *array) close() error {
	end := "\n]\n"
	if a.n == 0 {
		end = "[]\n"
	}
	_, err := io.WriteString(a.w, end)
	return err
}

// list writes what each hands it.
func list[M proto.Message](each func(do func(M) error) error) func(io.Writer) error {
	return func(w io.Writer) error {
		out := array{w: w}
		if err := each(func(m M) error { return out.add(m) }); err != nil {
			return err
		}
		return out.close()
	}
}

// listed writes a list that is in memory.
func listed[M proto.Message](rows []M) func(io.Writer) error {
	return list(func(do func(M) error) error {
		for _, r := range rows {
			if err := do(r); err != nil {
				return err
			}
		}
		return nil
	})
}
