package pki

import (
	"errors"
	"strings"
	"testing"
)

func TestTokenText(t *testing.T) {
	tok, err := NewToken(Fingerprint{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	s := tok.String()
	for _, in := range []string{s, "  " + s + "\n", strings.ToUpper(s)} {
		got, err := ParseToken(in)
		if err != nil || got != tok {
			t.Errorf("%q: %v", in, err)
		}
	}
	hash := tok.Hash()
	if !tok.Matches(hash[:]) {
		t.Error("own hash")
	}
	other, _ := NewToken(Fingerprint{1, 2, 3})
	if other.Matches(hash[:]) || tok.Matches(nil) {
		t.Error("another's hash")
	}
	if strings.Contains(tok.Name(), string(tok.Secret[:])) || len(tok.Name()) != 16 {
		t.Error("name")
	}
}

func TestNotAToken(t *testing.T) {
	tok, _ := NewToken(Fingerprint{9})
	s := tok.String()
	for _, in := range []string{"", "x", s[:len(s)-1], s + "a", "demarc2" + s[7:], s[:20] + "1" + s[21:], s[:30] + flip(s[30]) + s[31:]} {
		if _, err := ParseToken(in); !errors.Is(err, ErrNotToken) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func flip(c byte) string {
	if c == 'a' {
		return "b"
	}
	return "a"
}

// FuzzParseToken: never a panic; what parses is written back the same.
func FuzzParseToken(f *testing.F) {
	tok, _ := NewToken(Fingerprint{7})
	f.Add(tok.String())
	f.Add("demarc1")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseToken(s)
		if err != nil {
			if !errors.Is(err, ErrNotToken) || got != (Token{}) {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		if got.String() != strings.ToLower(strings.TrimSpace(s)) {
			t.Fatalf("%q becomes %q", s, got)
		}
	})
}
