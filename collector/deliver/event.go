package deliver

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"demarc/collector/config"
)

// Mark is where an event stands: the position of the journal's record that it
// came of, and its number among those of that record. Applied again, a record
// gives the same events with the same marks.
type Mark struct {
	Position uint64 `json:"position"`
	N        uint32 `json:"n"`
}

func (m Mark) compare(o Mark) int {
	return cmp.Or(cmp.Compare(m.Position, o.Position), cmp.Compare(m.N, o.N))
}

// Event is something that happened, as it was when it did.
type Event struct {
	// ID is the same whenever the same event is sent.
	ID   string    `json:"id"`
	Mark Mark      `json:"-"`
	Time time.Time `json:"time"`
	// Kind is what happened: finding.raised, condition.violated, ... What is the
	// configuration's word for its like.
	Kind     string `json:"kind"`
	What     string `json:"what"`
	Title    string `json:"title"`
	Words    string `json:"words,omitempty"` // what happened
	Severity uint32 `json:"severity"`        // 0 to 100; Was is what it was before, where that changed
	Was      uint32 `json:"severity_before,omitempty"`
	Status   string `json:"status,omitempty"`
	Actor    string `json:"actor,omitempty"`

	// Subject is what it happened to: the id of a finding or condition, a
	// document, an agent. Class is the kind of finding, or how a condition
	// stands.
	Subject    string   `json:"subject,omitempty"`
	Class      string   `json:"class,omitempty"`
	Revision   uint64   `json:"revision,omitempty"`
	Site       string   `json:"site,omitempty"`
	Boundaries []string `json:"boundaries,omitempty"` // of a flow from client to server
	Documents  []string `json:"documents,omitempty"`
	Controls   []string `json:"controls,omitempty"`
	Policy     uint64   `json:"policy_version,omitempty"`
	Service    string   `json:"service,omitempty"`
	Technique  string   `json:"technique,omitempty"`
	Why        string   `json:"why,omitempty"`
	Evidence   []string `json:"evidence,omitempty"`
	LeftOff    int      `json:"evidence_left_off,omitempty"`
	Flow       *Flow    `json:"flow,omitempty"`
	Addresses  []string `json:"addresses,omitempty"`
	// First and Last are when the traffic behind it was seen.
	First time.Time `json:"first_seen,omitzero"`
	Last  time.Time `json:"last_seen,omitzero"`
	// Count is how much was lost or dropped.
	Count uint64 `json:"count,omitempty"`
	// Page is where the pages show it, "/findings/f-abc".
	Page string `json:"page,omitempty"`
}

// Flow is a connection, as one that stands for all.
type Flow struct {
	Client    string `json:"client"`
	Server    string `json:"server"`
	Transport string `json:"transport"`
	Port      uint32 `json:"port,omitempty"`
	Protocol  string `json:"protocol,omitempty"`
}

// Kinds of events that are about the delivery itself: they are sent whatever is
// asked for.
const (
	KindTest = "delivery.test"
	KindGap  = "delivery.gap"
)

// identify gives an event its ID: of what happened, to what and when. It is the
// same when the journal is applied again, whatever else came before.
func (e *Event) identify() {
	h := sha256.New()
	for _, s := range []string{e.Kind, e.Subject, e.Time.UTC().Format(time.RFC3339Nano), fmt.Sprint(e.Revision), e.Title, e.Words, e.Class, e.Status, e.Site} {
		_, _ = fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	e.ID = "e-" + hex.EncodeToString(h.Sum(nil)[:16])
}

// Bounds of an event, so that each of its forms fits what log servers take.
const (
	maxTitle = 300 // runes
	maxWords = 700
	maxName  = 260
	maxList  = 8
	maxText  = 300
)

// MaxEvidence is how many connections an event lists.
const MaxEvidence = 5

// Finish cleans and bounds what an event holds, and gives it its ID. Names and
// texts come from devices and documents: none may break a line or a terminal.
func (e *Event) Finish() {
	for text, most := range map[*string]int{
		&e.Title: maxTitle, &e.Words: maxWords, &e.Why: maxWords, &e.Status: maxName, &e.Actor: maxName, &e.Subject: maxName, &e.Class: maxName,
		&e.Site: maxName, &e.Service: maxName, &e.Technique: maxName,
	} {
		*text = Clean(*text, most)
	}
	if f := e.Flow; f != nil {
		e.Flow = &Flow{Clean(f.Client, maxName), Clean(f.Server, maxName), Clean(f.Transport, maxName), f.Port, Clean(f.Protocol, maxName)}
	}
	if over := len(e.Evidence) - MaxEvidence; over > 0 {
		e.LeftOff += over
	}
	e.Boundaries, e.Documents, e.Controls = cleanList(e.Boundaries, maxList, maxName), cleanList(e.Documents, maxList, maxName), cleanList(e.Controls, maxList, maxName)
	e.Evidence, e.Addresses = cleanList(e.Evidence, MaxEvidence, maxText), cleanList(e.Addresses, 2*maxList, maxName)
	e.Time = e.Time.UTC()
	e.identify()
}

func cleanList(all []string, most, runes int) []string {
	if len(all) == 0 {
		return nil
	}
	out := make([]string, min(len(all), most))
	for i := range out {
		out[i] = Clean(all[i], runes)
	}
	return out
}

// Clean is s in one line of at most so many runes. What a terminal or a log
// would take for something else than text (control characters, what turns the
// direction of writing, octets that are no UTF-8) is written as \x1b, so that it
// is seen.
func Clean(s string, runes int) string {
	var b strings.Builder
	n := 0
	for i, r := range s {
		if n == runes {
			return b.String() + "..."
		}
		n++
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			_, _ = fmt.Fprintf(&b, `\x%02x`, s[i])
		case r < 0x80 && unicode.IsControl(r):
			_, _ = fmt.Fprintf(&b, `\x%02x`, r)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		default:
			_, _ = fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// level is the least severity of each of config.Levels.
var level = map[string]uint32{"info": 0, "low": 20, "medium": 40, "high": 70, "critical": 90}

// Level names a severity.
func Level(severity uint32) string {
	name := config.Levels[0]
	for _, l := range config.Levels {
		if severity >= level[l] {
			name = l
		}
	}
	return name
}
