package ingest

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
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
	epoch := store.Epoch{1}
	var records []*demarcv1.ReportRequest
	for n := first; n <= last; n++ {
		body := marshal(t, fullBody(int(n)%3+shift))
		digest := store.BatchDigest(epoch, n, body)
		records = append(records, &demarcv1.ReportRequest{Message: &demarcv1.ReportRequest_Batch{Batch: &demarcv1.Batch{Sequence: n, Digest: digest[:], Body: body}}})
	}
	hello := &demarcv1.Hello{Version: "1", Epoch: epoch[:], First: first, Last: last, Clock: timestamppb.New(written), Hostname: "host", Segments: []string{"line4"}}
	data, err := bundle.Write(&demarcv1.BundleHead{Hello: hello, Certificate: c.Certificate.Raw}, records, c.Seal)
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
