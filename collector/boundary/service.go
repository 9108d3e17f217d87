package boundary

import (
	"fmt"
	"slices"

	"demarc/internal/ot"
)

// Service is what may be spoken: a protocol with its terms, or a set of them.
type Service struct {
	At
	Protocol   string     `doc:"protocol"`
	Ports      Ports      `doc:"ports"` // any when absent
	Operations []string   `doc:"operations" oneof:"@operations"`
	Security   Protection `doc:"security"`
	WhenHidden string     `doc:"whenHidden" oneof:"attest"`
	Dynamic    bool       `doc:"dynamic"` // ports that a covered connection negotiates are covered too
	Over       string     `doc:"over" oneof:"tls"`
	Set        Ref        `doc:"set"`
	Opens      string     `doc:"opens" oneof:"provider consumer"` // of a SharedService; consumer when absent
}

// ServiceSet is a named list of services, of no effect until one names it.
type ServiceSet struct {
	Meta
	Services []Service `doc:"services,need"`
}

// SharedService is what many boundaries use from one place: DNS, NTP,
// directory, syslog, patches, backup.
type SharedService struct {
	Meta
	Purpose   string     `doc:"purpose,need"`
	Owner     *Contact   `doc:"owner"`
	Provider  Provider   `doc:"provider,need"`
	Consumers []Ref      `doc:"consumers,need"`
	Services  []Service  `doc:"services,need"`
	Agreement *Paper     `doc:"agreement"`
	Sides     []Approval `doc:"sides"`
	Impact    *Impact    `doc:"impact"`
}

// Provider is where a shared service stands.
type Provider struct {
	Boundary  Ref       `doc:"boundary,need"`
	Addresses []Address `doc:"addresses"` // every address of the boundary when absent
	Under     Ref       `doc:"under"`     // authorization that it is lent under
}

func (s *ServiceSet) check(d *decoder) {
	checkServices(d, s.At, s.Services, false)
	for _, one := range s.Services {
		if one.Set.Name != "" {
			d.problem(one.Set.At, "a service set within a service set", "list its services")
		}
	}
}

func (s *SharedService) check(d *decoder) {
	checkServices(d, s.At, s.Services, true)
	checkPaper(d, s.Agreement, s.Sides)
	var names []string
	for _, c := range s.Consumers {
		if c.Name == "all" {
			d.problem(c.At, "consumers: all is no boundary", "name each one")
		}
		if c.Name != "" && c.Name == s.Provider.Boundary.Name {
			d.problem(c.At, c.Name+" is provider and consumer", "take it out: it needs no agreement with itself")
		}
		if c.Name != "" && slices.Contains(names, c.Name) {
			d.problem(c.At, "consumer "+c.Name+" stands twice", "keep one")
		}
		names = append(names, c.Name)
	}
}

func checkServices(d *decoder, at At, services []Service, shared bool) {
	if len(services) == 0 {
		d.problem(at, "services is empty", "name at least one, such as {protocol: opcua, ports: [4840]}")
	}
	for _, s := range services {
		s.check(d, shared)
	}
}

func (s *Service) check(d *decoder, shared bool) {
	switch {
	case s.Protocol == "" && s.Set.Name == "":
		d.problem(s.At, "a service without protocol", "add protocol: with its name, or set: with a ServiceSet")
	case s.Set.Name != "" && (s.Protocol != "" || s.Ports.Line != 0 || len(s.Operations) > 0 || s.Security.Line != 0 || s.Dynamic || s.Over != "" || s.WhenHidden != ""):
		d.problem(s.At, "a service with set and other keys", "write the set alone, or the service itself")
	}
	if s.Opens != "" && !shared {
		d.problem(s.At, "opens belongs to a SharedService", "write initiator in the Interconnection")
	}
	if s.Protocol == "" {
		return
	}
	if !ot.IsProtocol(s.Protocol) {
		if best := nearest(s.Protocol, ot.Protocols()); best != "" {
			d.problem(s.At, "protocol "+quote(s.Protocol)+" is not known", fmt.Sprintf("did you mean %s?", best))
		} else {
			d.warn(s.At, "protocol "+quote(s.Protocol)+" is none that Demarc names", "no connection will ever match it, unless your own protocol has this name")
		}
	}
	hidden := s.Over != "" || s.Security.Mode == "sign-and-encrypt" || s.Security.TLS != ""
	if len(s.Operations) > 0 && hidden && s.WhenHidden == "" {
		d.warn(s.At, "encryption hides the operations of "+s.Protocol, "add whenHidden: attest, or expect them not observable")
	}
}
