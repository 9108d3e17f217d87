package ingest

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/store"
	"demarc/internal/bundle"
	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

// carried is a bundle of an agent's epoch 1 that holds first..last, each with
// its number as content plus shift.
func carried(t *testing.T, c *pki.Credentials, first, last uint64, shift int, written time.Time) []byte {
	t.Helper()
	return carriedWith(t, c, first, last, shift, written, nil)
}

// carriedWith also says how the agent was.
func carriedWith(t *testing.T, c *pki.Credentials, first, last uint64, shift int, written time.Time, beat *demarcv1.Heartbeat) []byte {
	t.Helper()
	epoch := store.Epoch{1}
	var records []*demarcv1.ReportRequest
	for n := first; n <= last; n++ {
		body := marshal(t, fullBody(int(n)%3+shift))
		digest := store.BatchDigest(epoch, n, body)
		records = append(records, &demarcv1.ReportRequest{Message: &demarcv1.ReportRequest_Batch{Batch: &demarcv1.Batch{Sequence: n, Digest: digest[:], Body: body}}})
	}
	hello := &demarcv1.Hello{Version: "1", Epoch: epoch[:], First: first, Last: last, Clock: timestamppb.New(written), Hostname: "host", Segments: []string{"line4"}}
	data, err := bundle.Write(&demarcv1.BundleHead{Hello: hello, Certificate: c.Certificate.Raw, Heartbeat: beat}, records, c.Seal)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (r *rig) bring(data []byte, missingLost bool) (*demarcv1.ImportBundleResponse, error) {
	return r.ImportBundle(r.t.Context(), &demarcv1.ImportBundleRequest{Data: data, MissingLost: missingLost}, store.Act{Who: "ana"}, func(site string) error {
		if site != "houston" {
			return errors.New("another site")
		}
		return nil
	})
}

func TestBundlesAreTakenOnce(t *testing.T) {
	r := newRig(t)
	c := r.enrol("a")
	now := time.Now()
	one, two := carried(t, c, 1, 3, 0, now), carried(t, c, 4, 5, 0, now)
	for _, step := range []struct {
		data         []byte
		taken, again uint64
	}{{one, 3, 0}, {one, 0, 3}, {two, 2, 0}, {carried(t, c, 2, 7, 0, now), 2, 4}} {
		a, err := r.bring(step.data, false)
		if err != nil || a.GetTaken() != step.taken || a.GetAgain() != step.again || a.GetMissing() != 0 || a.GetAgent() != "a" {
			t.Fatalf("%v %v, want %d new and %d again", a, err, step.taken, step.again)
		}
	}
	var last uint64
	for _, x := range r.journal() {
		if x.Kind == store.KindBatch {
			if x.Sequence != last+1 || x.Site != "houston" || x.Agent != "a" {
				t.Errorf("sequence %d after %d, of %s at %s", x.Sequence, last, x.Agent, x.Site)
			}
			last = x.Sequence
		}
	}
	if last != 7 {
		t.Errorf("the journal ends at %d", last)
	}
	log, err := r.Store.AuditLog(t.Context(), 0, 100)
	imports := 0
	for _, e := range log {
		if e.Act.What == "bundle import" && e.Act.Who == "ana" && strings.Contains(e.Act.Detail, "sha256 ") {
			imports++
		}
	}
	if err != nil || imports != 4 {
		t.Errorf("%d imports in the audit log (%v)", imports, err)
	}
	// With a link, the agent goes on where the bundles ended.
	if through := r.report(c).welcomed(1, 9); through != 7 {
		t.Errorf("welcomed through %d", through)
	}
}

// TestBundleTellsHowTheAgentWas: by the latest one that was taken, until the
// agent tells by a link.
func TestBundleTellsHowTheAgentWas(t *testing.T) {
	r := newRig(t)
	c := r.enrol("a")
	written := time.Now().Add(-time.Minute).UTC()
	with := func(first, last uint64, frames uint64) []byte {
		return carriedWith(t, c, first, last, 0, written.Add(time.Duration(last)*time.Second), &demarcv1.Heartbeat{Frames: frames, Drops: 2, DiskFreeBytes: 3, DiskBytes: 8, Span: &demarcv1.SpanReport{Word: "good\n"}})
	}
	is := func(what string, last uint64, frames uint64) {
		t.Helper()
		a, err := r.Store.Agent(t.Context(), "a")
		if err != nil || a.Carried == nil {
			t.Fatalf("%s: %+v %v", what, a, err)
		}
		var b demarcv1.Heartbeat
		if err := proto.Unmarshal(a.Carried.Heartbeat, &b); err != nil {
			t.Fatal(err)
		}
		if !a.Carried.Written.Equal(written.Add(time.Duration(last)*time.Second)) || b.GetFrames() != frames || frames > 0 && (b.GetDrops() != 2 || b.GetDiskFreeBytes() != 3 || b.GetDiskBytes() != 8 || b.GetSpan().GetWord() != "good") {
			t.Errorf("%s: %+v, %v", what, a.Carried, &b)
		}
	}
	bring := func(data []byte) {
		t.Helper()
		if _, err := r.bring(data, false); err != nil {
			t.Fatal(err)
		}
	}
	bring(with(1, 3, 10))
	is("the first", 3, 10)
	bring(with(4, 5, 20))
	is("the next", 5, 20)
	bring(with(1, 3, 10))
	is("the first again", 5, 20)
	bring(carriedWith(t, c, 6, 6, 0, written.Add(6*time.Second), nil))
	is("one where no agent ran", 6, 0)
	large := &demarcv1.Heartbeat{Span: &demarcv1.SpanReport{Word: strings.Repeat("x", demarcv1.MaxBody)}}
	if _, err := r.bring(carriedWith(t, c, 7, 7, 0, written, large), false); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "a heartbeat of ") {
		t.Errorf("a heartbeat that is too large: %v", err)
	}
	r.report(c).welcomed(1, 9)
	bring(with(7, 8, 30))
	if a, err := r.Store.Agent(t.Context(), "a"); err != nil || a.Carried != nil {
		t.Errorf("with a link: %+v %v", a.Carried, err)
	}
}

func TestMissingBundleIsToldNotGuessed(t *testing.T) {
	r := newRig(t)
	c := r.enrol("a")
	one, three := carried(t, c, 1, 2, 0, time.Now()), carried(t, c, 6, 7, 0, time.Now())
	if _, err := r.bring(one, false); err != nil {
		t.Fatal(err)
	}
	if _, err := r.bring(three, false); status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "batches 3 to 5") {
		t.Fatalf("%v", err)
	}
	a, err := r.bring(three, true)
	if err != nil || a.GetMissing() != 3 || a.GetTaken() != 2 {
		t.Fatalf("%v %v", a, err)
	}
	at, err := r.Store.Cursor(t.Context(), "a", store.Epoch{1})
	if err != nil || at.Through != 7 || at.Lost != 3 {
		t.Errorf("%+v %v", at, err)
	}
	// What was told as lost and is found after all changes nothing any more.
	before := len(r.journal())
	if _, err := r.bring(carried(t, c, 3, 5, 0, time.Now()), false); status.Code(err) != codes.FailedPrecondition || len(r.journal()) != before {
		t.Errorf("%v, %d records before and %d after", err, before, len(r.journal()))
	}
}

func TestBundlesThatAreNotBelieved(t *testing.T) {
	r, other := newRig(t), newRig(t)
	c := r.enrol("a")
	now := time.Now()
	good := carried(t, c, 1, 3, 0, now)
	for n := range good {
		x := bytes.Clone(good)
		x[n] ^= 1
		if _, err := r.bring(x, true); err == nil {
			t.Fatalf("byte %d of %d was changed, and it is taken", n, len(good))
		}
	}
	for name, data := range map[string][]byte{
		"another collector's agent": carried(t, other.enrol("a"), 1, 3, 0, now),
		"written after its end":     carried(t, c, 1, 3, 0, c.Certificate.NotAfter.Add(time.Hour)),
		"written before it began":   carried(t, c, 1, 3, 0, c.Certificate.NotBefore.Add(-time.Hour)),
	} {
		if _, err := r.bring(data, false); status.Code(err) != codes.PermissionDenied {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(r.journal()) != 0 {
		t.Errorf("%d records", len(r.journal()))
	}
	if _, err := r.bring(good, false); err != nil {
		t.Fatal(err)
	}
	// The same numbers with another content: a copied spool.
	if _, err := r.bring(carried(t, c, 2, 4, 1, now), false); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("%v", err)
	}
	err := r.Store.UpdateAgent(t.Context(), "a", store.Act{}, func(a *store.Agent) error { a.Revoked = now; return nil })
	if _, refused := r.bring(carried(t, c, 4, 4, 0, now), false); err != nil || status.Code(refused) != codes.PermissionDenied || !strings.Contains(refused.Error(), pki.ErrRevoked.Error()) {
		t.Errorf("revoked: %v %v", refused, err)
	}
}

func TestBundleOfAnotherSite(t *testing.T) {
	r := newRig(t)
	c, err := r.trade(r.token("lyon", "b", time.Hour), "host", newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.bring(carried(t, c, 1, 1, 0, time.Now()), false); err == nil || err.Error() != "another site" || len(r.journal()) != 0 {
		t.Errorf("%v", err)
	}
}
