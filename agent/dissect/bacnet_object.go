package dissect

import "demarc/internal/ot"

// Object types that need a name, clause 21 BACnetObjectType.
const (
	objectCommand = 7
	objectDevice  = 8
	objectProgram = 16
)

// bacnetObjectTypes are the names of object types, by number.
var bacnetObjectTypes = [...]string{
	"analog-input", "analog-output", "analog-value", "binary-input", "binary-output",
	"binary-value", "calendar", "command", "device", "event-enrollment",
	"file", "group", "loop", "multi-state-input", "multi-state-output",
	"notification-class", "program", "schedule", "averaging", "multi-state-value",
	"trend-log", "life-safety-point", "life-safety-zone", "accumulator", "pulse-converter",
	"event-log", "global-group", "trend-log-multiple", "load-control", "structured-view",
	"access-door", "timer", "access-credential", "access-point", "access-rights",
	"access-user", "access-zone", "credential-data-input", "network-security", "bitstring-value",
	"characterstring-value", "date-pattern-value", "date-value", "datetime-pattern-value", "datetime-value",
	"integer-value", "large-analog-value", "octetstring-value", "positive-integer-value", "time-pattern-value",
	"time-value", "notification-forwarder", "alert-enrollment", "channel", "lighting-output",
	"binary-lighting-output", "network-port", "elevator-group", "escalator", "lift",
	"staging", "audit-log", "audit-reporter",
}

// How many objects one conversation tells the names of, and how many of them
// behind a router: what devices are is worth more room than what they hold.
const (
	maxObjects       = 96
	maxObjectsBehind = 32
)

// bacnetObjects remembers which were told.
type bacnetObjects struct {
	told   map[objectAt]struct{}
	behind int
}

type objectAt struct {
	path string
	id   bacnetID
}

// admit reports whether the object may be told: it was before, or there is room.
func (o *bacnetObjects) admit(path string, id bacnetID) bool {
	k := objectAt{path, id}
	if _, ok := o.told[k]; ok {
		return true
	}
	if len(o.told) >= maxObjects || path != "" && o.behind >= maxObjectsBehind {
		return false
	}
	if path != "" {
		o.behind++
	}
	if o.told == nil {
		o.told = map[objectAt]struct{}{}
	}
	o.told[k] = struct{}{}
	return true
}

// object tells an object of a device by type, instance and name, as far as
// maxObjects goes: a list of points shows what a controller is for.
func (d *bacnet) object(of Subject, id bacnetID, name *bacnetTag, source string, out Out) {
	text := d.characters(name)
	if text == nil || !d.objects.admit(of.Path, id) {
		return
	}
	at := d.text.mark()
	if int(id.kind) < len(bacnetObjectTypes) {
		d.text.adds(bacnetObjectTypes[id.kind])
	} else {
		d.text.adds("object-type-")
		d.text.uint(uint64(id.kind))
	}
	d.text.byte(',')
	d.text.uint(uint64(id.instance))
	d.text.byte(' ')
	d.text.add(text)
	out.Fact(of, bacnetObject, d.text.since(at), source, ot.Content)
}
