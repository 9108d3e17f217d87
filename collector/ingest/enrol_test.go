package ingest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

func TestTokenWorksOnce(t *testing.T) {
	r := newRig(t)
	token := r.token("houston", "agent-l4", time.Hour)
	key := newKey(t)
	first, err := r.trade(token, "some-host", key)
	if err != nil {
		t.Fatal(err)
	}
	if id := first.Identity(); id.Site != "houston" || id.Agent != "agent-l4" {
		t.Errorf("%+v", id)
	}
	// The answer was lost: the same key may ask again.
	again, err := r.trade(token, "some-host", key)
	if err != nil {
		t.Fatal(err)
	}
	r.report(again).welcomed(1, 0)
	r.report(first).welcomed(1, 0)
	if _, err := r.trade(token, "some-host", newKey(t)); !errors.Is(pki.Cause(err), pki.ErrUsedToken) {
		t.Errorf("second use: %v", err)
	}
}

func TestTokenEnds(t *testing.T) {
	r := newRig(t)
	token := r.token("houston", "a", time.Minute)
	r.now = r.now.Add(time.Minute + time.Second)
	if _, err := r.trade(token, "h", newKey(t)); !errors.Is(pki.Cause(err), pki.ErrExpiredToken) {
		t.Errorf("%v", err)
	}
}

func TestTokenOfAnotherCollector(t *testing.T) {
	a, b := newRig(t), newRig(t)
	token := b.token("houston", "a", time.Hour)
	if _, err := a.trade(token, "h", newKey(t)); !errors.Is(pki.Cause(err), pki.ErrForeignToken) {
		t.Errorf("agent's view: %v", err)
	}
	// An agent that sends it all the same.
	csr, _ := pki.NewRequest(newKey(t), "h")
	own, _ := pki.ParseToken(a.token("houston", "a", time.Hour))
	_, err := a.dial(pki.EnrolConfig(own)).Enroll(t.Context(), &demarcv1.EnrollRequest{Token: token, Csr: csr, Hostname: "h"})
	if !errors.Is(pki.Cause(err), pki.ErrForeignToken) {
		t.Errorf("collector's view: %v", err)
	}
}

func TestTokenThatIsNone(t *testing.T) {
	r := newRig(t)
	csr, _ := pki.NewRequest(newKey(t), "h")
	good, _ := pki.ParseToken(r.token("houston", "a", time.Hour))
	client := r.dial(pki.EnrolConfig(good))
	forged := good
	forged.Secret[0] ^= 1
	unknown, _ := r.Authority.NewToken()
	for name, c := range map[string]struct {
		token string
		csr   []byte
		want  error
	}{
		"empty":        {"", csr, pki.ErrNotToken},
		"junk":         {"demarc1abc", csr, pki.ErrNotToken},
		"wrong secret": {forged.String(), csr, pki.ErrUnknownToken},
		"never made":   {unknown.String(), csr, pki.ErrUnknownToken},
		"no request":   {good.String(), nil, nil},
	} {
		_, err := client.Enroll(t.Context(), &demarcv1.EnrollRequest{Token: c.token, Csr: c.csr, Hostname: "h"})
		if err == nil || c.want != nil && !errors.Is(pki.Cause(err), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := r.trade(good.String(), "h", newKey(t)); err != nil {
		t.Errorf("what was refused used up the token: %v", err)
	}
}

func TestNamesOfAgents(t *testing.T) {
	r := newRig(t)
	c, err := r.trade(r.token("houston", "", time.Hour), "PLC-Gw_1.Plant", newKey(t))
	if err != nil || c.Identity().Agent != "plc-gw_1.plant" {
		t.Fatal(c, err)
	}
	if _, err := r.trade(r.token("houston", "", time.Hour), "plc-gw_1.plant", newKey(t)); err == nil || !strings.Contains(err.Error(), "--agent plc-gw_1.plant") {
		t.Errorf("a token without a name took over an agent: %v", err)
	}
	if _, err := r.trade(r.token("houston", "", time.Hour), "...", newKey(t)); err == nil || !strings.Contains(err.Error(), "--agent") {
		t.Errorf("no name: %v", err)
	}
	if _, err := r.trade(r.token("lyon", "plc-gw_1.plant", time.Hour), "x", newKey(t)); err == nil || !strings.Contains(err.Error(), "houston") {
		t.Errorf("another site's agent: %v", err)
	}
	l := r.report(c)
	l.welcomed(1, 0)
	next, err := r.trade(r.token("houston", "plc-gw_1.plant", time.Hour), "x", newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	l.refused(demarcv1.Refusal_CODE_DENIED)
	r.report(next).welcomed(1, 0)
	if m := r.report(c).next(); m.GetRefusal().GetReason() != pki.ErrRevoked.Error() {
		t.Errorf("the replaced certificate: %v", m)
	}
}

func TestManyEnrolmentsAreSlowedDown(t *testing.T) {
	r := newRig(t)
	good, _ := pki.ParseToken(r.token("houston", "a", time.Hour))
	client := r.dial(pki.EnrolConfig(good))
	for range 200 {
		_, err := client.Enroll(t.Context(), &demarcv1.EnrollRequest{Token: "guess"})
		if status.Code(err) == codes.ResourceExhausted {
			return
		}
	}
	t.Error("200 guesses at once were heard")
}
