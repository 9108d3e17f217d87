package verdict

import (
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/collector/boundary"
)

// paper is an Authorization with spec's keys.
func paper(name, spec string) string {
	return "{apiVersion: demarc/v1, kind: Authorization, metadata: {name: " + name + "}, spec: {" + spec + "}}\n---\n"
}

func boundaryDoc(name, spec string) string {
	return "{apiVersion: demarc/v1, kind: Boundary, metadata: {name: " + name + "}, spec: {title: T, domain: ot, " + spec + "}}\n---\n"
}

// lent is a SharedService of dmz for line4 under an authorization.
func lent(name, under string) string {
	return "{apiVersion: demarc/v1, kind: SharedService, metadata: {name: " + name + "}, spec: {purpose: p, provider: {boundary: dmz, addresses: [10.50.1.5], under: " + under + "}, consumers: [line4], services: [{protocol: dns, ports: [53]}]}}\n---\n"
}

const (
	hist     = "10.50.1.20>10.20.4.10 tcp/4840 opcua ops=read"
	dns      = "10.20.4.10>10.50.1.5 udp/53 dns"
	lineATO  = "decision: ato, issuer: {organization: acme}, boundaries: [line4], granted: 2026-01-01"
	plantATO = "decision: ato, issuer: {organization: acme}, boundaries: [dmz], granted: 2026-01-01"
)

// on is the first instant of a date.
func on(date string) time.Time {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		panic(err)
	}
	return t
}

func (c *check) judge(at time.Time) Judged {
	c.t.Helper()
	return Judge(c.p, link(c.t, c.link), at)
}

// check judges one connection at several instants.
type check struct {
	t    *testing.T
	p    *boundary.Policy
	link string
}

func (c *check) want(date, verdict, reason string) Judged {
	c.t.Helper()
	got := c.judge(on(date))
	if got.Verdict.Verdict != verdict || !strings.Contains(got.Verdict.Reason, reason) {
		c.t.Errorf("%s: %s: %s\nwant %s: %s", date, got.Verdict.Verdict, got.Verdict.Reason, verdict, reason)
	}
	return got
}

func refuses(t *testing.T, text, what string) {
	t.Helper()
	_, err := boundary.Read([]boundary.File{{Path: "plan.yaml", Content: []byte(text)}})
	if err == nil || !strings.Contains(err.Error(), what) {
		t.Errorf("accepted, or refused for another reason than %q: %v", what, err)
	}
}

func TestAuthorizationIsTimeBound(t *testing.T) {
	c := &check{t, compile(t, plan+agreement("hist", opc)+paper("line4-ato", lineATO+", expires: 2027-01-01")+paper("plant-ato", plantATO)), hist}
	c.want("2025-12-31", Unauthorized, "-ato begins 2026-01-01")
	got := c.want("2026-06-01", Authorized, "under plant-ato and line4-ato")
	if want := []string{"Interconnection/hist", "Authorization/plant-ato", "Authorization/line4-ato"}; !slices.Equal(got.Verdict.Documents, want) {
		t.Errorf("documents %v, want %v", got.Verdict.Documents, want)
	}
	c.want("2027-01-01", Authorized, "") // the last day counts whole
	got = c.want("2027-01-02", Lapsed, "line4-ato ended 2027-01-01")
	if got.Document != "Authorization/line4-ato" {
		t.Errorf("the paper that fell is %s", got.Document)
	}
}

func TestNoAuthorizationOnRecord(t *testing.T) {
	c := &check{t, compile(t, plan+agreement("hist", opc)), hist}
	c.want("2026-06-01", Authorized, "; no authorization on record")
	c.p = compile(t, plan+agreement("hist", opc)+paper("line4-ato", lineATO))
	c.want("2026-06-01", Authorized, "under line4-ato; no authorization on record for dmz")
}

func TestPatoAuthorizesNobodyToOperate(t *testing.T) {
	pato := paper("jab", "decision: pato, issuer: {organization: JAB}, boundaries: [line4], granted: 2020-01-01")
	c := &check{t, compile(t, plan+agreement("hist", opc)+pato), hist}
	c.want("2026-06-01", Unauthorized, "jab is a pato, which authorizes nobody to operate")
	c.p = compile(t, plan+agreement("hist", opc)+pato+paper("line4-ato", lineATO))
	c.want("2026-06-01", Authorized, "under line4-ato")
}

func TestPatoIsLeveragedOnlyBeneathADecisionOfOnesOwn(t *testing.T) {
	pato := paper("jab", "decision: pato, issuer: {organization: JAB}, boundaries: [dmz], granted: 2020-01-01")
	line := paper("line4-ato", lineATO+", leverages: [{authorization: jab, services: [names]}]")
	refuses(t, plan+lent("names", "jab")+pato+line, "jab is a pato: it authorizes nobody to operate, and no decision of acme over dmz stands above it")
	other := paper("other-atu", "decision: atu, issuer: {organization: other}, boundaries: [dmz], granted: 2026-01-01")
	refuses(t, plan+lent("names", "jab")+pato+line+other, "no decision of acme over dmz")
	own := paper("acme-atu", "decision: atu, issuer: {organization: acme}, boundaries: [dmz], granted: 2026-02-01, expires: 2026-09-30, leverages: [{authorization: jab}]")
	c := &check{t, compile(t, plan+lent("names", "jab")+pato+line+own), dns}
	c.want("2026-06-01", Authorized, "under line4-ato and acme-atu and jab")
	c.want("2026-10-01", Lapsed, "acme-atu ended 2026-09-30")
}

func TestAuthorizationBindsItsIssuersOrganization(t *testing.T) {
	foreign := paper("other-ato", "decision: ato, issuer: {organization: other}, boundaries: [dmz], granted: 2026-01-01")
	line := paper("line4-ato", lineATO+", leverages: [{authorization: other-ato, services: [names]}]")
	refuses(t, plan+lent("names", "other-ato")+foreign+line, "other-ato binds other, and no decision of acme over dmz is on record")
	own := paper("acme-atu", "decision: atu, issuer: {organization: acme}, boundaries: [dmz], granted: 2026-01-01")
	c := &check{t, compile(t, plan+lent("names", "other-ato")+foreign+line+own), dns}
	c.want("2026-06-01", Authorized, "")
}

func TestConsolidatedAuthorizationLendsNothingAndSaysWhy(t *testing.T) {
	whole := paper("whole", "decision: ato, issuer: {organization: acme}, boundaries: [line5], consolidates: [dmz], granted: 2026-01-01")
	line := paper("line4-ato", lineATO+", leverages: [{authorization: whole}]")
	refuses(t, plan+whole+line, "whole is consolidated: one decision over dmz and line5 together, of which no part can be lent")
	c := &check{t, compile(t, plan+elsewhere("x", "10.50.1.20")+whole), "10.50.1.20>10.20.5.200 tcp/4840 opcua"}
	c.want("2026-06-01", Authorized, "under whole")
}

func TestLeveragedAuthorizationCoversOnlyThroughASharedServiceThatItNames(t *testing.T) {
	text := plan + lent("names", "plant-ato") + lent("time", "plant-ato") + paper("plant-ato", plantATO+", expires: 2026-09-30")
	c := &check{t, compile(t, text+paper("line4-ato", lineATO+", leverages: [{authorization: plant-ato, services: [names]}]")), dns}
	got := c.want("2026-06-01", Authorized, "as names agrees, under line4-ato and plant-ato")
	if !slices.Contains(got.Verdict.Documents, "Authorization/plant-ato") {
		t.Errorf("documents %v", got.Verdict.Documents)
	}
	got = c.want("2026-10-01", Lapsed, "plant-ato ended 2026-09-30")
	if got.Document != "Authorization/plant-ato" {
		t.Errorf("the paper that fell is %s", got.Document)
	}
	c.p = compile(t, text+paper("line4-ato", lineATO+", leverages: [{authorization: plant-ato}]"))
	c.want("2026-06-01", Unauthorized, "line4-ato does not take")
	// What the lender itself leans on falls with it.
	base := paper("site-ato", "decision: common-control, issuer: {organization: acme}, boundaries: [corporate], granted: 2026-01-01, expires: 2026-07-31")
	c.p = compile(t, plan+lent("names", "plant-ato")+base+paper("plant-ato", plantATO+", leverages: [{authorization: site-ato}]")+
		paper("line4-ato", lineATO+", leverages: [{authorization: plant-ato, services: [names]}]"))
	c.want("2026-06-01", Authorized, "")
	c.want("2026-08-01", Lapsed, "site-ato ended 2026-07-31, on which plant-ato leans")
}

func TestIattCoversItsTestEnvironmentToItsDateAndLendsNothing(t *testing.T) {
	iatt := paper("bench-iatt", "decision: iatt, issuer: {organization: acme}, boundaries: [bench], environments: [test], granted: 2026-01-01, expires: 2026-03-31")
	bench := boundaryDoc("bench", "environment: test, members: [{site: houston, cidrs: [10.99.0.0/24]}]")
	x := "{apiVersion: demarc/v1, kind: Interconnection, metadata: {name: x}, spec: {purpose: p, from: {boundary: bench}, to: {boundary: dmz}, services: [{protocol: opcua}]}}\n---\n"
	c := &check{t, compile(t, plan+bench+iatt+x), "10.50.1.20>10.99.0.1 tcp/4840 opcua ops=read"}
	c.want("2026-03-31", Authorized, "under bench-iatt")
	c.want("2026-04-01", Lapsed, "bench-iatt ended 2026-03-31")
	refuses(t, plan+boundaryDoc("bench", "environment: production")+iatt, "bench-iatt covers test, and bench is production")
	refuses(t, plan+bench+iatt+paper("line4-ato", lineATO+", leverages: [{authorization: bench-iatt}]"), "it covers its test and lends nothing")
}

func TestATCDoesNotOutliveItsATO(t *testing.T) {
	refuses(t, plan+paper("line4-ato", lineATO+", expires: 2027-01-01, connect: [{to: dmz, decision: atc, granted: 2026-01-01, expires: 2027-06-01}]"), "a connection may not outlive its authorization")
	c := &check{t, compile(t, plan+agreement("hist", opc)+paper("line4-ato", lineATO+", expires: 2027-01-01, connect: [{to: dmz, decision: atc, granted: 2026-02-01}]")), hist}
	c.want("2026-01-15", Unauthorized, "the atc of line4-ato to dmz begins 2026-02-01")
	c.want("2026-06-01", Authorized, "")
	c.want("2027-06-01", Lapsed, "line4-ato ended 2027-01-01")
	c.p = c.p.With(boundary.Acts{Events: []boundary.Event{{Kind: boundary.Rescind, Authorization: "line4-ato", At: on("2026-05-01")}}})
	c.want("2026-06-01", Lapsed, "line4-ato was rescinded 2026-05-01")
	c.p = compile(t, plan+agreement("hist", opc)+paper("line4-ato", lineATO+", connect: [{to: dmz, decision: atc, granted: 2026-02-01, expires: 2026-05-01}]"))
	c.want("2026-06-01", Lapsed, "the atc of line4-ato to dmz ended 2026-05-01")
	c.p = compile(t, plan+agreement("hist", opc)+paper("line4-ato", lineATO+", connect: [{to: dmz, decision: atc, granted: 2026-02-01}, {to: dmz, decision: datc, granted: 2026-05-01}]"))
	c.want("2026-04-01", Authorized, "")
	c.want("2026-06-01", Lapsed, "the connection of line4-ato to dmz was denied 2026-05-01 (datc)")
}

func TestExtensionCountsOnlyIfSignedBeforeTheEnd(t *testing.T) {
	base := compile(t, plan+agreement("hist", opc)+paper("line4-ato", lineATO+", expires: 2026-06-30"))
	for signed, want := range map[string]string{"2026-06-30": Authorized, "2026-07-01": Lapsed} {
		c := &check{t, base.With(boundary.Acts{Events: []boundary.Event{{Kind: boundary.Extend, Authorization: "line4-ato", At: on(signed), Until: on("2026-12-31")}}}), hist}
		c.want("2026-09-01", want, "")
		c.want("2027-01-01", Lapsed, "line4-ato ended")
	}
}

func TestEarlyStartNeverCountsAsCover(t *testing.T) {
	c := &check{t, compile(t, plan+agreement("hist", opc)+paper("line4-ato", "decision: not-yet-authorized, boundaries: [line4], earlyStart: {allowedBy: C. Diaz, on: 2026-01-01}")), hist}
	c.want("2026-06-01", Unauthorized, "line4-ato is not granted yet")
}

func TestDenialBlocksAndSaysWhy(t *testing.T) {
	c := &check{t, compile(t, plan+agreement("hist", opc)+paper("line4-ato", lineATO)+paper("line4-dato", "decision: dato, boundaries: [line4], granted: 2026-05-01")), hist}
	c.want("2026-04-30", Authorized, "")
	c.want("2026-05-01", Lapsed, "line4-dato denies it (dato)")
}

func TestEventsOnAnAuthorization(t *testing.T) {
	p := compile(t, plan+agreement("hist", opc)+paper("line4-ato", lineATO+", expires: 2027-12-31"))
	event := func(kind, at, until string) boundary.Event {
		e := boundary.Event{Kind: kind, Authorization: "line4-ato", At: on(at)}
		if until != "" {
			e.Until = on(until)
		}
		return e
	}
	c := &check{t, p.With(boundary.Acts{Events: []boundary.Event{event(boundary.Suspend, "2026-03-01", "2026-04-01")}}), hist}
	c.want("2026-02-28", Authorized, "")
	c.want("2026-03-01", Lapsed, "line4-ato is suspended since 2026-03-01")
	c.want("2026-04-01", Authorized, "")
	c.p = p.With(boundary.Acts{Events: []boundary.Event{event(boundary.Suspend, "2026-03-01", ""), event(boundary.Revise, "2026-05-01", "2026-07-01")}})
	c.want("2026-04-30", Lapsed, "suspended")
	c.want("2026-05-01", Authorized, "")
	c.want("2026-07-02", Lapsed, "line4-ato ended")
	c.p = compile(t, plan+agreement("hist", opc)+paper("line4-ato", lineATO)+paper("line4-next", "decision: ato, boundaries: [line4], granted: 2026-08-01, expires: 2026-10-01, supersedes: line4-ato"))
	c.want("2026-07-31", Authorized, "under line4-ato")
	c.want("2026-08-01", Authorized, "under line4-next")
	c.want("2026-11-01", Lapsed, "line4-next ended 2026-10-01")
}

// Both ends under the nearest boundary that one authorization names are inside.
func TestInternalIsTheNearestBoundaryThatAnAuthorizationNames(t *testing.T) {
	parts := boundaryDoc("plant", "kind: system") +
		boundaryDoc("a", "parent: plant, members: [{site: houston, cidrs: [10.90.1.0/24]}]") +
		boundaryDoc("b", "parent: plant, members: [{site: houston, cidrs: [10.90.2.0/24]}]") +
		boundaryDoc("c", "parent: plant, isolated: true, members: [{site: houston, cidrs: [10.90.3.0/24]}]")
	plant := paper("plant-ato", "decision: ato, boundaries: [plant], granted: 2026-01-01, expires: 2026-09-30")
	c := &check{t, compile(t, plan+parts), "10.90.1.1>10.90.2.1 tcp/102 s7comm"}
	c.want("2026-06-01", Unauthorized, "no interconnection joins a and b")
	c.p = compile(t, plan+parts+plant)
	c.want("2026-06-01", Internal, "stays inside plant, under plant-ato")
	c.want("2026-10-01", Internal, "plant operates without authorization: plant-ato ended 2026-09-30")
	c.link = "10.90.1.1>10.90.3.1 tcp/102 s7comm"
	c.want("2026-06-01", Unauthorized, "no interconnection joins a and c")
	c.p = compile(t, plan+parts+plant+paper("b-ato", "decision: ato, boundaries: [b], granted: 2026-01-01"))
	c.link = "10.90.1.1>10.90.2.1 tcp/102 s7comm"
	c.want("2026-06-01", Unauthorized, "no interconnection joins a and b")
}

func TestChangeTicketAuthorizesNothing(t *testing.T) {
	text := plan + agreement("ra", opc+", activation: per-window")
	window := func(kind string) string {
		return "{apiVersion: demarc/v1, kind: Window, metadata: {name: w}, spec: {type: " + kind + ", interconnection: ra, boundaries: [line4], approvedBy: A, from: 2026-11-23T14:00Z, until: 2026-11-23T16:00Z}}\n---\n"
	}
	for kind, want := range map[string]string{"vendor-session": Authorized, "emergency": Authorized, "maintenance": Authorized, "change": OutOfTerms, "outage": OutOfTerms} {
		if got := Judge(compile(t, text+window(kind)), link(t, hist), start); got.Verdict.Verdict != want {
			t.Errorf("%s: %s: %s", kind, got.Verdict.Verdict, got.Verdict.Reason)
		}
	}
	// And it lets nothing stand without an agreement.
	if got := Judge(compile(t, text+window("change")), link(t, "10.60.0.1>10.20.4.10 tcp/102 s7comm"), start); got.Verdict.Verdict != Unauthorized {
		t.Errorf("%s: %s", got.Verdict.Verdict, got.Verdict.Reason)
	}
}

func TestSessionAliveAtAWindowsEnd(t *testing.T) {
	w := "{apiVersion: demarc/v1, kind: Window, metadata: {name: w}, spec: {type: vendor-session, interconnection: ra, approvedBy: A, from: 2026-11-23T14:00Z, until: %}}\n---\n"
	for _, c := range []struct {
		until string
		after time.Duration // judged this long after the last activity
		want  string
	}{
		{"2026-11-23T15:00:30Z", 29 * time.Second, Authorized},
		{"2026-11-23T15:00:30Z", 30 * time.Second, OutOfTerms}, // no end of it was seen
		{"2026-11-23T15:00:30Z", 3 * time.Minute, Authorized},  // nothing more came: it had ended
		{"2026-11-23T15:05:00Z", 5 * time.Minute, Authorized},
		{"2026-11-23T14:59:59Z", 0, OutOfTerms},
	} {
		p := compile(t, plan+agreement("ra", opc+", activation: per-window")+strings.Replace(w, "%", c.until, 1))
		if got := Judge(p, link(t, hist), start.Add(c.after)); got.Verdict.Verdict != c.want {
			t.Errorf("window to %s, judged after %s: %s: %s, want %s", c.until, c.after, got.Verdict.Verdict, got.Verdict.Reason, c.want)
		}
	}
}
