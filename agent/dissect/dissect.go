// Package dissect is the fourth stage: bytes in, facts and operations out. One
// protocol is one file here that registers itself, one test, and one folder of
// samples under testdata/<name>. The engine in this package owns every limit:
// a dissector sees one message at a time, keeps fixed-size state, and may
// panic without hurting more than its own conversation.
package dissect

import (
	"errors"
	"net/netip"

	"demarc/agent/decode"
	"demarc/agent/flow"
)

// The outcomes of Dissect, distinct by value; compare with errors.Is.
var (
	ErrShort     = errors.New("dissect: more bytes needed")
	ErrNotMine   = errors.New("dissect: not this protocol")
	ErrMalformed = errors.New("dissect: malformed message")
	ErrDone      = errors.New("dissect: nothing more to learn")
)

// Dissector reads one conversation, both directions.
type Dissector interface {
	// Dissect reads one message from the front of m.Data. What it told out
	// counts only when err is nil (on ErrShort too when m.Cut). used >
	// len(m.Data) skips the rest of the message unread (bulk bodies).
	// ErrShort: more bytes. ErrNotMine: before the first success. ErrMalformed:
	// after it. ErrDone: nothing more to learn (ciphertext), count packets only;
	// what was told with it counts.
	Dissect(m *Message, out Out) (used int, err error)
}

// Resyncer is an optional power of a Dissector: after a gap or a malformed
// message it finds the next offset in b where a message may begin, or -1.
type Resyncer interface{ Resync(b []byte) int }

// Surmiser is an optional power of a Dissector: it reports whether what it has
// read so far looks like its protocol and does not prove it. The conversation's
// protocol is then inferred (grade behaviour) until a later message proves it.
type Surmiser interface{ Surmises() bool }

// Direction is who sent a message.
type Direction uint8

const (
	Unknown Direction = iota
	FromClient
	FromServer
)

// Endpoint is one end of a conversation; zero where the layer has none.
type Endpoint = flow.Endpoint

// Message is what a dissector is given: for a stream the bytes from the
// current position, for a datagram or a payload the whole of it.
type Message struct {
	Time      int64        // packet time, Unix nanoseconds
	Ends      *[2]Endpoint // of the conversation, read only; see Src and Dst
	From      flow.Side    // who sent it: the same end of the conversation has the same in every message
	Direction Direction    // as known so far; Sender may improve it
	Data      []byte       // valid during the call only
	Stream    bool         // Data is a position in a byte stream; false: a whole datagram, frame or payload
	Cut       bool         // the capture ends here: snap length or gap
	Trial     bool         // asked only whether it can be read: it is offered again, so keep nothing of it
	Tag       uint64       // what the carrier said: DCE/RPC interface, COTP PDU type, CIP connection
}

// Src and Dst are the ends that sent the message and that it is for.
func (m *Message) Src() *Endpoint { return &m.Ends[m.From&1] }
func (m *Message) Dst() *Endpoint { return &m.Ends[m.From&1^1] }

// Role is the part that a sender plays in its conversation.
type Role uint8

const (
	Client Role = iota + 1
	Server
)

// Subject is the asset that a fact is about.
type Subject struct {
	Kind SubjectKind
	Addr netip.Addr // Kind ByAddr
	MAC  decode.MAC // Kind ByMAC
	Path string     // a part behind the asset, "slot/3", "unit/17"; "" is the asset itself
}

// SubjectKind says how a Subject names its asset.
type SubjectKind uint8

const (
	BySender SubjectKind = iota
	ByReceiver
	ByAddr
	ByMAC
)

// The two ends of the message at hand.
var (
	Sender   = Subject{Kind: BySender}
	Receiver = Subject{Kind: ByReceiver}
)

// Addr is the asset at an IP address in the same segment.
func Addr(ip netip.Addr) Subject { return Subject{Kind: ByAddr, Addr: ip} }

// MACOf is the asset with a MAC address on the same link.
func MACOf(m decode.MAC) Subject { return Subject{Kind: ByMAC, MAC: m} }

// Part is what stands behind an asset: a module in its rack, a serial unit
// behind a gateway. Build the path only when there is a fact to tell.
func Part(of Subject, path string) Subject {
	of.Path = path
	return of
}

// Port is a hint, never proof.
type Port struct {
	Carrier string // "tcp", "udp", "ethernet" (EtherType), "ip" (IP protocol)
	Number  uint16
}

// TCP, UDP and EtherType build port hints.
func TCP(ports ...uint16) []Port       { return ports2("tcp", ports) }
func UDP(ports ...uint16) []Port       { return ports2("udp", ports) }
func EtherType(types ...uint16) []Port { return ports2("ethernet", types) }

func ports2(carrier string, nums []uint16) []Port {
	p := make([]Port, len(nums))
	for i, n := range nums {
		p[i] = Port{carrier, n}
	}
	return p
}

// Protocol is one entry of the registry.
type Protocol struct {
	Name     string              // [a-z0-9.-]+: also its file and sample folder
	Over     []string            // "tcp", "udp", "ethernet", or a carrier: "cotp", "enip", ...
	Ports    []Port              // hints, never proof
	Usual    []Port              // hints to show, of one that another protocol carries: it is not asked there
	Match    func(b []byte) bool // cheap signature, allocates nothing; nil: by expectation, port or carrier alone
	Near     func(b []byte) bool // as Match, asked on its own Ports alone: a form that others have, too; nil: none
	New      func() Dissector
	Tier     int    // how deep it is read. 1: identity, direction and class of operation; 2: content and direction; 3: signature
	OT       bool   // an operational-technology protocol
	Reads    string // what is read, for the protocol table: "device identification, operations"
	Standard string // the public source: "MODBUS Application Protocol V1.1b3"; says FromText where no public capture exists

	carries *carrier // what is registered over it, in an Engine; nil for nothing
}
