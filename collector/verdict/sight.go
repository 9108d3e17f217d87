package verdict

import (
	"strconv"
	"time"

	"demarc/collector/inventory"
	"demarc/internal/ot"
	"demarc/internal/quarter"
	demarcv1 "demarc/proto/demarc/v1"
)

// sight is what is known of a connection, in the form that terms need.
type sight struct {
	service  string // protocol, or transport and port
	protocol string // empty while not identified by content
	directed bool   // better than from a port
	opener   quarter.Opener
	tls      string // version, empty when not seen
	security ot.SecurityMode
	classes  ot.Classes // operations that were ever counted
	last     time.Time
}

func sightOf(c inventory.Connection) sight {
	d := c.Data
	s := sight{directed: ot.ParseBasis(d.DirectionBasis) > ot.BasisPort, tls: d.GetSecurityFacts().GetTls()}
	if d.Protocol != "unknown" && d.Protocol != "scan" && ot.ParseGrade(d.Grade) >= ot.Behaviour {
		s.protocol = d.Protocol
	}
	s.service = s.protocol
	if s.service == "" {
		s.service = portOf(d)
	}
	if d.Protocol == scan {
		s.service = clean(d.Transport) + " on many ports"
	}
	switch d.OpenedBy {
	case "client":
		s.opener = quarter.Client
	case "server":
		s.opener = quarter.Server
	}
	switch d.Security {
	case ot.SecurityNone.String():
		s.security = ot.SecurityNone
	case ot.Sign.String():
		s.security = ot.Sign
	case ot.SignAndEncrypt.String():
		s.security = ot.SignAndEncrypt
	}
	if s.tls != "" {
		s.security = ot.SignAndEncrypt
	}
	if s.classes = c.Classes; s.classes == 0 {
		for name, n := range d.Operations {
			if n > 0 {
				s.classes |= ot.ClassOf(name)
			}
		}
	}
	if d.LastSeen != nil {
		s.last = d.LastSeen.AsTime()
	}
	return s
}

// scan is the protocol of a connection that stands for tries of many ports.
const scan = "scan"

// portOf names a service by its transport and port: "tcp/4840",
// "ethernet/0x88cc", "icmp".
func portOf(d *demarcv1.Connection) string {
	switch {
	case d.Transport == "":
		return "unknown"
	case d.Transport == "ethernet":
		return "ethernet/0x" + pad(strconv.FormatUint(uint64(d.Port), 16))
	case d.Port == 0:
		return clean(d.Transport)
	}
	return clean(d.Transport) + "/" + strconv.FormatUint(uint64(d.Port), 10)
}

func pad(hex string) string {
	for len(hex) < 4 {
		hex = "0" + hex
	}
	return hex
}

// early is until when the service may still be identified; zero if c's start is
// not known.
func early(d *demarcv1.Connection) time.Time {
	if d.FirstSeen == nil {
		return time.Time{}
	}
	return d.FirstSeen.AsTime().Add(Early)
}
