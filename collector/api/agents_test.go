package api

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"demarc/collector/ingest"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// TestCarried: an agent that is heard by bundles is told of as it was when it
// wrote the last; a clock that is ahead does not make that later than now.
func TestCarried(t *testing.T) {
	beat, err := proto.Marshal(&demarcv1.Heartbeat{Frames: 9, Drops: 2, DiskFreeBytes: 3, DiskBytes: 8, Span: &demarcv1.SpanReport{Word: "good"}})
	if err != nil {
		t.Fatal(err)
	}
	taken := time.Date(2026, 4, 14, 8, 0, 0, 0, time.UTC)
	for written, want := range map[time.Time]time.Time{taken.Add(-time.Hour): taken.Add(-time.Hour), taken.Add(time.Hour): taken} {
		h, at, err := carried(&store.Carried{Written: written, Heartbeat: beat}, taken)
		if err != nil || !at.Equal(want) || h.Frames != 9 || h.Drops != 2 || h.DiskFree != 3 || h.DiskSize != 8 || h.Span.GetWord() != "good" || !h.LastFrame.IsZero() {
			t.Errorf("written %v: %+v at %v, %v", written, h, at, err)
		}
	}
	if state := (&Service{}).state(store.Agent{Carried: &store.Carried{}}, ingest.Health{}, taken); state != "by bundle" {
		t.Errorf("it is %s", state)
	}
}
