package api

import (
	"context"
	"testing"

	"demarc/collector/store"
)

// reader is a context in which somebody reads who may read everything.
func reader(t testing.TB) context.Context {
	t.Helper()
	return As(t.Context(), Principal{Name: "rita", Roles: []store.Grant{{Role: store.Auditor}}})
}
