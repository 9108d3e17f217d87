package deliver

import (
	"net/netip"

	"demarc/collector/config"
)

// ecsVersion is the version of the Elastic Common Schema that ecs keeps to.
const ecsVersion = "8.11.0"

// ecsClasses are the categorization fields for what an event is about.
var ecsClasses = map[string]struct{ category, kind string }{
	config.Findings:       {"intrusion_detection", "info"},
	config.Conditions:     {"configuration", "info"},
	config.Authorizations: {"configuration", "change"},
	config.Agents:         {"host", "info"},
	config.Audit:          {"configuration", "change"},
}

// ecs is the event in the Elastic Common Schema; what that has no field for
// stands under demarc.
func ecs(e *Event, a *About) []byte {
	f := fields{
		"@timestamp": e.Time, "message": e.Title, "ecs": fields{"version": ecsVersion}, "event": ecsEvent(e, a), "demarc": e.own(),
		"observer": fields{"vendor": "Demarc", "product": "Demarc", "type": "ids", "version": a.Version},
	}
	if a.Host != "" {
		f["observer"].(fields)["name"] = a.Host
	}
	if e.Subject != "" {
		rule := fields{"id": e.Subject, "name": e.Title}
		rule.set("category", e.Class)
		f["rule"] = rule
	}
	related := fields{}
	related.set("ip", e.ips())
	if e.Actor != "" {
		f["user"] = fields{"name": e.Actor}
		related["user"] = []string{e.Actor}
	}
	f.set("related", related)
	if id, name := e.technique(); id != "" {
		f["threat"] = fields{"framework": "MITRE ATT&CK", "technique": fields{"id": []string{id}, "name": []string{name}}}
	}
	ecsFlow(f, e.Flow)
	return f.text()
}

func ecsEvent(e *Event, a *About) fields {
	kind := "event"
	switch {
	case e.What == config.Findings && e.verb() != "closed" && e.verb() != "withdrawn" && e.verb() != "ceased", e.What == config.Conditions && e.Severity >= level["medium"]:
		kind = "alert"
	case e.What == config.Conditions:
		kind = "state"
	}
	f := fields{"id": e.ID, "kind": kind, "action": e.Kind, "created": e.Time, "provider": "demarc", "module": "demarc", "dataset": "demarc." + e.What, "severity": e.Severity}
	if c, known := ecsClasses[e.What]; known {
		f["category"], f["type"] = []string{c.category}, []string{c.kind}
		if e.What == config.Findings && e.Flow != nil {
			f["category"] = []string{c.category, "network"}
		}
	}
	f.set("code", e.Class)
	f.set("reason", e.Words)
	f.set("url", e.link(a))
	f.set("start", e.First)
	f.set("end", e.Last)
	return f
}

func ecsFlow(f fields, flow *Flow) {
	if flow == nil {
		return
	}
	client, server := flow.ends()
	f["source"], f["destination"] = ecsEnd(flow.Client, client), ecsEnd(flow.Server, server)
	network := fields{}
	switch {
	case client.Is4() && server.Is4():
		network["type"] = "ipv4"
	case client.Is6() && server.Is6():
		network["type"] = "ipv6"
	}
	network.set("transport", flow.Transport)
	network.set("protocol", flow.protocol())
	f["network"] = network
	if flow.Transport != "ethernet" && flow.Port > 0 {
		f["destination"].(fields)["port"] = flow.Port
	}
}

func ecsEnd(text string, ip netip.Addr) fields {
	if ip.IsValid() {
		return fields{"address": text, "ip": ip.String()}
	}
	return fields{"address": text}
}
