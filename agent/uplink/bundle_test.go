package uplink

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"demarc/internal/bundle"
	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

// enrolled is an agent's credentials, by files.
func enrolled(t *testing.T) (*pki.Credentials, *pki.Authority) {
	t.Helper()
	dir := t.TempDir()
	a, err := pki.Open(filepath.Join(dir, "pki"), nil)
	if err != nil {
		t.Fatal(err)
	}
	request, err := pki.Request(filepath.Join(dir, "key.pem"), "host")
	if err != nil {
		t.Fatal(err)
	}
	csr, _, err := pki.ParseRequest(request)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := a.IssueAgent(csr, "houston", "line4")
	if err != nil {
		t.Fatal(err)
	}
	c, err := pki.AcceptAnswer(filepath.Join(dir, "key.pem"), pki.Answer(cert.Raw, a.Certificate().Raw), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c, a
}

// next is the bundle after a sequence, read and its seal checked.
func next(t *testing.T, s *Spool, after uint64, c *pki.Credentials, a *pki.Authority) *bundle.Bundle {
	t.Helper()
	_, data, through, err := s.Bundle(after, &demarcv1.Hello{}, &demarcv1.Heartbeat{Frames: 9}, c)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	id, err := a.VerifySeal(b.Sealed, b.Seal.GetSignature(), b.Head.GetCertificate(), time.Now())
	if err != nil || id.Agent != "line4" || b.Head.GetHeartbeat().GetFrames() != 9 || b.Head.GetHello().GetLast() != through {
		t.Fatalf("%v %v, through %d of %d", id, err, through, b.Head.GetHello().GetLast())
	}
	return b
}

func TestBundleGoesOnWhereTheLastEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool.db")
	c, a := enrolled(t)
	s := open(t, path, Options{})
	if _, _, _, err := s.Bundle(0, &demarcv1.Hello{}, nil, c); !errors.Is(err, ErrNothing) {
		t.Fatalf("%v", err)
	}
	emit(t, s, 1, 3)
	if b := next(t, s, s.Exported(), c, a); len(b.Records) != 3 {
		t.Errorf("%d records", len(b.Records))
	}
	// Nobody said that it was kept: it comes again.
	if b := next(t, s, s.Exported(), c, a); len(b.Records) != 3 {
		t.Errorf("%d records", len(b.Records))
	}
	if err := s.Kept(3); err != nil {
		t.Fatal(err)
	}
	emit(t, s, 4, 5)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, Options{})
	if b := next(t, s, s.Exported(), c, a); len(b.Records) != 2 || b.Head.GetHello().GetFirst() != 4 {
		t.Errorf("%v", b.Head.GetHello())
	}
	if b := next(t, s, 0, c, a); len(b.Records) != 5 {
		t.Errorf("%d of all", len(b.Records))
	}
}

// What is in a bundle goes first when room is needed, and is not told as lost.
func TestShedSparesWhatIsInNoBundle(t *testing.T) {
	c, a := enrolled(t)
	s := open(t, filepath.Join(t.TempDir(), "spool.db"), Options{MaxBytes: 2000})
	emit(t, s, 1, 10)
	if err := s.Kept(10); err != nil {
		t.Fatal(err)
	}
	for n := 11; ; n++ {
		emit(t, s, n, n)
		if _, first, _ := s.state(); first > 1 {
			break
		}
	}
	if values, lost := held(t, s); len(lost) > 0 || len(values) == 0 {
		t.Errorf("%d told as lost", len(lost))
	}
	_, _, last := s.state()
	emit(t, s, int(last)+1, int(last)+60)
	_, lost := held(t, s)
	if len(lost) != 1 || lost[0].GetFrom() != 11 {
		t.Fatalf("%v", lost)
	}
	b := next(t, s, s.Exported(), c, a)
	if l := b.Records[0].GetLost(); l.GetFrom() != 11 {
		t.Errorf("%v", l)
	}
}
