package api

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func token(t *testing.T, s *SignIn) string {
	t.Helper()
	path, _ := s.CreateLink(Principal{Name: "uid 7 (ana)"})
	_, tok, ok := strings.Cut(path, "token=")
	if !ok || len(tok) < 40 {
		t.Fatalf("link %q", path)
	}
	return tok
}

func good(s *SignIn, id string) bool {
	p, ok := s.Check(context.Background(), id)
	return ok && p.Name == "uid 7 (ana)"
}

func TestLinkWorksOnce(t *testing.T) {
	now := time.Now()
	s := NewSignIn(nil, nil, func() time.Time { return now })
	link := token(t, s)
	id, life, err := s.Exchange(link)
	if err != nil || life != SessionLife || !good(s, id) {
		t.Fatal(id, life, err)
	}
	if _, _, err := s.Exchange(link); !errors.Is(err, ErrLink) {
		t.Errorf("twice: %v", err)
	}
	for _, wrong := range []string{"", "x", link} {
		if good(s, wrong) {
			t.Errorf("session %q", wrong)
		}
		if _, _, err := s.Exchange(wrong); !errors.Is(err, ErrLink) {
			t.Errorf("link %q: %v", wrong, err)
		}
	}
	late := token(t, s)
	now = now.Add(LinkLife + time.Second)
	if _, _, err := s.Exchange(late); !errors.Is(err, ErrLink) {
		t.Errorf("late: %v", err)
	}
}

func TestSessionsEnd(t *testing.T) {
	now := time.Now()
	s := NewSignIn(nil, nil, func() time.Time { return now })
	idle, _, _ := s.Exchange(token(t, s))
	busy, _, _ := s.Exchange(token(t, s))
	for range int(SessionLife/time.Hour) - 1 {
		now = now.Add(time.Hour)
		if !good(s, busy) {
			t.Fatal("a session in use ended early")
		}
	}
	if good(s, idle) {
		t.Error("an idle session goes on")
	}
	now = now.Add(2 * time.Hour)
	if good(s, busy) {
		t.Error("a session goes on past its life")
	}
}

func TestLinksAndSessionsAreBounded(t *testing.T) {
	now := time.Now()
	s := NewSignIn(nil, nil, func() time.Time { return now })
	first := token(t, s)
	for range maxLinks {
		now = now.Add(time.Millisecond)
		token(t, s)
	}
	if _, _, err := s.Exchange(first); err == nil || len(s.links) > maxLinks {
		t.Errorf("%d links", len(s.links))
	}
	for range maxSessions + 10 {
		now = now.Add(time.Millisecond)
		if _, _, err := s.Exchange(token(t, s)); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.sessions) > maxSessions {
		t.Errorf("%d sessions", len(s.sessions))
	}
}
