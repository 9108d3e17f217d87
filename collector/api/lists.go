package api

import (
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc/collector/boundary"
)

// oneOf refuses a filter that is none of the values.
func oneOf(what, value string, values []string) error {
	if value == "" || slices.Contains(values, value) {
		return nil
	}
	return status.Errorf(codes.InvalidArgument, "%s %q is not known: use %s", what, value, strings.Join(values, ", "))
}

func (s *Service) knownBoundary(name string) error {
	if name == "" || name == boundary.Internet {
		return nil
	}
	if _, ok := s.Plant.Policy().Boundary(name); ok && s.sees("Boundary", name, "") {
		return nil
	}
	var names []string
	for _, b := range s.Plant.Policy().Boundaries() {
		if s.sees("Boundary", b.Name, "") {
			names = append(names, b.Name)
		}
	}
	return status.Errorf(codes.InvalidArgument, "boundary %q is in no document: known are %s", name, orNone(names))
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none, apply documents first"
	}
	return strings.Join(names, ", ")
}

// idSet is the ids that a request names; nil is every row.
func idSet(ids []string) (map[string]bool, error) {
	if len(ids) > maxIDs {
		return nil, status.Errorf(codes.InvalidArgument, "%d ids, at most %d are taken", len(ids), maxIDs)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	set := make(map[string]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set, nil
}

// is reports whether a filter lets value through: an empty one does.
func is(filter, value string) bool { return filter == "" || filter == value }

// position orders rows as they stand in rows.
func position[T comparable](rows []T) column[T] {
	at := make(map[T]uint64, len(rows))
	for i, r := range rows {
		at[r] = uint64(i)
	}
	return func(k key, r T) key { return k.number(at[r]) }
}
