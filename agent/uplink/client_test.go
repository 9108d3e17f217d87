package uplink

import (
	"errors"
	"io"
	"path/filepath"
	"testing"

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
