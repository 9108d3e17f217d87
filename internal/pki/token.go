package pki

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"strings"
)

// Token lets one agent enrol once. It names the collector by its key, so that
// the agent gives the secret to nobody else.
//
//	"demarc1" base32( id 8 | secret 16 | fingerprint 32 | checksum 4 ), lower case
type Token struct {
	ID        [8]byte
	Secret    [16]byte
	Authority Fingerprint
}

const (
	tokenPrefix   = "demarc1"
	tokenBody     = 8 + 16 + sha256.Size
	tokenChecksum = 4
)

var tokenText = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewToken draws a token for the authority with fingerprint f.
func NewToken(f Fingerprint) (Token, error) {
	t := Token{Authority: f}
	var random [24]byte
	if _, err := rand.Read(random[:]); err != nil {
		return Token{}, fmt.Errorf("pki: draw a token: %w", err)
	}
	copy(t.ID[:], random[:8])
	copy(t.Secret[:], random[8:])
	return t, nil
}

// ParseToken reads the text form: white space around it and letter case do not
// matter. The error is ErrNotToken with what is wrong.
func ParseToken(s string) (Token, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	rest, ok := strings.CutPrefix(s, tokenPrefix)
	if !ok {
		return Token{}, fmt.Errorf("%w (it begins with %q)", ErrNotToken, tokenPrefix)
	}
	want := tokenText.EncodedLen(tokenBody + tokenChecksum)
	if len(rest) != want {
		return Token{}, fmt.Errorf("%w (%d characters, a token has %d)", ErrNotToken, len(s), len(tokenPrefix)+want)
	}
	b, err := tokenText.DecodeString(strings.ToUpper(rest))
	if err != nil || len(b) != tokenBody+tokenChecksum {
		return Token{}, fmt.Errorf("%w (letters a to z and digits 2 to 7 only)", ErrNotToken)
	}
	sum := checksum(b[:tokenBody])
	if subtle.ConstantTimeCompare(sum[:], b[tokenBody:]) != 1 {
		return Token{}, fmt.Errorf("%w (a character was changed)", ErrNotToken)
	}
	var t Token
	copy(t.ID[:], b[:8])
	copy(t.Secret[:], b[8:24])
	copy(t.Authority[:], b[24:tokenBody])
	return t, nil
}

// String is the text form that ParseToken reads. It holds the secret.
func (t Token) String() string {
	b := make([]byte, 0, tokenBody+tokenChecksum)
	b = append(b, t.ID[:]...)
	b = append(b, t.Secret[:]...)
	b = append(b, t.Authority[:]...)
	sum := checksum(b)
	b = append(b, sum[:]...)
	return tokenPrefix + strings.ToLower(tokenText.EncodeToString(b))
}

// Name is the public id of the token: what lists, logs and the store call it.
func (t Token) Name() string { return hex.EncodeToString(t.ID[:]) }

// Hash is what the collector keeps of the secret. The secret has 128 random
// bits, so that a plain hash cannot be searched.
func (t Token) Hash() [sha256.Size]byte {
	return sha256.Sum256(append([]byte("demarc token\x00"), t.Secret[:]...))
}

// Matches reports whether the token's secret has this hash.
func (t Token) Matches(hash []byte) bool {
	h := t.Hash()
	return subtle.ConstantTimeCompare(h[:], hash) == 1
}

func checksum(b []byte) (c [tokenChecksum]byte) {
	h := sha256.Sum256(b)
	copy(c[:], h[:])
	return c
}
