package identity

// Bounds of what reports can make a Book hold. What is beyond is counted as a
// loss of reason table-full.
const (
	maxLabel  = 128  // bytes of a segment, attribute, source, protocol or part
	maxValue  = 1024 // bytes of a fact's value
	maxFacts  = 256  // facts of one part of one address
	maxParts  = 256  // parts behind one address, itself included
	maxClaims = 64   // MACs that sent from one address in one segment
	maxVLANs  = 64   // VLANs of one claim or connection
	maxNames  = 16   // names of an asset as shown
	maxServed = 32   // ports at which an asset serves one protocol, as fingerprints see them
	maxLosses = 4096 // losses kept by quarter hour; later ones add up by reason

	// maxOwn is how many IPv4 addresses of one segment and VLAN a MAC may prove
	// as its own. One that answers for more is a proxy (RFC 1027).
	maxOwn = 16
	// maxSerial is at how many addresses a serial number may stand. One that is
	// at more was cloned, or is not a serial number.
	maxSerial = 8
	// maxPorts is how many ports may name one MAC as that of their chassis.
	maxPorts = 128
	// A MAC without proof that sends from more IPv6 addresses, or from more /64
	// prefixes, than these forwards for others. A host has a stable and some
	// temporary addresses (RFC 8981) in a global and a unique local prefix.
	maxOwn6, maxPrefixes = 8, 2
)

// Limits bounds the tables of a Book.
type Limits struct {
	Addresses   int // by site and segment
	Connections int // by agent
}

// DefaultLimits hold a large plant with room to spare.
var DefaultLimits = Limits{Addresses: 1_000_000, Connections: 4_000_000}
