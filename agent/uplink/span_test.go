package uplink

import (
	"path/filepath"
	"testing"

	"google.golang.org/grpc"

	demarcv1 "demarc/proto/demarc/v1"
)

// sent is a stream that keeps what is sent.
type sent struct {
	grpc.BidiStreamingClient[demarcv1.ReportRequest, demarcv1.ReportResponse]
	all []*demarcv1.ReportRequest
}

func (s *sent) Send(r *demarcv1.ReportRequest) error {
	s.all = append(s.all, r)
	return nil
}

// TestSpanIsToldWhenItChanges: in the first heartbeat of a stream, and then not
// again until it is another report.
func TestSpanIsToldWhenItChanges(t *testing.T) {
	spool, err := Open(filepath.Join(t.TempDir(), "spool.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer spool.Close() //nolint:errcheck // nothing was written
	one, two := &demarcv1.SpanReport{Word: "good"}, &demarcv1.SpanReport{Word: "bad: arp"}
	now := (*demarcv1.SpanReport)(nil)
	c := &Client{Spool: spool, Span: func() *demarcv1.SpanReport { return now }, Health: func() Health { return Health{Frames: 9, DiskFree: 3, DiskSize: 8} }}
	stream := &sent{}
	s := &session{c: c, stream: stream}
	for _, now = range []*demarcv1.SpanReport{nil, one, one, two, two} {
		if err := s.heartbeat(); err != nil {
			t.Fatal(err)
		}
	}
	s = &session{c: c, stream: stream}
	if err := s.heartbeat(); err != nil {
		t.Fatal(err)
	}
	want := []string{"", "good", "", "bad: arp", "", "bad: arp"}
	for i, r := range stream.all {
		if got := r.GetHeartbeat().GetSpan().GetWord(); got != want[i] {
			t.Errorf("heartbeat %d says %q, want %q", i, got, want[i])
		}
		if b := r.GetHeartbeat(); b.GetFrames() != 9 || b.GetDiskFreeBytes() != 3 || b.GetDiskBytes() != 8 {
			t.Errorf("heartbeat %d: %v", i, b)
		}
	}
}
