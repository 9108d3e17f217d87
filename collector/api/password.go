package api

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"unicode/utf8"

	"demarc/collector/store"
)

// Passwords are kept as PBKDF2-HMAC-SHA-256 with as many rounds as OWASP's
// cheat sheet asks for (2023). Length is what is asked of them, and nothing
// about which characters (NIST SP 800-63B 5.1.1.2).
const (
	rounds      = 600_000
	minPassword = 12   // characters
	maxPassword = 1024 // bytes
)

// hashing bounds how many passwords are worked on at once: each takes a core
// for a tenth of a second or two.
var hashing = make(chan struct{}, 2)

func checkPassword(text string) error {
	switch n := utf8.RuneCountInString(text); {
	case !utf8.ValidString(text):
		return errors.New("the password is no UTF-8")
	case n < minPassword:
		return fmt.Errorf("a password of %d characters: at least %d, of any kind; a few words do", n, minPassword)
	case len(text) > maxPassword:
		return fmt.Errorf("a password of %d bytes: at most %d", len(text), maxPassword)
	}
	return nil
}

// hashPassword makes what is kept of a password.
func hashPassword(text string) (*store.Password, error) {
	p := &store.Password{Rounds: rounds, Salt: make([]byte, 16)}
	_, _ = rand.Read(p.Salt) // never fails: crypto/rand ends the program instead
	var err error
	p.Sum, err = derive(text, p)
	return p, err
}

// verify reports whether text is the password; nil is nobody's, and takes as
// long to say so.
func verify(p *store.Password, text string) bool {
	kept := p
	if kept == nil {
		kept = &store.Password{Rounds: rounds, Salt: make([]byte, 16), Sum: make([]byte, sha256.Size)}
	}
	if len(text) > maxPassword {
		return false
	}
	sum, err := derive(text, kept)
	return err == nil && subtle.ConstantTimeCompare(sum, kept.Sum) == 1 && p != nil
}

func derive(text string, p *store.Password) ([]byte, error) {
	hashing <- struct{}{}
	defer func() { <-hashing }()
	return pbkdf2.Key(sha256.New, text, p.Salt, p.Rounds, sha256.Size)
}
