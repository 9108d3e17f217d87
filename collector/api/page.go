package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Bounds of a page and of what asks for one.
const (
	pageSize    = 100
	maxPageSize = 1000
	maxColumns  = 4
	maxToken    = 8 << 10
	maxIDs      = 1000
)

// column appends what a row is sorted by to a key.
type column[T any] func(k key, row T) key

// list is how rows of one kind are put in order and cut into pages. The order
// is total and a page begins behind the last row of the one before, so that
// rows which come and go meanwhile are neither shown twice nor left out.
type list[T any] struct {
	columns map[string]column[T]
	order   string    // by itself; empty is id alone
	id      column[T] // tells rows apart that are equal in every column
}

// paged is a request for a page.
type paged interface {
	proto.Message
	GetPageSize() uint32
	GetPageToken() string
	GetOrderBy() string
}

// page is what there is to show.
type page[T any] struct {
	rows  []T
	next  string
	total uint32
}

// row is one that may be on the page.
type row[T any] struct {
	key string
	of  T
}

// page cuts out of rows those that keep tells, by r's order and from its token
// on. It looks at each row once and holds two pages of them at most.
func (l list[T]) page(r paged, rows []T, keep func(T) bool) (page[T], error) {
	none := page[T]{}
	size := int(r.GetPageSize())
	switch {
	case size == 0:
		size = pageSize
	case size > maxPageSize:
		return none, status.Errorf(codes.InvalidArgument, "page_size %d: at most %d", size, maxPageSize)
	}
	order, err := l.sort(r.GetOrderBy())
	if err != nil {
		return none, err
	}
	after, err := openToken(r)
	if err != nil {
		return none, err
	}

	var p page[T]
	var found []row[T]
	var scratch key
	bound := "" // of the rows so far, those from here on are on no page
	for _, x := range rows {
		if !keep(x) {
			continue
		}
		p.total++
		scratch = order(scratch[:0], x, bound)
		// One more than a page tells whether there is a next one.
		if after != nil && bytes.Compare(scratch, after) <= 0 || bound != "" && string(scratch) >= bound {
			continue
		}
		if found = append(found, row[T]{string(scratch), x}); len(found) > 2*size {
			found = first(found, size+1)
			bound = found[size].key
		}
	}
	found = first(found, size+1)
	if len(found) > size {
		found = found[:size]
		p.next = sealToken(r, found[size-1].key)
	}
	p.rows = make([]T, len(found))
	for i := range found {
		p.rows[i] = found[i].of
	}
	return p, nil
}

// first sorts rows and keeps n.
func first[T any](rows []row[T], n int) []row[T] {
	slices.SortFunc(rows, func(a, b row[T]) int { return strings.Compare(a.key, b.key) })
	return rows[:min(n, len(rows))]
}

// sort reads "site, last_seen desc" and returns what makes a row's key, as far
// as needed to tell that it lies behind bound, where there is one.
func (l list[T]) sort(order string) (func(k key, row T, bound string) key, error) {
	if order == "" {
		order = l.order
	}
	var all []column[T]
	for part := range strings.SplitSeq(order, ",") {
		if order == "" {
			break
		}
		words := strings.Fields(part)
		known := len(words) > 0 && l.columns[words[0]] != nil
		switch {
		case known && len(words) == 1:
			all = append(all, l.columns[words[0]])
		case known && len(words) == 2 && words[1] == "desc":
			all = append(all, descending(l.columns[words[0]]))
		default:
			return nil, status.Errorf(codes.InvalidArgument, "order_by %q: name one of %s, or several with commas, each with desc behind it for the last first",
				cut(part, 100), strings.Join(sortedKeys(l.columns), ", "))
		}
		if len(all) > maxColumns {
			return nil, status.Errorf(codes.InvalidArgument, "order_by names more than %d columns", maxColumns)
		}
	}
	all = append(all, l.id)
	return func(k key, x T, bound string) key {
		for _, c := range all {
			k = c(k, x)
			if bound != "" && string(k[:min(len(k), len(bound))]) > bound {
				break
			}
		}
		return k
	}, nil
}

func descending[T any](c column[T]) column[T] {
	return func(k key, x T) key {
		from := len(k)
		k = c(k, x)
		for i := from; i < len(k); i++ {
			k[i] = ^k[i]
		}
		return k
	}
}

func sortedKeys[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// checkLength of the check in a token.
const checkLength = 8

// sealToken names the place behind a key in the list that r asks for. It is no
// secret; the check keeps it from being used with another filter or order.
func sealToken(r paged, k string) string {
	return base64.RawURLEncoding.EncodeToString(append(tokenCheck(r, []byte(k)), k...))
}

// openToken returns the key that r's token holds, nil for the first page.
func openToken(r paged) ([]byte, error) {
	token := r.GetPageToken()
	if token == "" {
		return nil, nil
	}
	if len(token) <= maxToken {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
		if err == nil && len(raw) > checkLength && bytes.Equal(raw[:checkLength], tokenCheck(r, raw[checkLength:])) {
			return raw[checkLength:], nil
		}
	}
	return nil, status.Error(codes.InvalidArgument, "page_token is not of this list, or of another filter or order: begin again without it")
}

// tokenCheck is made of all that r asks for but which page, and of the key.
func tokenCheck(r paged, k []byte) []byte {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s\n", r.ProtoReflect().Descriptor().FullName())
	asked := proto.Clone(r).ProtoReflect()
	for _, name := range []protoreflect.Name{"page_size", "page_token"} {
		asked.Clear(asked.Descriptor().Fields().ByName(name))
	}
	raw, _ := proto.MarshalOptions{Deterministic: true}.Marshal(asked.Interface()) // strings of a request are UTF-8
	_, _ = h.Write(raw)
	_, _ = h.Write([]byte{0})
	_, _ = h.Write(k)
	return h.Sum(nil)[:checkLength]
}

func cut(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}
