package uplink

import (
	"errors"
	"io"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"

	demarcv1 "demarc/proto/demarc/v1"
)

// closedStream is one that the collector ended before it read anything.
type closedStream struct {
	grpc.BidiStreamingClient[demarcv1.ReportRequest, demarcv1.ReportResponse]
	last *demarcv1.ReportResponse // what it said, or nil
}

func (s *closedStream) Send(*demarcv1.ReportRequest) error { return io.EOF }

func (s *closedStream) Recv() (*demarcv1.ReportResponse, error) {
	if s.last == nil {
		return nil, io.ErrUnexpectedEOF
	}
	r := s.last
	s.last = nil
	return r, nil
}

// TestRefusedBeforeHello: a collector that refuses need not read the Hello.
func TestRefusedBeforeHello(t *testing.T) {
	spool := open(t, filepath.Join(t.TempDir(), "spool.db"), Options{})
	denied := &demarcv1.ReportResponse{Message: &demarcv1.ReportResponse_Refusal{Refusal: &demarcv1.Refusal{Code: demarcv1.Refusal_CODE_DENIED, Reason: "revoked"}}}
	for _, c := range []struct {
		last *demarcv1.ReportResponse
		want error
	}{
		{denied, ErrDenied},
		{nil, io.ErrUnexpectedEOF},
		{&demarcv1.ReportResponse{Message: &demarcv1.ReportResponse_Welcome{Welcome: &demarcv1.Welcome{}}}, io.EOF},
	} {
		s := &session{c: &Client{Spool: spool}, stream: &closedStream{last: c.last}}
		if _, err := s.hello(); !errors.Is(err, c.want) {
			t.Errorf("last message %v: %v, %v expected", c.last, err, c.want)
		}
	}
}

// TestPace: what was sent keeps the link busy for as long as it takes, and no
// rate is saved up while nothing is sent.
func TestPace(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	p := pace{bits: 8000} // a kilobyte a second
	for range 5 {
		if p.wait(now) != nil {
			t.Fatalf("the link is busy until %v at %v", p.free, now)
		}
		p.sent(now, 2900)
		if p.wait(now.Add(3*time.Second-1)) == nil {
			t.Fatal("free too early")
		}
		now = now.Add(3 * time.Second)
	}
	now = now.Add(time.Hour)
	p.sent(now, 900)
	if p.wait(now.Add(time.Second-1)) == nil || p.wait(now.Add(time.Second)) != nil {
		t.Errorf("free at %v, sent at %v", p.free, now)
	}
	none := pace{}
	if none.sent(now, 1<<30); none.wait(now) != nil {
		t.Error("a limit where none was set")
	}
}
