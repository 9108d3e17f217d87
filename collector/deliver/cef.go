package deliver

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// cef is ArcSight's Common Event Format, version 0: seven fields with bars
// between them, and key=value pairs.
func cef(e *Event, a *About) []byte {
	var b strings.Builder
	b.WriteString("CEF:0")
	for _, s := range []string{"Demarc", "Demarc", a.Version, e.Kind, e.Title, strconv.Itoa(int(min(10, (e.Severity+5)/10)))} {
		b.WriteByte('|')
		b.WriteString(cefHeader(s))
	}
	b.WriteByte('|')
	b.WriteString(strings.Join(cefPairs(e, a), " "))
	return []byte(b.String())
}

var (
	headerEscapes = strings.NewReplacer(`\`, `\\`, `|`, `\|`, "\r\n", " ", "\r", " ", "\n", " ")
	valueEscapes  = strings.NewReplacer(`\`, `\\`, `=`, `\=`, "\r", `\r`, "\n", `\n`)
)

// cefHeader escapes a field of the header: it may hold no line break at all.
func cefHeader(s string) string { return headerEscapes.Replace(s) }

// cefValue escapes the value of a pair.
func cefValue(s string) string { return valueEscapes.Replace(s) }

func cefPairs(e *Event, a *About) (pairs []string) {
	put := func(key, value string) {
		if value != "" {
			pairs = append(pairs, key+"="+cefValue(value))
		}
	}
	custom := func(key, label, value string) {
		if value != "" {
			put(key+"Label", label)
			put(key, value)
		}
	}
	instant := func(key string, t time.Time) {
		if !t.IsZero() {
			put(key, strconv.FormatInt(t.UnixMilli(), 10))
		}
	}
	instant("rt", e.Time)
	put("externalId", e.ID)
	put("cat", e.What)
	put("act", e.verb())
	put("dvchost", a.Host)
	put("outcome", e.Status)
	put("suser", e.Actor)
	cefFlow(e.Flow, put, custom)
	put("app", e.Flow.protocol())
	instant("start", e.First)
	instant("end", e.Last)
	custom("cs1", "Boundaries", strings.Join(e.Boundaries, " > "))
	custom("cs2", "Documents", strings.Join(e.Documents, ", "))
	custom("cs3", "Subject", e.Subject)
	custom("cs4", "Class", e.Class)
	custom("cs5", "Technique", e.Technique)
	custom("cs6", "Evidence", strings.Join(e.Evidence, "; "))
	custom("cn1", "Severity", strconv.Itoa(int(e.Severity)))
	if e.Count > 0 {
		put("cnt", strconv.FormatUint(e.Count, 10))
	}
	put("deviceFacility", e.Site)
	put("reason", e.Why)
	put("request", e.link(a))
	put("msg", e.Words)
	return pairs
}

// cefFlow puts the two ends: src and dst are IPv4, IPv6 has fields of its own,
// and where there is no IP a MAC stands.
func cefFlow(f *Flow, put func(key, value string), custom func(key, label, value string)) {
	if f == nil {
		return
	}
	client, server := f.ends()
	for _, end := range []struct {
		ip                  netip.Addr
		text                string
		v4, v6, label6, mac string
	}{
		{client, f.Client, "src", "c6a2", "Source IPv6 Address", "smac"},
		{server, f.Server, "dst", "c6a3", "Destination IPv6 Address", "dmac"},
	} {
		switch {
		case end.ip.Is4():
			put(end.v4, end.ip.String())
		case end.ip.Is6():
			custom(end.v6, end.label6, end.ip.String())
		default:
			put(end.mac, end.text)
		}
	}
	put("proto", strings.ToUpper(f.Transport))
	if f.Transport != "ethernet" && f.Port > 0 {
		put("dpt", strconv.FormatUint(uint64(f.Port), 10))
	}
}
