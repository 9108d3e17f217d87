package deliver

import (
	"net/netip"
	"strings"

	"demarc/collector/config"
)

// ocsfVersion is the version of the Open Cybersecurity Schema that ocsf keeps
// to.
const ocsfVersion = "1.2.0"

// Classes of the schema. What is no finding is a base event.
const (
	ocsfBase       = 0
	ocsfCompliance = 2003
	ocsfDetection  = 2004
)

// ocsfSeverity is severity_id for each level.
var ocsfSeverity = map[string]int{"info": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}

// ocsf is the event in the Open Cybersecurity Schema: a finding is a Detection
// Finding, what is about conditions and authorizations a Compliance Finding.
// What the schema has no attribute for stands under unmapped.
func ocsf(e *Event, a *About) []byte {
	class, category := ocsfBase, 0
	switch e.What {
	case config.Findings:
		class, category = ocsfDetection, 2
	case config.Conditions, config.Authorizations:
		class, category = ocsfCompliance, 2
	}
	activity, name := ocsfActivity(e, class)
	f := fields{
		"class_uid": class, "category_uid": category, "activity_id": activity, "activity_name": name, "type_uid": class*100 + activity,
		"time": e.Time.UnixMilli(), "severity_id": ocsfSeverity[Level(e.Severity)], "message": e.Title, "unmapped": fields{"demarc": e.own()},
		"metadata": ocsfMetadata(e, a),
	}
	f.set("observables", ocsfObservables(e))
	if class == ocsfBase {
		f.set("status", e.Status)
		return f.text()
	}
	f["finding_info"] = ocsfInfo(e, a)
	f["status_id"] = ocsfStatus(e)
	f.set("status", e.Status)
	var resources []fields
	for _, b := range e.Boundaries {
		resources = append(resources, fields{"name": b, "type": "authorization boundary"})
	}
	switch {
	case class == ocsfCompliance:
		f["compliance"] = ocsfComplies(e)
		if len(resources) > 0 {
			f["resource"] = resources[0]
		}
	default:
		if len(resources) > 0 {
			f["resources"] = resources
		}
		if e.Flow != nil {
			f["evidences"] = []fields{ocsfEvidence(e.Flow)}
		}
	}
	return f.text()
}

func ocsfMetadata(e *Event, a *About) fields {
	f := fields{"uid": e.ID, "version": ocsfVersion, "event_code": e.Kind, "log_name": "demarc", "product": fields{"name": "Demarc", "vendor_name": "Demarc", "version": a.Version}}
	f.set("log_provider", a.Host)
	return f
}

// ocsfActivity: a finding is created, updated or closed; of others it is what
// happened.
func ocsfActivity(e *Event, class int) (id int, name string) {
	switch {
	case class == ocsfBase:
		return 99, e.Kind
	case e.verb() == "raised":
		return 1, "Create"
	case e.verb() == "closed", e.verb() == "withdrawn":
		return 3, "Close"
	}
	return 2, "Update"
}

// ocsfStatus is status_id: new, in progress, suppressed, resolved.
func ocsfStatus(e *Event) int {
	switch e.Status {
	case "investigating", "remediating", "deviation-requested":
		return 2
	case "deviation-approved":
		return 3
	case "closed", "holds":
		return 4
	}
	return 1
}

func ocsfInfo(e *Event, a *About) fields {
	f := fields{"uid": e.ID, "title": e.Title}
	f.set("desc", e.Why)
	f.set("src_url", e.link(a))
	if e.Subject != "" {
		f["uid"] = e.Subject
	}
	if e.Class != "" {
		f["types"] = []string{e.Class}
	}
	if !e.First.IsZero() {
		f["first_seen_time"] = e.First.UnixMilli()
	}
	if !e.Last.IsZero() {
		f["last_seen_time"] = e.Last.UnixMilli()
	}
	f["modified_time"] = e.Time.UnixMilli()
	if id, name := e.technique(); id != "" {
		f["attacks"] = []fields{{"technique": fields{"uid": id, "name": name}}}
	}
	return f
}

// ocsfComplies is how a condition, or what an authorization needs, stands.
func ocsfComplies(e *Event) fields {
	standards := []string{"authorization"}
	if len(e.Controls) > 0 {
		standards = []string{"NIST SP 800-53"}
	}
	f := fields{"standards": standards, "control": e.Subject, "status_id": 2}
	f.set("requirements", e.Controls)
	f.set("status", e.Status)
	f.set("status_detail", e.Words)
	switch {
	case e.Status == "holds":
		f["status_id"] = 1
	case e.Status == "violated", e.Severity >= level["high"]:
		f["status_id"] = 3
	}
	return f
}

func ocsfEvidence(flow *Flow) fields {
	client, server := flow.ends()
	to := ocsfEnd(flow.Server, server)
	if flow.Transport != "ethernet" && flow.Port > 0 {
		to["port"] = flow.Port
	}
	to.set("svc_name", flow.protocol())
	return fields{
		"src_endpoint": ocsfEnd(flow.Client, client), "dst_endpoint": to,
		"connection_info": fields{"protocol_name": strings.ToLower(flow.Transport), "direction_id": 0},
	}
}

func ocsfEnd(text string, ip netip.Addr) fields {
	if ip.IsValid() {
		return fields{"ip": ip.String()}
	}
	return fields{"name": text}
}

// ocsfObservables are the addresses of the evidence: type 2 is an IP address.
func ocsfObservables(e *Event) []fields {
	var all []fields
	client, server := e.Flow.ends()
	for _, end := range []struct {
		name string
		ip   netip.Addr
	}{{"evidences[0].src_endpoint.ip", client}, {"evidences[0].dst_endpoint.ip", server}} {
		if end.ip.IsValid() {
			all = append(all, fields{"name": end.name, "type": "IP Address", "type_id": 2, "value": end.ip.String()})
		}
	}
	return all
}
