package pki

import (
	"errors"
	"strings"
)

// What enrolling and reporting can be refused for. The texts say what to do,
// because they are shown as they are on the agent's machine.
var (
	ErrNotToken     = errors.New("not a token: copy the whole line that `demarc-collector token create` printed")
	ErrForeignToken = errors.New("the token was made by another collector: make a new one with `demarc-collector token create` on the collector that this agent shall report to")
	ErrUsedToken    = errors.New("the token was used before and works once: make a new one with `demarc-collector token create`")
	ErrExpiredToken = errors.New("the token has expired: make a new one with `demarc-collector token create`")
	ErrUnknownToken = errors.New("the collector does not know the token: make a new one with `demarc-collector token create`")
	ErrForeignPeer  = errors.New("the certificate is not of this agent's collector: enrol again with a token of the collector that answers here")
	ErrNoIdentity   = errors.New("no agent certificate: enrol with `demarc-agent enroll --token TOKEN`")
	ErrUnknownAgent = errors.New("the collector does not know this agent: enrol it again with a token of `demarc-collector token create`")
	ErrRevoked      = errors.New("the agent's certificate was revoked: enrol it again with a token of `demarc-collector token create`")
)

var refusals = []error{
	ErrNotToken, ErrForeignToken, ErrUsedToken, ErrExpiredToken, ErrUnknownToken,
	ErrForeignPeer, ErrNoIdentity, ErrUnknownAgent, ErrRevoked,
}

// Cause finds the refusal behind an error that crossed gRPC or a TLS
// handshake, where only the text survives. An error that is none of this
// package's is returned as it is.
func Cause(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, r := range refusals {
		if errors.Is(err, r) || strings.Contains(text, r.Error()) {
			return r
		}
	}
	// Go's own words for a chain that ends in another authority: seen by the
	// agent when the server is not its collector, sent by the collector as an
	// alert when the agent is not its own (RFC 8446, 6.2).
	for _, s := range []string{"signed by unknown authority", "unknown certificate authority"} {
		if strings.Contains(text, s) {
			return ErrForeignPeer
		}
	}
	return err
}
