package api

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	demarcv1 "demarc/proto/demarc/v1"
)

// What is compared, in the order in which it is told, and how it may differ.
var (
	comparedThings = []string{"asset", "connection", "finding", "authorization", "agreement", "condition"}
	changeKinds    = []string{"new", "gone", "changed"}
)

type difference = *demarcv1.Change

var changeList = list[difference]{
	order: "what, change, name",
	columns: map[string]column[difference]{
		"what":   func(k key, x difference) key { return k.number(uint64(slices.Index(comparedThings, x.GetWhat()))) },
		"change": func(k key, x difference) key { return k.number(uint64(slices.Index(changeKinds, x.GetChange()))) },
		"name":   func(k key, x difference) key { return k.text(x.GetName()) },
		"field":  func(k key, x difference) key { return k.text(x.GetField()) },
	},
	id: func(k key, x difference) key { return k.exact(x.GetId()).exact(x.GetField()) },
}

// ListChanges lists what came, went and changed between two moments, as far as
// the caller sees it. Counters and times that only move on are no change.
func (s *Service) ListChanges(ctx context.Context, r *demarcv1.ListChangesRequest) (*demarcv1.ListChangesResponse, error) {
	words, err := newSearch(r.GetSearch())
	if err := cmp.Or(err, oneOf("what", r.GetWhat(), comparedThings), oneOf("change", r.GetChange(), changeKinds)); err != nil {
		return nil, err
	}
	switch {
	case r.GetFrom() == nil:
		return nil, status.Error(codes.InvalidArgument, "changes need the moment from which: from")
	case r.GetTo() != nil && r.GetTo().AsTime().Before(r.GetFrom().AsTime()):
		return nil, status.Errorf(codes.InvalidArgument, "%s lies after %s: name the earlier moment first", when(r.GetFrom().AsTime()), when(r.GetTo().AsTime()))
	}
	then, from, err := s.asOf(ctx, r.GetFrom())
	if err != nil {
		return nil, err
	}
	later, to, err := s.asOf(ctx, r.GetTo())
	if err != nil {
		return nil, err
	}
	then, later = then.within(ctx), later.within(ctx)
	if err := later.knownBoundary(r.GetBoundary()); err != nil && then.knownBoundary(r.GetBoundary()) != nil {
		return nil, err
	}
	var all []difference
	for _, what := range comparedThings {
		if is(r.GetWhat(), what) {
			all = append(all, differences(what, then.things(what), later.things(what))...)
		}
	}
	p, err := changeList.page(r, all, func(x difference) bool {
		return is(r.GetChange(), x.GetChange()) && (r.GetBoundary() == "" || slices.Contains(x.GetBoundaries(), r.GetBoundary())) &&
			words.in(slices.Values(append([]string{x.GetWhat(), x.GetChange(), x.GetName(), x.GetField(), x.GetBefore(), x.GetAfter(), x.GetId()}, x.GetBoundaries()...)))
	})
	return &demarcv1.ListChangesResponse{Changes: p.rows, NextPageToken: p.next, Total: p.total, From: from, To: to}, err
}

// thing is what two moments are compared by.
type thing struct {
	id, name   string
	boundaries []string
	fields     []attribute
}

// attribute is what may change of a thing: those of one kind of thing come in
// the same order.
type attribute struct{ name, value string }

func differences(what string, before, after []thing) (all []difference) {
	was := make(map[string]*thing, len(before))
	for i := range before {
		was[before[i].id] = &before[i]
	}
	tell := func(change string, x *thing, field, old, now string) {
		all = append(all, &demarcv1.Change{What: what, Change: change, Name: x.name, Field: field, Before: old, After: now, Id: x.id, Boundaries: x.boundaries})
	}
	for i := range after {
		x := &after[i]
		old := was[x.id]
		delete(was, x.id)
		if old == nil {
			tell("new", x, "", "", "")
			continue
		}
		for j, f := range x.fields {
			if o := old.fields[j]; o != f {
				both := *x
				both.boundaries = unite(old.boundaries, x.boundaries)
				tell("changed", &both, f.name, o.value, f.value)
			}
		}
	}
	for _, x := range was {
		tell("gone", x, "", "", "")
	}
	return all
}

func unite(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(s string) bool { return s == "" })
}

// things are those of one kind that the service shows.
func (s *Service) things(what string) (all []thing) {
	switch what {
	case "asset":
		for _, a := range s.Plant.Assets() {
			all = append(all, assetThing(a))
		}
	case "connection":
		for _, c := range s.Plant.Connections() {
			all = append(all, connectionThing(c))
		}
	case "finding":
		for _, f := range s.Plant.Findings() {
			s.dress(f)
			all = append(all, findingThing(f))
		}
	case "authorization":
		policy, now := s.Plant.Policy(), s.Clock()
		for _, d := range policy.Decisions() {
			if s.sees("Authorization", d.Name, "") {
				all = append(all, authorizationThing(s.authorization(policy, d, now)))
			}
		}
	case "agreement":
		for _, x := range s.agreements(nil) {
			all = append(all, agreementThing(x))
		}
	case "condition":
		for _, c := range s.conditions() {
			all = append(all, thing{c.GetId(), c.GetStatement(), nil, []attribute{{"statement", c.GetStatement()}, {"state", c.GetState()}}})
		}
	}
	return all
}

func assetThing(a *demarcv1.Asset) thing {
	var roles, places []string
	for _, x := range a.GetRoles() {
		roles = append(roles, x.GetRole())
	}
	for _, p := range a.GetPlaces() {
		places = append(places, p.GetBoundary())
	}
	noted := map[string]string{}
	for _, n := range a.GetAnnotations() {
		noted[n.GetField()] = n.GetValue()
	}
	return thing{a.GetId(), strings.TrimSpace(firstAddress(a) + " " + strings.Join(a.GetNames(), " ")), unite(places, nil), []attribute{
		{"addresses", strings.Join(slices.Concat(a.GetIps(), a.GetMacs()), " ")},
		{"names", strings.Join(a.GetNames(), " ")},
		{"roles", strings.Join(roles, " ")},
		{"vendor", a.GetVendor()},
		{"product", a.GetProduct()},
		{"model", a.GetModel()},
		{"firmware", a.GetFirmware()},
		{"hardware", a.GetHardware()},
		{"serial", a.GetSerial()},
		{"os", a.GetOs()},
		{"boundary", strings.Join(unite(places, nil), " ")},
		{"presence", a.GetPresence()},
		{"owner", noted["owner"]},
		{"criticality", noted["criticality"]},
		{"retired", noted["retired"]},
	}}
}

func connectionThing(c judgedConnection) thing {
	d := c.GetConnection()
	return thing{c.GetId(), d.GetClient() + " -> " + d.GetServer() + " " + portOf(d), unite([]string{c.GetClientBoundary(), c.GetServerBoundary()}, nil), []attribute{
		{"verdict", c.GetVerdict().GetVerdict()},
		{"protocol", d.GetProtocol()},
		{"outcome", d.GetOutcome()},
		{"security", d.GetSecurity()},
		{"operations", strings.Join(slices.Sorted(maps.Keys(d.GetOperations())), " ")},
		{"from", c.GetClientBoundary()},
		{"to", c.GetServerBoundary()},
		{"documents", strings.Join(c.GetVerdict().GetDocuments(), " ")},
	}}
}

func findingThing(f *demarcv1.Finding) thing {
	return thing{f.GetId(), f.GetTitle(), unite([]string{f.GetFromBoundary(), f.GetToBoundary()}, nil), []attribute{
		{"status", f.GetStatus()}, {"severity", strconv.FormatUint(uint64(f.GetSeverity()), 10)}, {"assignee", f.GetAssignee()},
	}}
}

func authorizationThing(a *demarcv1.Authorization) thing {
	return thing{a.GetName(), a.GetName(), a.GetBoundaries(), []attribute{
		{"decision", a.GetDecision()}, {"state", a.GetState()}, {"boundaries", strings.Join(a.GetBoundaries(), " ")}, {"until", strings.TrimPrefix(until(a.GetUntil(), ""), " to ")},
	}}
}

func agreementThing(x agreement) thing {
	return thing{x.GetDocument() + " " + x.GetTo(), x.GetName() + ", " + x.GetFrom() + " to " + x.GetTo(), unite([]string{x.GetFrom(), x.GetTo()}, nil), []attribute{
		{"state", x.GetState()}, {"services", strings.Join(x.GetServices(), ", ")}, {"until", strings.TrimPrefix(until(x.GetUntil(), ""), " to ")},
	}}
}

func portOf(d *demarcv1.Connection) string {
	if d.GetTransport() == "ethernet" {
		return "0x" + strconv.FormatUint(uint64(d.GetPort()), 16)
	}
	return d.GetTransport() + "/" + strconv.FormatUint(uint64(d.GetPort()), 10)
}
