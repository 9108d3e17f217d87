// Package identity turns what agents observed into assets and connections: feed
// it Bodies with Book.Apply, in any order between agents, and ask for the
// Inventory. It keeps raw observations by (site, segment, address) and derives
// everything else from them, so that a merge can be explained and undone.
package identity

import (
	"net/netip"

	"demarc/internal/ot"
	"demarc/internal/quarter"

	demarcv1 "demarc/proto/demarc/v1"
)

// Space names the address space that a belongs to when it is seen in segment of
// site. Equal names and addresses are one endpoint. Names of spaces that belong
// to one site or segment must hold the site's or segment's name.
type Space func(site, segment string, a netip.Addr) string

// OneSpace is the space of a site without documents: link-local addresses
// belong to their segment, all others to the site.
func OneSpace(site, segment string, a netip.Addr) string {
	if a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast() || a.IsInterfaceLocalMulticast() {
		return "segment " + site + "/" + segment
	}
	return "site " + site
}

// End is one end of a connection as it is placed.
type End struct {
	Segment string     // where the address stands if OwnLink, else where it was seen
	Addr    netip.Addr // invalid without IP
	MAC     string     // its own; empty when it is a router's, or none was seen
	VLANs   []uint32   // of its own link if OwnLink, else all that it was seen on
	OwnLink bool       // its MAC was proved by ARP, ND or DHCP on its own link
	Asset   string     // empty when it never sent a frame, and for groups
}

// Connection is a connection merged over the agents that saw it.
type Connection struct {
	ID, Site       string
	Client, Server End
	Data           *demarcv1.Connection // each counter the largest of any agent, never the sum
	Classes        ot.Classes           // of the operations in Data; 0 where nobody summed them up
	Agents         []string
	Devices        Devices         // tells of the assets at its ends; nil tells nothing
	Quarters       quarter.History // the Book's own: to be read before it changes; Clone to keep it
}

// Changes lists the ids of assets and connections that are new, changed or
// gone, each sorted and once.
type Changes struct {
	Assets, Connections []string
}
