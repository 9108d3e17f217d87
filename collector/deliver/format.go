package deliver

import (
	"encoding/json"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// About is what every event says of the collector.
type About struct {
	Host    string // its name, one word
	Version string
	Pages   string // "https://collector.plant.example:8443", empty without pages
}

// format makes the text of an event, in one line.
type format func(*Event, *About) []byte

// formats are the ones that a configuration may name.
var formats = map[string]format{"cef": cef, "ocsf": ocsf, "ecs": ecs, "json": plain}

// Render is an event in a format.
func Render(name string, e *Event, a About) []byte { return fit(formats[name], e, &a) }

// maxMessage is what log servers take without being set up for more.
const maxMessage = 7900

// fit makes the text of an event, and leaves off what makes it longer than
// receivers take: evidence first.
func fit(f format, e *Event, a *About) []byte {
	text := f(e, a)
	for _, n := range []int{2, 0} {
		if len(text) <= maxMessage {
			break
		}
		less := *e
		less.LeftOff += len(e.Evidence) - min(n, len(e.Evidence))
		less.Evidence, less.Addresses = e.Evidence[:min(n, len(e.Evidence))], e.Addresses[:min(n, len(e.Addresses))]
		if n == 0 {
			less.Words, less.Why, less.Title = Clean(e.Words, 150), "", Clean(e.Title, 100)
			less.Documents, less.Controls = e.Documents[:min(2, len(e.Documents))], nil
		}
		text = f(&less, a)
	}
	return text
}

// link is the page of an event.
func (e *Event) link(a *About) string {
	if a.Pages == "" || e.Page == "" {
		return ""
	}
	return a.Pages + e.Page
}

// page makes the path of a page: page("findings", id).
func page(name, id string) string {
	parts := []string{"", name}
	for part := range strings.SplitSeq(id, "/") {
		if part != "" {
			parts = append(parts, url.PathEscape(part))
		}
	}
	return strings.Join(parts, "/")
}

// technique is the id and the name of what MITRE calls it: "T0886", "Remote
// Services".
func (e *Event) technique() (id, name string) {
	id, name, _ = strings.Cut(e.Technique, " ")
	return id, name
}

// verb is the last part of the kind: what happened.
func (e *Event) verb() string { return e.Kind[strings.LastIndexByte(e.Kind, '.')+1:] }

// ends are the addresses of the flow: IP where there are any, else as they are.
func (f *Flow) ends() (client, server netip.Addr) {
	if f == nil {
		return client, server
	}
	client, _ = netip.ParseAddr(f.Client)
	server, _ = netip.ParseAddr(f.Server)
	return client.Unmap(), server.Unmap()
}

// ips lists the IP addresses that an event names, each once.
func (e *Event) ips() (all []string) {
	client, server := e.Flow.ends()
	add := func(a netip.Addr) {
		if a.IsValid() && !slices.Contains(all, a.String()) {
			all = append(all, a.String())
		}
	}
	add(client)
	add(server)
	for _, s := range e.Addresses {
		a, _ := netip.ParseAddr(s)
		add(a.Unmap())
	}
	return all
}

// protocol is what the wire proved, "" where nothing did.
func (f *Flow) protocol() string {
	if f == nil || f.Protocol == "unknown" {
		return ""
	}
	return f.Protocol
}

// fields is an object of JSON; nothing empty is kept.
type fields map[string]any

// set keeps a value unless it is empty.
func (f fields) set(name string, value any) {
	switch v := value.(type) {
	case string:
		if v == "" {
			return
		}
	case []string:
		if len(v) == 0 {
			return
		}
	case uint32:
		if v == 0 {
			return
		}
	case uint64:
		if v == 0 {
			return
		}
	case int:
		if v == 0 {
			return
		}
	case time.Time:
		if v.IsZero() {
			return
		}
		value = v.UTC()
	case fields:
		if len(v) == 0 {
			return
		}
	case []fields:
		if len(v) == 0 {
			return
		}
	}
	f[name] = value
}

func (f fields) text() []byte {
	text, err := json.Marshal(f) // keys sorted: the same event gives the same text
	if err != nil {
		panic("deliver: " + err.Error()) // strings, numbers and times of our own always marshal
	}
	return text
}

// own is what no format has a field of its own for.
func (e *Event) own() fields {
	f := fields{}
	f.set("kind", e.Kind)
	f.set("subject", e.Subject)
	f.set("class", e.Class)
	f.set("revision", e.Revision)
	f.set("site", e.Site)
	f.set("boundaries", e.Boundaries)
	f.set("documents", e.Documents)
	f.set("controls", e.Controls)
	f.set("policy_version", e.Policy)
	f.set("service", e.Service)
	f.set("why", e.Why)
	f.set("evidence", e.Evidence)
	f.set("evidence_left_off", e.LeftOff)
	f.set("severity_before", e.Was)
	f.set("count", e.Count)
	f.set("status", e.Status)
	return f
}
