package verdict

import (
	"slices"

	"demarc/collector/boundary"
)

// carriers names what a protocol travels in: as long as only the carrier shows,
// the protocol may still be inside. TLS may carry any protocol over TCP.
var carriers = map[string][]string{
	"s7comm":      {"cotp"},
	"s7comm-plus": {"cotp"},
	"mms":         {"cotp"},
	"iccp":        {"cotp", "mms"},
	"rdp":         {"cotp"},
	"opc-da":      {"dcerpc"},
	"profinet-io": {"dcerpc"},
	"sparkplug":   {"mqtt"},
	"umas":        {"modbus"},
	"cip":         {"enip"},
}

// covers names what else a protocol stands for in a document.
var covers = map[string][]string{
	"mqtt": {"sparkplug"},
	"enip": {"cip"},
	"cip":  {"enip"},
	"http": {"http2", "websocket"},
}

// serviceTerm holds protocol and port against one agreed service. A protocol
// that is not identified never breaks it; a port outside the agreed ones does,
// once it is certain which end is the server.
func (k *judge) serviceTerm(x *candidate, explain bool) term {
	t := k.fits(x.service)
	if explain {
		t.why = k.serviceWhy(x.service, t.state)
	}
	return t
}

func (k *judge) fits(s *boundary.AgreedService) term {
	if k.data.RelatedTo != "" && (s.Dynamic || k.seen.protocol == s.Protocol) {
		return term{state: pick(s.Dynamic || s.Ports.Holds(k.data.Port), true)}
	}
	port := s.Ports.Holds(k.data.Port)
	seen := k.seen.protocol
	switch {
	case s.Over == "tls" && (seen == "tls" || k.seen.tls != ""):
		return term{state: pick(port, k.seen.directed)}
	case seen != "" && (seen == s.Protocol || slices.Contains(covers[s.Protocol], seen)):
		return term{state: pick(port, k.seen.directed)}
	case seen == "" || seen == "tls" && k.data.Transport == "tcp" || slices.Contains(carriers[s.Protocol], seen):
		return term{state: pick(false, !port && k.seen.directed)}
	}
	return term{state: broken}
}

func (k *judge) serviceWhy(s *boundary.AgreedService, t state) string {
	switch {
	case t == met && k.data.RelatedTo != "":
		return "negotiated on a connection of " + agreedService(s)
	case t == met:
		return clean(k.seen.service) + " is agreed"
	case t == broken && k.seen.protocol == "":
		return k.seen.service + " is not agreed, " + agreedService(s) + " is"
	case t == broken:
		return clean(k.seen.protocol) + " on " + portOf(k.data) + " is not agreed, " + agreedService(s) + " is"
	case k.seen.protocol != "":
		return "what " + clean(k.seen.protocol) + " on " + portOf(k.data) + " carries is not identified"
	}
	return "the service on " + portOf(k.data) + " is not identified"
}

func agreedService(s *boundary.AgreedService) string {
	agreed := s.Protocol
	if s.Over != "" {
		agreed += " over " + s.Over
	}
	return agreed + " on " + s.Ports.String()
}
