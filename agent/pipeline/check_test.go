package pipeline

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"demarc/agent/capture"
	"demarc/agent/dissect"
	"demarc/agent/spancheck"
	demarcv1 "demarc/proto/demarc/v1"
)

// TestCheckOfTheExample: both sides show, and what is proved by content.
func TestCheckOfTheExample(t *testing.T) {
	for _, file := range plant(t) {
		k := spancheck.New(spancheck.Options{Protocols: dissect.Protocols()})
		_, sum, err := runFile(context.Background(), t, file, Config{Check: k})
		if err != nil {
			t.Fatal(err)
		}
		n := k.Latest()
		if n.Frames != sum.Packets || n.Duplicates != sum.Duplicates || n.From != sum.First || n.To != sum.Last {
			t.Errorf("%s: counted %d frames of %d, %d copies of %d, %d..%d of %d..%d", file, n.Frames, sum.Packets, n.Duplicates, sum.Duplicates, n.From, n.To, sum.First, sum.Last)
		}
		for _, r := range spancheck.Judge(n, spancheck.Source{Name: file}) {
			switch r.ID {
			case spancheck.Traffic, spancheck.Unicast, spancheck.Directions, spancheck.VLANTags, spancheck.Whole, spancheck.Capacity, spancheck.OTTraffic:
				if r.Verdict != spancheck.Good {
					t.Errorf("%s: %+v", file, r)
				}
			}
		}
	}
}

// broadcasting is a live source that shows a broadcast frame each 100 ms of
// packet time, and lets the watcher look in between.
type broadcasting struct {
	now   int64
	left  int
	watch func(now time.Time)
}

func (s *broadcasting) Next(f *capture.Frame) error {
	if s.left--; s.left < 0 {
		return io.EOF
	}
	s.watch(time.Unix(0, s.now))
	s.now += int64(50 * time.Millisecond)
	*f = capture.Frame{Time: s.now}
	if s.left%2 == 0 {
		return capture.ErrTick
	}
	f.Link, f.Data = capture.LinkEthernet, append([]byte{255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x88, 0xb5}, make([]byte, 46)...)
	f.Length = len(f.Data)
	return nil
}

func (s *broadcasting) Interfaces() []capture.Interface { return nil }
func (s *broadcasting) Stats() capture.Stats            { return capture.Stats{} }
func (s *broadcasting) Close() error                    { return nil }

// TestMirrorFaultIsALoss: while the mirror shows too little, that is told with
// what it shows, dated.
func TestMirrorFaultIsALoss(t *testing.T) {
	const start = int64(1_767_225_600_000_000_000)
	k := spancheck.New(spancheck.Options{Live: true, Rolling: true, Protocols: dissect.Protocols()})
	w := spancheck.NewWatch(spancheck.Source{Name: "eth1", Live: true}, k, time.Unix(0, start))
	src := &broadcasting{now: start, left: 5 * 60 * 20, watch: func(now time.Time) {
		w.Update(now, func(string) (*spancheck.Box, error) { return nil, errors.New("none") })
	}}
	out := &kept{}
	if _, err := Run(context.Background(), Config{Default: "line4", News: 20 * time.Millisecond, Check: k}, src, out); err != nil {
		t.Fatal(err)
	}
	var told []*demarcv1.LossDelta
	for _, b := range out.bodies {
		told = append(told, b.GetLosses()...)
	}
	if len(told) != 5 {
		t.Fatalf("%d losses in five minutes, want one at once and one each minute: %v", len(told), told)
	}
	for i, l := range told {
		if l.GetReason() != "mirror-unicast" || l.GetSegment() != "line4" || l.GetCount() != 1 || l.GetDetail() == "" {
			t.Errorf("%v", l)
		}
		at := time.Duration(l.GetFirstNs() - start)
		if lo := time.Duration(i) * time.Minute; at < lo || at > lo+10*time.Second {
			t.Errorf("loss %d is dated %v", i, at)
		}
	}
}

// BenchmarkCheck is BenchmarkSteady with the SPAN check, for the difference.
func BenchmarkCheck(b *testing.B) {
	for _, file := range plant(b)[:1] {
		for name, on := range map[string]bool{"without": false, "with": true} {
			b.Run(name, func(b *testing.B) {
				a := newAgain(b, file)
				packets := 0
				for b.Loop() {
					cfg := Config{Default: "s"}
					if on {
						cfg.Check = spancheck.New(spancheck.Options{Protocols: dissect.Protocols()})
					}
					a.left, a.next, a.round, a.n = 200*len(a.frames), 0, 0, 0
					packets += a.left
					if _, err := Run(context.Background(), cfg, a, nowhere{}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(packets), "ns/packet")
			})
		}
	}
}
