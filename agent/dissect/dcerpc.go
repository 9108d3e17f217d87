package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "dcerpc",
		Over:     []string{"tcp", "udp"},
		Tier:     1,
		Ports:    TCP(rpcMapperPort),
		Match:    matchRPC,
		New:      func() Dissector { return &dcerpc{} },
		Reads:    "interfaces by name, endpoint mapper and DCOM bindings (dynamic ports), computer names, log-ons, signing and encryption; PROFINET IO: stations, modules and what is asked of them",
		Standard: "The Open Group C706, MS-RPCE, MS-DCOM, IEC 61158-6-10",
	})
}

// Attributes of RPC servers.
const rpcInterface ot.Attribute = "dcerpc.interface"

// rpcMapperPort is where the endpoint mapper listens (C706 appendix I).
const rpcMapperPort = 135

// dcerpc reads remote procedure calls, over TCP (connection-oriented, C706
// 12.6) and UDP (connectionless, 12.5).
//
// It is a carrier. Payload is told per fragment, with the interface as tag
// (rpcUUID) and the whole fragment as data: readRPC takes it apart. Fragments
// whose stub is encrypted are not offered.
type dcerpc struct {
	text     scratch
	sides    sides
	claimed  bool
	mode     ot.SecurityMode // as last told
	contexts [maxRPCContexts]rpcContext
	n        int // contexts in use
	offered  int // index of the first context of the last bind
	calls    [maxRPCCalls]rpcCall
	next     int  // in calls
	opc      bool // a call of OPC Classic was carried
}

const (
	maxRPCContexts = 16 // of one association, the first ones count
	maxRPCCalls    = 16 // open calls whose answer is wanted
)

// rpcContext is a presentation context: an interface that was bound.
type rpcContext struct {
	id    uint16
	iface uint64
}

// rpcCall is what an answer refers to.
type rpcCall struct {
	id     uint32
	iface  uint64
	opnum  uint16
	client side
}

// Packet types (C706 12.6.4, 12.5.3).
const (
	rpcRequest     = 0
	rpcPing        = 1
	rpcResponse    = 2
	rpcFault       = 3
	rpcWorking     = 4
	rpcNoCall      = 5
	rpcReject      = 6
	rpcAck         = 7
	rpcCancelCL    = 8
	rpcFack        = 9
	rpcCancelAck   = 10
	rpcBind        = 11
	rpcBindAck     = 12
	rpcBindNak     = 13
	rpcAlter       = 14
	rpcAlterAck    = 15
	rpcAuth3       = 16 // MS-RPCE 2.2.2.5
	rpcShutdown    = 17
	rpcCancel      = 18
	rpcOrphaned    = 19
	rpcHeader      = 16
	rpcTrailer     = 8    // MS-RPCE 2.2.2.11, before the token
	rpcFirst       = 0x01 // PFC_FIRST_FRAG (C706 12.6.3.1)
	rpcObject      = 0x80 // PFC_OBJECT_UUID
	rpcLevelSign   = 5    // MS-RPCE 2.2.1.1.8
	rpcLevelSealed = 6
)

// Dissect reads one fragment.
func (d *dcerpc) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	p, ok := readRPC(m.Data)
	switch {
	case !ok, p.version == 5 && !m.Stream, p.version == 4 && m.Stream:
		return 0, notMine(d.claimed)
	case !m.Stream && !m.Cut && p.size > len(m.Data), p.size == 0 && !m.Stream:
		return 0, notMine(d.claimed)
	case p.size == 0:
		return 0, ErrShort
	case p.size > len(m.Data):
		if m.Cut {
			p.sender(out)
		}
		return 0, ErrShort
	}
	d.text.reset()
	d.claimed = true
	if p.version == 4 {
		d.datagram(m, &p, out)
	} else {
		d.fragment(m, &p, out)
	}
	return p.size, nil
}

// sender tells who speaks, where the packet type says so.
func (p *rpcPDU) sender(out Out) {
	switch p.kind {
	case rpcRequest, rpcPing, rpcCancelCL, rpcBind, rpcAlter, rpcAuth3, rpcCancel, rpcOrphaned:
		out.Sender(Client)
	case rpcResponse, rpcFault, rpcWorking, rpcNoCall, rpcReject, rpcCancelAck, rpcBindAck, rpcBindNak, rpcAlterAck, rpcShutdown:
		out.Sender(Server)
	}
}

// fragment reads a fragment of an association.
func (d *dcerpc) fragment(m *Message, p *rpcPDU, out Out) {
	p.sender(out)
	switch p.kind {
	case rpcBind, rpcAlter:
		d.bind(p, out)
	case rpcBindAck, rpcAlterAck:
		d.bound(p, out)
	case rpcAuth3:
		d.protection(p, out)
	case rpcRequest:
		iface := d.interfaceOf(m, p.context)
		d.call(m, p, iface, out)
	case rpcResponse:
		d.answer(m, p, d.answered(m, p), out)
	}
}

// datagram reads a fragment of the connectionless protocol, which names its
// interface itself. Through one of them servers ask their clients back (C706
// appendix P), which proves no direction.
func (d *dcerpc) datagram(m *Message, p *rpcPDU, out Out) {
	if p.iface != rpcConversation {
		p.sender(out)
	}
	switch p.kind {
	case rpcRequest:
		d.call(m, p, p.iface, out)
	case rpcResponse:
		tellRPC(p.iface, "dcerpc.response", out)
		d.answer(m, p, rpcCall{iface: p.iface, opnum: p.opnum}, out)
		if p.iface == rpcMapper {
			annotation(&d.text, p.stub, out)
		}
	}
}

// interfaceOf is the interface of a presentation context, or where the bind
// was not seen the one that the endpoint mapper gave the port for.
func (d *dcerpc) interfaceOf(m *Message, context uint16) uint64 {
	for _, x := range d.contexts[:d.n] {
		if x.id == context {
			return x.iface
		}
	}
	if d.n == 0 {
		return m.Tag
	}
	return 0
}

// call notes a request whose answer is wanted and hands it on.
func (d *dcerpc) call(m *Message, p *rpcPDU, iface uint64, out Out) {
	if iface == rpcMapper && (p.version == 4 || p.flags&rpcFirst != 0) {
		out.Operation(ot.Diagnose, 1)
	}
	d.calls[d.next] = rpcCall{id: p.call, iface: iface, opnum: p.opnum, client: d.sides.of(m)}
	d.next = (d.next + 1) % maxRPCCalls
	d.carry(m, p, iface, out)
}

// answered is the call that a response belongs to. Of one that was not seen
// the interface may be known, the operation is not.
func (d *dcerpc) answered(m *Message, p *rpcPDU) rpcCall {
	client := d.sides.of(m).other()
	for _, x := range d.calls {
		if x.id == p.call && x.client == client {
			return x
		}
	}
	return rpcCall{iface: d.interfaceOf(m, p.context), opnum: rpcUnknown}
}

// answer reads what a response says of other ports and hands it on.
func (d *dcerpc) answer(m *Message, p *rpcPDU, x rpcCall, out Out) {
	if d.mode != ot.SignAndEncrypt {
		d.endpoints(m, p, x, out)
	}
	d.carry(m, p, x.iface, out)
}

// carry offers a fragment to the protocol of its interface. What an OPC server
// calls back goes with the calls of its client alone.
func (d *dcerpc) carry(m *Message, p *rpcPDU, iface uint64, out Out) {
	face, known := opcFaces[iface]
	if iface == 0 || d.mode == ot.SignAndEncrypt || face.callback && !d.opc {
		return
	}
	d.opc = d.opc || known
	out.Payload(iface, m.Data[:p.size])
}

// bind reads the interfaces that a client asks for (C706 12.6.4.3).
func (d *dcerpc) bind(p *rpcPDU, out Out) {
	c := rpcCursor{wire.New(p.body), p.little}
	c.Skip(8) // fragment sizes, association group
	count := int(c.U8())
	c.Skip(3)
	d.offered = d.n
	for range count {
		id, transfers := c.u16(), int(c.U8())
		c.Skip(1)
		iface := c.uuid()
		c.Skip(4 + 20*transfers) // version, transfer syntaxes
		if !c.OK() {
			break
		}
		d.context(id, iface)
	}
	d.protection(p, out)
}

// context keeps a presentation context; one that is offered again is the same.
func (d *dcerpc) context(id uint16, iface uint64) {
	for i := range d.contexts[:d.n] {
		if d.contexts[i].id == id {
			d.contexts[i].iface, d.offered = iface, min(d.offered, i)
			return
		}
	}
	if d.n < maxRPCContexts {
		d.contexts[d.n] = rpcContext{id, iface}
		d.n++
	}
}

// bound reads which interfaces the server has (C706 12.6.4.4): results come in
// the order of the offers.
func (d *dcerpc) bound(p *rpcPDU, out Out) {
	c := rpcCursor{wire.New(p.body), p.little}
	c.Skip(8)
	c.Skip(int(c.u16())) // secondary address
	if pad := (rpcHeader + c.Off()) % 4; pad != 0 {
		c.Skip(4 - pad)
	}
	count := int(c.U8())
	c.Skip(3)
	for i := range count {
		result := c.u16()
		c.Skip(2 + 20) // reason, transfer syntax
		if at := d.offered + i; c.OK() && result == 0 && at < d.n {
			tellRPC(d.contexts[at].iface, "dcerpc.bind_ack", out)
		}
	}
	d.protection(p, out)
}

// tellRPC tells that the sender has an interface, when its name is known.
func tellRPC(iface uint64, source string, out Out) {
	if name, ok := rpcNames()[iface]; ok {
		out.Fact(Sender, rpcInterface, name, source, ot.Content)
	}
}

// protection reads the trailer: the level of protection, and the names in a
// log-on by NTLM.
func (d *dcerpc) protection(p *rpcPDU, out Out) {
	mode := ot.SecurityNone
	if p.auth > 0 {
		c := wire.New(p.trailer)
		c.Skip(1)
		switch c.U8() {
		case rpcLevelSign:
			mode = ot.Sign
		case rpcLevelSealed:
			mode = ot.SignAndEncrypt
		}
		if p.kind == rpcBind || p.kind == rpcAlter {
			out.Operation(ot.Authenticate, 1)
		}
		c.Skip(rpcTrailer - 2)
		d.text.ntlm(c.Rest(), out)
	}
	if mode > d.mode {
		d.mode = mode
		out.Security(ot.Security{Mode: mode})
	}
}

// Resync finds the next header behind a gap.
func (d *dcerpc) Resync(b []byte) int {
	for i := range b {
		if len(b)-i >= rpcHeader && matchRPC(b[i:]) {
			return i
		}
	}
	return -1
}
