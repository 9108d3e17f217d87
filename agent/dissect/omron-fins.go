package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "omron-fins",
		Tier:     1,
		Over:     []string{"udp", "tcp"},
		Ports:    append(UDP(finsPort), TCP(finsPort)...),
		Match:    matchFINS,
		New:      func() Dissector { return &fins{} },
		OT:       true,
		Reads:    "model and version of controllers and their units, node addresses, nodes behind gateways, operations",
		Standard: "OMRON W342 Communications Commands Reference Manual, W420/W421 Ethernet Units Operation Manual",
	})
}

// finsPort is the default of both transports (W420 section 7).
const finsPort = 9600

// Attributes of FINS nodes.
const finsAddress ot.Attribute = "omron-fins.address" // network.node.unit

// fins reads commands and responses, W342 section 3-2:
//
//	 0     1     2     3     4     5     6     7     8     9     10    11    12
//	+-----+-----+-----+-----+-----+-----+-----+-----+-----+-----+-----+-----+---------
//	| ICF | RSV | GCT | DNA | DA1 | DA2 | SNA | SA1 | SA2 | SID | MRC | SRC | text ...
//	|     |  0  |hops | destination     | source          |     | command   |
//	+-----+-----+-----+-----+-----+-----+-----+-----+-----+-----+-----+-----+---------
//	ICF: bit 7 gateway, bit 6 response, bit 0 no response wanted
//	DNA network, DA1 node, DA2 unit; a response's text begins with an end code
//
// A datagram holds one of them; TCP puts a header before it (readFINSTCP).
type fins struct {
	sides   sides
	claimed bool
	many    bool   // several nodes answer behind one address: it is a gateway
	node    uint16 // network and node that answered first
	seen    bool
	paths   paths
	text    scratch
}

type finsFrame struct {
	icf, gct uint8
	dna, sna uint8
	da2      uint8
	sa1, sa2 uint8
	command  uint16 // MRC and SRC
	end      uint16 // end code of a response
	text     []byte // behind it
}

func (f *finsFrame) response() bool { return f.icf&0x40 != 0 }

func readFINS(b []byte) (f finsFrame, ok bool) {
	c := wire.New(b)
	var rsv uint8
	f.icf, rsv, f.gct = c.U8(), c.U8(), c.U8()
	f.dna, _, f.da2 = c.U8(), c.U8(), c.U8()
	f.sna, f.sa1, f.sa2 = c.U8(), c.U8(), c.U8()
	c.Skip(1)
	f.command = c.U16()
	if f.response() {
		f.end = c.U16()
	}
	if !c.OK() || rsv != 0 || f.icf&0x3e != 0 || f.command>>8 == 0 || f.gct > finsMaxHops || f.dna > finsMaxNetwork || f.sna > finsMaxNetwork {
		return f, false
	}
	f.text = c.Rest()
	return f, true
}

// Limits of the header's fields, W342 section 3-2.
const (
	finsMaxHops    = 7
	finsMaxNetwork = 127
)

// finsUnit reports a unit address that exists, W342 section 3-2: the CPU, a
// CPU bus unit, an inner board, the computer, the unit that the network ends in.
func finsUnit(n uint8) bool {
	return n == 0 || n >= 0x10 && n <= 0x1f || n >= 0xe1 && n <= 0xe4 || n == 0x01 || n == 0xfe
}

// matchFINS claims FINS anywhere: TCP by its magic, a datagram by the header's
// fixed bits, its unit addresses and a command that is known with its length.
func matchFINS(b []byte) bool {
	if _, ok := readFINSTCP(b); ok {
		return true
	}
	f, ok := readFINS(b)
	return ok && f.icf&0x80 != 0 && finsUnit(f.da2) && finsUnit(f.sa2) && f.plausible()
}

func (d *fins) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	d.text.reset()
	if m.Stream {
		return d.stream(m, out)
	}
	f, ok := readFINS(m.Data)
	if !ok || !d.claimed && m.Src().Port != finsPort && m.Dst().Port != finsPort && !matchFINS(m.Data) {
		return 0, notMine(d.claimed)
	}
	d.learn(m, &f, out)
	if m.Cut {
		return 0, ErrShort
	}
	d.claim(out)
	return len(m.Data), nil
}

// claim tells once what holds for the whole conversation.
func (d *fins) claim(out Out) {
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
}

// learn tells what one frame says.
func (d *fins) learn(m *Message, f *finsFrame, out Out) {
	request := !f.response()
	if request || m.Dst().Port != finsPort || m.Src().Port == finsPort {
		out.Sender(roleOf(request)) // else who answers answers to the servers' port: it proves nothing
	}
	if d.sides.counts(m, request) {
		if class, ok := finsClass(f.command); ok {
			out.Operation(class, 1)
		}
	}
	if request {
		d.address(Sender, f, out)
		return
	}
	of := d.subject(m, f)
	d.address(of, f, out)
	if f.end&finsEndMask == 0 { // normal completion
		d.answer(of, f, out)
	}
}

// finsEndMask takes the flags off an end code that tell of a relay's error and
// of errors in the CPU (W342 section 5-1-3).
const finsEndMask = 0x7f3f

// address tells a node's own address; network 0 is the local one, whatever its
// number.
func (d *fins) address(of Subject, f *finsFrame, out Out) {
	at := d.text.mark()
	d.text.uint(uint64(f.sna))
	d.text.byte('.')
	d.text.uint(uint64(f.sa1))
	d.text.byte('.')
	d.text.uint(uint64(f.sa2))
	out.Fact(of, finsAddress, d.text.since(at), "omron-fins.source_address", ot.Content)
}

// subject is whom an answer is about: the sender, one of its units, or, where
// several nodes answer from one address, the node behind it.
func (d *fins) subject(m *Message, f *finsFrame) Subject {
	node := uint16(f.sna)<<8 | uint16(f.sa1)
	if !d.seen {
		d.seen, d.node = true, node
	}
	d.many = d.many || node != d.node
	behind := d.many && f.sna != 0 && !finsOwnNode(m, f.sa1)
	if !behind && f.sa2 == 0 {
		return Sender
	}
	at := d.text.mark()
	if behind {
		d.text.adds("network/")
		d.text.uint(uint64(f.sna))
		d.text.adds("/node/")
		d.text.uint(uint64(f.sa1))
	}
	if f.sa2 != 0 {
		if behind {
			d.text.byte('/')
		}
		d.text.adds("unit/")
		d.text.uint(uint64(f.sa2))
	}
	return Part(Sender, d.paths.of(d.text.since(at)))
}

// finsOwnNode reports a node number that is made from the sender's address, as
// Ethernet units do (W420 section 5-1: the last octet).
func finsOwnNode(m *Message, node uint8) bool {
	a := m.Src().Addr
	return a.Is4() && a.As4()[3] == node
}

// Resync finds the next FINS/TCP header behind a gap.
func (d *fins) Resync(b []byte) int {
	for i := range b {
		if len(b)-i >= finsTCPHeader {
			if _, ok := readFINSTCP(b[i:]); ok {
				return i
			}
		}
	}
	return -1
}
