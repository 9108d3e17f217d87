package server

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/inventory"
	demarcv1 "demarc/proto/demarc/v1"
)

// live is how long a connection counts as active after its last packet: until
// then, or until three times its usual silence, it is judged at the collector's
// clock; afterwards, and where packets come from a file, at the time of its last
// packet.
const live = 24 * time.Hour

// judgedAt is the time that a connection is judged for, when the collector's
// clock shows now. Packets of an agent whose clock runs far ahead make nothing
// past that is active now.
func judgedAt(c inventory.Connection, now time.Time) time.Time {
	last := c.Quarters.Last(now.Add(live).UnixNano())
	if last == 0 {
		return packetTime(c.Data.GetLastSeen(), now)
	}
	age := now.Sub(time.Unix(0, last))
	if age <= live || age <= 3*time.Duration(c.Quarters.Rhythm()) {
		return now
	}
	return c.Data.GetLastSeen().AsTime()
}

func assetAt(a *demarcv1.Asset, now time.Time) time.Time { return packetTime(a.GetLastSeen(), now) }

func packetTime(last *timestamppb.Timestamp, now time.Time) time.Time {
	if last == nil {
		return now
	}
	t := last.AsTime()
	if age := now.Sub(t); age > live || age < -live {
		return t
	}
	return now
}

// latest is the time of the newest packet that a body tells of; zero without.
func latest(b *demarcv1.Body) (last int64) {
	for _, c := range b.GetConnections() {
		last = max(last, c.GetLastNs())
	}
	for _, x := range b.GetEndpoints() {
		last = max(last, x.GetLastNs())
	}
	return last
}
