package api

import (
	"context"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Bearer is the token in an Authorization header (RFC 6750), "" if it holds
// none.
func Bearer(header string) string {
	kind, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(kind, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// OfBearer finds who calls over TLS from another machine: by a token of the
// API in the call's metadata.
func (a *Accounts) OfBearer(ctx context.Context) (Principal, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	all := md.Get("authorization")
	if len(all) != 1 || Bearer(all[0]) == "" {
		return Principal{}, status.Error(codes.Unauthenticated, "calls from another machine need a token of the API: make one with `demarc-collector token api create`, and give its file with --token-file")
	}
	return a.OfToken(ctx, Bearer(all[0]))
}
