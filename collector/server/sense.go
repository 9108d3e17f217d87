package server

import (
	"hash/maphash"
	"slices"

	"demarc/collector/boundary"
	"demarc/collector/condition"
	"demarc/collector/inventory"
	"demarc/internal/ot"
	"demarc/internal/quarter"
	demarcv1 "demarc/proto/demarc/v1"
)

// device is what conditions read of an asset, as of the last record.
type device struct {
	boundaries           []string // that its addresses stand in, IP or not; "" is none
	link                 condition.Segment
	last                 int64  // heard, Unix nanoseconds
	places, roles, facts uint64 // summed up; 0 where no condition reads them
}

// home is a segment on which devices of a boundary are on their own link.
type home struct {
	boundary string
	condition.Segment
}

var sumSeed = maphash.MakeSeed()

func sum(parts ...string) uint64 {
	var h maphash.Hash
	h.SetSeed(sumSeed)
	for _, p := range parts {
		_, _ = h.WriteString(p) // a hash takes every write
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}

// sense takes an asset as it is, with where it stands, for conditions: those that
// read what changed of it are judged again. Without ends it is a part, or gone.
func (e *engine) sense(id string, ends []inventory.End) {
	s := &e.stands
	if s.docket.Len() == 0 {
		return
	}
	before, known := s.devices[id]
	now := device{}
	if len(ends) > 0 {
		now = e.deviceOf(id, ends)
		s.devices[id] = now
	} else {
		delete(s.devices, id)
	}
	s.settle(before.homes(), now.homes())
	what := now.differs(&before, s.docket.Silence().Nanoseconds())
	if !known || len(ends) == 0 {
		what &= condition.Places // its connections are others, too, and say so
	}
	if what != 0 {
		s.docket.Device(what, slices.Concat(before.boundaries, now.boundaries))
	}
}

// senseAll takes every asset for conditions that read of them what those before
// did not.
func (e *engine) senseAll() {
	s := &e.stands
	s.devices, s.homes = map[string]device{}, map[home]int{}
	for id := range e.assets {
		e.sense(id, e.book.Ends(id))
	}
}

func (e *engine) deviceOf(id string, ends []inventory.End) (d device) {
	d.link.Site, d.link.Name, d.last = e.book.Link(id)
	places, site := make([]string, 0, 2*len(ends)), e.book.SiteOf(id)
	for _, end := range ends {
		b := e.policy.Place(site, end).Boundary
		if !slices.Contains(d.boundaries, b) {
			d.boundaries = append(d.boundaries, b)
		}
		if end.Addr.IsValid() {
			places = append(places, end.Addr.String(), b)
		}
	}
	d.places = sum(places...)
	if e.stands.docket.Reads()&(condition.Roles|condition.Facts) != 0 {
		if a, ok := e.book.Asset(id); ok {
			d.roles, d.facts = rolesOf(a), factsOf(a)
		}
	}
	return d
}

func rolesOf(a *demarcv1.Asset) uint64 {
	level := "unknown"
	if a.Level != nil {
		level = string('0' + a.GetLevel())
	}
	of := []string{level}
	for _, r := range a.GetRoles() {
		of = append(of, r.GetRole(), r.GetGrade())
	}
	return sum(of...)
}

func factsOf(a *demarcv1.Asset) uint64 {
	of := slices.Concat(a.GetNames(), []string{""}, a.GetIps(), a.GetMacs(), boundary.DeviceShown(a).Serials)
	return sum(append(of, a.GetVendor(), a.GetModel(), a.GetFirmware(), a.GetKind())...)
}

// homes are the segments that a device shows of its boundaries.
func (d *device) homes() (all []home) {
	if d.link.Name == "" {
		return nil
	}
	for _, b := range d.boundaries {
		if b != "" && b != boundary.Internet {
			all = append(all, home{b, d.link})
		}
	}
	return all
}

// differs lists what of a device is not as before.
func (d *device) differs(before *device, silence int64) (what condition.Attributes) {
	if d.places != before.places || !slices.Equal(d.boundaries, before.boundaries) {
		what |= condition.Places
	}
	if d.roles != before.roles {
		what |= condition.Roles
	}
	if d.facts != before.facts {
		what |= condition.Facts
	}
	if d.last-before.last > silence {
		what |= condition.Seen
	}
	return what
}

// settle counts the devices on each segment: where the first one comes or the
// last one goes, what is in sight of a boundary is another.
func (s *standings) settle(before, now []home) {
	for _, at := range now {
		if s.homes[at]++; s.homes[at] == 1 && !slices.Contains(before, at) {
			s.docket.Touch()
		}
	}
	for _, at := range before {
		if s.homes[at]--; s.homes[at] > 0 {
			continue
		}
		delete(s.homes, at)
		if !slices.Contains(now, at) {
			s.docket.Touch()
		}
	}
}

// turns takes for conditions what a judgement comes to, before it takes the place
// of the one before.
func (e *engine) turns(j *judgement, now *taken) {
	e.lean.line(j, j.line(), now.line())
	if d := e.stands.docket; !d.Full() {
		if c := moved(&j.taken, now, d.Silence().Nanoseconds()); c.What != 0 {
			d.Connection(c)
		}
	}
}

// moved is how a judgement that takes the place of another changes its connection
// for conditions.
func moved(before, now *taken, silence int64) (c condition.Change) {
	c.Before, c.Now = [2]string{before.client, before.server}, [2]string{now.client, now.server}
	switch {
	case before.data == nil:
		c.What, c.Before = condition.Every, c.Now
	case now.data == nil:
		c.What, c.Now = condition.Every, c.Before
	default:
		c.What = unlike(before, now, silence)
	}
	c.TCP = [2]condition.Segment{before.line(), now.line()}
	for _, x := range [...]*taken{before, now} {
		c.OneSided = c.OneSided || x.data.GetOutcome() == ot.OneSided.String()
	}
	return c
}

// line is the segment that a TCP connection is heard on; none for others.
func (t *taken) line() (at condition.Segment) {
	if t.data.GetTransport() == "tcp" {
		at.Site, at.Name = t.site, t.data.GetSegment()
	}
	return at
}

// unlike lists what of a connection is not as before.
func unlike(before, now *taken, silence int64) (what condition.Attributes) {
	a, b := before.data, now.data
	note := func(differs bool, attribute condition.Attributes) {
		if differs {
			what |= attribute
		}
	}
	note(before.client != now.client || before.server != now.server, condition.Presence)
	note(before.verdict != now.verdict || !slices.Equal(before.documents, now.documents), condition.Verdict)
	if a == b {
		return what
	}
	note(a.GetSegment() != b.GetSegment() || a.GetClientAsset() != b.GetClientAsset() || a.GetServerAsset() != b.GetServerAsset(), condition.Presence)
	note(nanos(b.GetLastSeen())-nanos(a.GetLastSeen()) > silence, condition.Activity)
	note(a.GetProtocol() != b.GetProtocol() || a.GetGrade() != b.GetGrade(), condition.Protocol)
	note(a.GetOutcome() != b.GetOutcome() || len(before.counted) == 0 && len(now.counted) > 0 ||
		(a.GetClientPackets() == 0) != (b.GetClientPackets() == 0) || (a.GetServerPackets() == 0) != (b.GetServerPackets() == 0), condition.Outcome)
	note(a.GetOpenedBy() != b.GetOpenedBy() || a.GetDirectionBasis() != b.GetDirectionBasis(), condition.Opener)
	note(a.GetSecurity() != b.GetSecurity() || a.GetSecurityFacts().GetTls() != b.GetSecurityFacts().GetTls(), condition.Security)
	note(a.GetSecurityFacts().GetServerName() != b.GetSecurityFacts().GetServerName(), condition.Name)
	for i := range now.counted {
		x := &now.counted[i]
		was := counted{class: x.class}
		if at := slices.IndexFunc(before.counted, func(y counted) bool { return y.class == x.class }); at >= 0 {
			was = before.counted[at]
		}
		note(x.n != was.n && (quarter.Acting.Has(x.class) || x.last-was.last > silence), condition.Operation(x.class))
	}
	return what
}
