package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"demarc/internal/table"
)

// narrow is how every list may be searched and sorted.
type narrow struct{ search, sort string }

func (n *narrow) flags(c *cobra.Command) {
	c.Flags().StringVar(&n.search, "search", "", "only rows that hold all of these words, in any column")
	c.Flags().StringVar(&n.sort, "sort", "", `columns to sort by, as the interface names them: "site, last_seen desc"`)
}

// narrowConn asks for lists so narrowed.
type narrowConn struct {
	grpc.ClientConnInterface
	narrow *narrow
}

// Invoke implements grpc.ClientConnInterface.
func (n narrowConn) Invoke(ctx context.Context, method string, q, a any, o ...grpc.CallOption) error {
	asked, ok := q.(proto.Message)
	for _, x := range []struct {
		flag, value string
		field       protoreflect.Name
	}{{"search", n.narrow.search, "search"}, {"sort", n.narrow.sort, "order_by"}} {
		switch {
		case x.value == "":
		case !ok || field(asked, x.field) == nil:
			return fmt.Errorf("--%s: this list takes none", x.flag)
		default:
			set(asked, x.field, protoreflect.ValueOfString(x.value))
		}
	}
	return n.ClientConnInterface.Invoke(ctx, method, q, a, o...)
}

// ask is a method of a service that lists.
type ask[Q, A proto.Message] func(context.Context, Q, ...grpc.CallOption) (A, error)

// listCommand makes a command of a list: it asks r, which flags of c fill in, and
// shows the answer as rows.
func listCommand[Q, A proto.Message](at *place, c *cobra.Command, r Q, method func(grpc.ClientConnInterface) ask[Q, A], rows func(A) table.Table) *cobra.Command {
	format := "table"
	if c.Args == nil {
		c.Args = cobra.NoArgs
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := checkFormat(format); err != nil {
			return err
		}
		return at.call(c.Context(), func(ctx context.Context, conn grpc.ClientConnInterface) error {
			a, err := whole(ctx, method(conn), r)
			if err != nil {
				return err
			}
			return show(c.OutOrStdout(), format, a, func() table.Table { return rows(a) })
		})
	}
	c.Flags().StringVarP(&format, "output", "o", "table", "output: table, json or csv")
	at.narrow.flags(c)
	at.asOfFlag(c)
	return c
}
