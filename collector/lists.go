package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"demarc/internal/table"
	demarcv1 "demarc/proto/demarc/v1"
)

type client = demarcv1.CollectorServiceClient

var listings = []listing{
	{name: "sites", short: "List sites", past: true, get: getSites},
	{name: "boundaries", short: "List boundaries with what stands in them", past: true, get: getBoundaries},
	{name: "assets", short: "List assets, by site and address", past: true, flags: []string{"site", "boundary", "role", "vendor", "protocol", "presence"}, get: getAssets},
	{name: "connections", short: "List connections, the worst verdict first", past: true, flags: []string{"verdict", "boundary", "from", "to", "site", "protocol", "outcome", "activity", "asset"}, get: getConnections},
	{name: "findings", short: "List findings, the most severe first", past: true, flags: []string{"kind", "status", "boundary", "site", "assignee", "authorization", "connection", "survey", "drift", "ceased"}, get: getFindings, more: findingFlags},
	{name: "authorizations", short: "List authorizations and how they stand", past: true, flags: []string{"boundary"}, get: getAuthorizations},
	{name: "conditions", short: "List the conditions of authorizations and how they stand", past: true, flags: []string{"authorization", "state"}, get: getConditions},
	{name: "documents", short: "List the documents in force, in the order in which they were read", past: true, flags: []string{"kind"}, get: getDocuments},
	{name: "notices", short: "List what people are to be told: ends that come, reviews that are due", flags: []string{"kind"}, get: getNotices},
	{name: "agents", short: "List agents and how they are", get: getAgents},
}

func getSites(ctx context.Context, c client, w io.Writer, f filter) error {
	r, err := whole(ctx, c.ListSites, &demarcv1.ListSitesRequest{})
	if err != nil {
		return err
	}
	return show(w, f.format, r, func() table.Table {
		t := table.Table{Head: []string{"SITE", "TITLE", "SEGMENTS", "ASSETS", "CONNECTIONS"}, Right: []bool{3: true, 4: true}}
		for _, s := range r.GetSites() {
			t.Rows = append(t.Rows, []string{s.GetName(), s.GetTitle(), strings.Join(s.GetSegments(), " "), count(s.GetAssets()), count(s.GetConnections())})
		}
		return t
	})
}

func getBoundaries(ctx context.Context, c client, w io.Writer, f filter) error {
	r, err := whole(ctx, c.ListBoundaries, &demarcv1.ListBoundariesRequest{})
	if err != nil {
		return err
	}
	return show(w, f.format, r, func() table.Table {
		t := table.Table{Head: []string{"BOUNDARY", "TITLE", "DOMAIN", "ASSETS", "FINDINGS", "AUTHORIZATION", "SURVEY TO", "SEEN OVER THE LAST DAY", "MEMBERS"}, Right: []bool{3: true, 4: true}}
		for _, b := range r.GetBoundaries() {
			t.Rows = append(t.Rows, []string{
				b.GetName(), b.GetTitle(), b.GetDomain(), count(b.GetAssets()), count(b.GetFindings()), b.GetAuthorization(), lastDay(b.GetSurveyUntil()), b.GetSight().GetWords(), strings.Join(b.GetMembers(), "; "),
			})
		}
		return t
	})
}

func getAssets(ctx context.Context, c client, w io.Writer, f filter) error {
	r, err := whole(ctx, c.ListAssets, &demarcv1.ListAssetsRequest{Site: f.site, Boundary: f.boundary, Role: f.role, Vendor: f.vendor, Protocol: f.protocol, Presence: f.presence})
	if err != nil {
		return err
	}
	return show(w, f.format, r, func() table.Table {
		t := table.Table{Head: []string{"ADDRESS", "NAME", "ROLE", "VENDOR", "MODEL", "FIRMWARE", "BOUNDARY", "SITE", "SEGMENT", "LAST SEEN", "PRESENCE", "OWNER", "ID"}}
		for _, a := range r.GetAssets() {
			role := ""
			if len(a.GetRoles()) > 0 {
				role = a.GetRoles()[0].GetRole()
			}
			model := a.GetModel()
			if model == "" {
				model = a.GetProduct()
			}
			t.Rows = append(t.Rows, []string{
				address(a), strings.Join(a.GetNames(), " "), role, a.GetVendor(), model, a.GetFirmware(), places(a), a.GetSite(), a.GetSegment(),
				moment(a.GetLastSeen()), presence(a), annotation(a, "owner"), a.GetId(),
			})
		}
		return t
	})
}

// presence is whether an asset is there; a person's word comes first.
func presence(a *demarcv1.Asset) string {
	if annotation(a, "retired") != "" {
		return "retired"
	}
	return a.GetPresence()
}

// annotation is what a person set; "" when nobody did.
func annotation(a *demarcv1.Asset, field string) string {
	for _, n := range a.GetAnnotations() {
		if n.GetField() == field {
			return n.GetValue()
		}
	}
	return ""
}

// address is where an asset is reached: its IPs, else its MACs; a part is shown
// under its whole.
func address(a *demarcv1.Asset) string {
	all := a.GetIps()
	if len(all) == 0 {
		all = a.GetMacs()
	}
	s := strings.Join(all, " ")
	if a.GetParent() != "" {
		return "+ " + s
	}
	return s
}

func places(a *demarcv1.Asset) string {
	var names []string
	for _, p := range a.GetPlaces() {
		name := p.GetBoundary()
		if name == "" {
			name = "(none)"
		}
		if len(names) == 0 || names[len(names)-1] != name {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

func getConnections(ctx context.Context, c client, w io.Writer, f filter) error {
	r, err := whole(ctx, c.ListConnections, &demarcv1.ListConnectionsRequest{
		Verdict: f.verdict, Boundary: f.boundary, ClientBoundary: f.from, ServerBoundary: f.to, Site: f.site, Protocol: f.protocol, Outcome: f.outcome, Activity: f.activity, Asset: f.asset,
	})
	if err != nil {
		return err
	}
	return show(w, f.format, r, func() table.Table {
		t := table.Table{Head: []string{"VERDICT", "CLIENT", "SERVER", "PROTOCOL", "PORT", "FROM", "TO", "OUTCOME", "WHY", "FIRST SEEN", "LAST SEEN", "SESSIONS", "BYTES", "STILL", "HOW OFTEN", "SEEN BY", "ID"}, Right: []bool{11: true, 12: true}}
		for _, x := range r.GetConnections() {
			d := x.GetConnection()
			t.Rows = append(t.Rows, []string{
				x.GetVerdict().GetVerdict(), d.GetClient(), d.GetServer(), d.GetProtocol(), port(d), orDash(x.GetClientBoundary()), orDash(x.GetServerBoundary()),
				d.GetOutcome(), x.GetVerdict().GetReason(), moment(d.GetFirstSeen()), moment(d.GetLastSeen()), count(d.GetSessions()), count(d.GetClientBytes() + d.GetServerBytes()),
				still(x.GetActivity().GetState()), x.GetActivity().GetWhy(), strings.Join(x.GetAgents(), " "), x.GetId(),
			})
		}
		return t
	})
}

func port(d *demarcv1.Connection) string {
	if d.GetTransport() == "ethernet" {
		return fmt.Sprintf("0x%04x", d.GetPort())
	}
	return fmt.Sprintf("%s/%d", d.GetTransport(), d.GetPort())
}

func getAgents(ctx context.Context, c client, w io.Writer, f filter) error {
	r, err := whole(ctx, c.ListAgents, &demarcv1.ListAgentsRequest{})
	if err != nil {
		return err
	}
	return show(w, f.format, r, func() table.Table {
		t := table.Table{Head: []string{"AGENT", "SITE", "STATE", "SEGMENTS", "SPAN", "LAST HEARD", "FRAMES", "DROPS", "LOST BATCHES", "DISK FREE", "CLOCK", "VERSION", "HOST", "CERTIFICATE UNTIL"}, Right: []bool{6: true, 7: true, 8: true, 9: true, 10: true}}
		for _, a := range r.GetAgents() {
			t.Rows = append(t.Rows, []string{
				a.GetName(), a.GetSite(), a.GetState(), strings.Join(a.GetSegments(), " "), a.GetSpan().GetWord(), moment(a.GetLastHeard()), count(a.GetFrames()), count(a.GetDrops()),
				count(a.GetLostBatches()), room(a), offset(a.GetClockOffsetMs()), a.GetVersion(), a.GetHostname(), moment(a.GetCertificateExpires()),
			})
		}
		return t
	})
}

// room is what an agent's disk has left.
func room(a *demarcv1.Agent) string {
	if a.GetDiskBytes() == 0 {
		return "" // it did not tell
	}
	text := table.Size(a.GetDiskFreeBytes()) + " of " + table.Size(a.GetDiskBytes())
	if a.GetDiskFreeBytes() < a.GetDiskBytes()/10 {
		text += ", nearly full"
	}
	return text
}

// offset is a difference of clocks that matters.
func offset(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	if d.Abs() < time.Second {
		return ""
	}
	return fmt.Sprintf("%+ds", int64(d.Seconds()))
}

func count[N uint32 | uint64](n N) string { return strconv.FormatUint(uint64(n), 10) }
