package main

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// pageOfCommand is how many rows are asked for at a time: the most that there
// may be.
const pageOfCommand = 1000

// whole asks for every page of a list and puts them together.
func whole[Q, A proto.Message](ctx context.Context, ask func(context.Context, Q, ...grpc.CallOption) (A, error), r Q) (A, error) {
	set(r, "page_size", protoreflect.ValueOfUint32(pageOfCommand))
	all, err := ask(ctx, r)
	for err == nil {
		token := all.ProtoReflect().Get(field(all, "next_page_token"))
		if token.String() == "" {
			break
		}
		set(r, "page_token", token)
		var next A
		if next, err = ask(ctx, r); err != nil {
			break
		}
		set(all, "next_page_token", protoreflect.ValueOfString(""))
		proto.Merge(all, next)
	}
	return all, err
}

func field(m proto.Message, name protoreflect.Name) protoreflect.FieldDescriptor {
	return m.ProtoReflect().Descriptor().Fields().ByName(name)
}

func set(m proto.Message, name protoreflect.Name, v protoreflect.Value) {
	m.ProtoReflect().Set(field(m, name), v)
}
