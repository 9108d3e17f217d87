// Package role says what a device does in the plant, and why: give Rules.Of
// what is known of it, and every claim comes back with its grade and its reason
// in words. The rules are data, in roles.yaml.
package role

import "demarc/internal/ot"

// As is the part that a device plays in a protocol.
type As uint8

const (
	Client As = iota
	Server
	Peer // not told apart
)

func (a As) String() string { return [...]string{"client", "server", "peer"}[a] }

// Use sums up one protocol that a device speaks.
type Use struct {
	As         As
	Protocol   string
	Grade      ot.Grade // of the protocol's name
	Outcome    ot.Outcome
	Ports      []string // where it serves, as server: "tcp/502"
	Peers      int      // other ends that answered or were answered
	Operations [ot.NumOperations]uint64
}

// Fact is one attribute of a device.
type Fact struct {
	Attribute, Value, Source string
	Grade                    ot.Grade
}

// Device is what is known of one device, facts the best founded first.
type Device struct {
	Router bool // others' frames pass through it
	Names  []string
	MACs   []string // its own, lower case
	Facts  []Fact
	Uses   []Use
}

// Claim is one role with its reason.
type Claim struct {
	Role   ot.Role
	Grade  ot.Grade
	Weight int // 0 to 100: how much it says, among claims of one grade
	Why    string
}
