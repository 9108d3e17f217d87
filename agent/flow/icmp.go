package flow

import (
	"net/netip"

	"demarc/agent/decode"
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// Quoter is an optional power of a Handler: it is told of datagrams that nobody
// may have seen and that an ICMP error quotes.
type Quoter interface {
	// Quoted tells that report, an ICMP conversation, says that a datagram of
	// side could not be delivered. b is what is quoted of its payload; cut: not
	// all of it. c.Quoted: nothing but quotes showed c so far.
	Quoted(report, c *Conversation, side Side, b []byte, at int64, cut bool)
}

// maxHeaders is how many IPv6 extension headers of a quote are followed.
const maxHeaders = 8

// quote is the datagram that an ICMP error is about, as far as it says it.
type quote struct {
	refused bool          // somebody said no; else it could not be delivered
	packet  decode.Packet // Src, Dst, Protocol, ports, Flags with TCP; Payload what is quoted of it
	cut     bool          // Payload is not all
}

// icmp reads "destination unreachable", which quotes the beginning of the
// datagram that it is about: its sender tried to reach its destination, and did
// not. Whoever is only named so is no asset: nothing of it was seen.
func (t *Table) icmp(c *Conversation, p *decode.Packet) {
	q, ok := readQuote(c.Transport, p)
	if !ok {
		c.Other = c.Other || !isError(c.Transport, p.Payload)
		return
	}
	q.packet.Identify()
	o, side := t.find(&q.packet, c.Segment)
	if o == nil {
		o = t.insert(&q.packet, c.Segment)
		o.Quoted = true
	}
	if o.Quoted {
		o.quoted(&q.packet, side)
	}
	if q.refused {
		o.Denied |= 1 << side
	}
	if t.quoter != nil {
		t.quoter.Quoted(c, o, side, q.packet.Payload, t.now, q.cut)
	}
}

// quoted counts a packet that only an ICMP error showed: there was one, and its
// bytes were not seen.
func (c *Conversation) quoted(p *decode.Packet, side Side) {
	c.Last = max(c.Last, p.Time)
	c.Sent[side].Packets++
	switch {
	case p.Protocol != tcp || p.Flags&decode.SYN == 0:
	case p.Flags&decode.ACK == 0:
		c.Opened = true
		c.SetClient(side, ot.BasisSemantics)
	default:
		c.SetClient(side.Other(), ot.BasisSemantics)
	}
}

// unreachable reports whether b is an ICMP message of that type.
func unreachable(transport uint8, b []byte) bool {
	return len(b) > 0 && (transport == icmp && b[0] == 3 || transport == icmpv6 && b[0] == 1)
}

// isError reports whether b tells of a datagram and asks nothing: destination
// unreachable, source quench, time exceeded, parameter problem (RFC 1122
// section 3.2.2); in ICMPv6 all types below 128 (RFC 4443 section 2.1).
func isError(transport uint8, b []byte) bool {
	if len(b) == 0 {
		return false
	}
	if transport == icmpv6 {
		return b[0] < 128
	}
	return b[0] == 3 || b[0] == 4 || b[0] == 11 || b[0] == 12
}

// readQuote reads the quote of an error message (RFC 792, RFC 4443 section
// 3.1). Whoever was told is whoever sent, and errors about groups, fragments
// behind the first and other errors are not sent (RFC 1122 section 3.2.2, RFC
// 4443 section 2.4): a message that says otherwise is a lie, or was changed on
// its way by one who translates addresses and forgot the quote. What comes out
// of a tunnel is only what its far end says.
//
//	0 type  1 code  2 checksum  4 length of the quote (ICMPv6)
//	5 length of the quote (ICMPv4; RFC 4884 section 4)  8 quote
func readQuote(transport uint8, p *decode.Packet) (q quote, ok bool) {
	if p.Tunnels > 0 || p.Depth > 0 || !unreachable(transport, p.Payload) {
		return q, false
	}
	r := wire.New(p.Payload)
	r.Skip(1)
	code := r.U8()
	r.Skip(2)
	long6, long4 := int(r.U8())*8, int(r.U8())*4
	r.Skip(2)
	body, head := r.Rest(), headIPv4
	length := long4
	if transport == icmpv6 {
		head, length = headIPv6, long6
	}
	if length > 0 && length < len(body) { // extensions of RFC 4884 follow
		body = body[:length]
	}
	b := wire.New(body)
	rest, ok := head(&b, &q.packet)
	if !ok || q.packet.Src != p.Dst || !single(q.packet.Src) || !single(q.packet.Dst) || q.packet.Src == q.packet.Dst {
		return q, false
	}
	q.refused, ok = says(transport, code)
	if !ok || !q.ports(&b, rest) {
		return q, false
	}
	q.packet.Has = decode.HasIP | decode.HasPort
	q.packet.Time, q.packet.VLANs, q.packet.Tags = p.Time, p.VLANs, p.Tags
	return q, true
}

// single reports whether an address is that of one host.
func single(a netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback() && a != broadcast
}

// says tells what a code means: refused by the host or by somebody on the way,
// or only not to be reached. ok: that the datagram ended there at all, which one
// that was too big did not (IANA, ICMP and ICMPv6 parameters).
func says(transport, code uint8) (refused, ok bool) {
	if transport == icmpv6 {
		// 1 prohibited, 4 port, 5 policy, 6 reject route
		return code == 1 || code >= 4 && code <= 6, code <= 7
	}
	// 2 protocol, 3 port, 9 and 10 and 13 prohibited, 14 and 15 precedence; 4 is "fragmentation needed"
	return code == 2 || code == 3 || code == 9 || code == 10 || code >= 13 && code <= 15, code != 4 && code <= 15
}

// headIPv4 reads a quoted header; rest is how many octets the datagram had
// behind it.
func headIPv4(r *wire.Cursor, q *decode.Packet) (rest int, ok bool) {
	head := r.Bytes(20)
	if head == nil || head[0]>>4 != 4 || head[0]&15 < 5 {
		return 0, false
	}
	if head[6]&0x1f != 0 || head[7] != 0 { // fragment offset
		return 0, false
	}
	n := int(head[0]&15) * 4
	r.Skip(n - 20)
	q.Protocol = head[9]
	q.Src, q.Dst = netip.AddrFrom4([4]byte(head[12:16])), netip.AddrFrom4([4]byte(head[16:20]))
	return int(head[2])<<8 + int(head[3]) - n, r.OK()
}

// headIPv6 is the same for IPv6, with its extension headers.
func headIPv6(r *wire.Cursor, q *decode.Packet) (rest int, ok bool) {
	head := r.Bytes(40)
	if head == nil || head[0]>>4 != 6 {
		return 0, false
	}
	q.Src, q.Dst = netip.AddrFrom16([16]byte(head[8:24])), netip.AddrFrom16([16]byte(head[24:40]))
	rest, q.Protocol = int(head[4])<<8+int(head[5]), head[6]
	for range maxHeaders {
		before := r.Len()
		switch q.Protocol {
		case 0, 43, 60: // hop-by-hop options, routing, destination options: RFC 8200 section 4
			next, n := r.U8(), int(r.U8())
			r.Skip(6 + n*8)
			q.Protocol = next
		case 44:
			next := r.U8()
			r.Skip(1)
			if offset := r.U16() &^ 7; offset != 0 {
				return 0, false
			}
			r.Skip(4)
			q.Protocol = next
		default:
			return rest, r.OK()
		}
		rest -= before - r.Len()
	}
	return 0, false
}

// ports reads what is quoted of the transport header, of which eight octets are
// always there, and keeps the rest of a UDP datagram.
func (q *quote) ports(r *wire.Cursor, rest int) bool {
	p := &q.packet
	p.SrcPort, p.DstPort = r.U16(), r.U16()
	if !r.OK() || p.DstPort == 0 {
		return false
	}
	switch p.Protocol {
	case tcp:
		r.Skip(9) // sequence, acknowledgement, offset
		p.Flags, q.cut = r.U8(), true
		return true
	case udp:
		length := int(r.U16())
		r.Skip(2)
		if !r.OK() || length < 8 || length > rest {
			return false
		}
		p.Payload = r.Rest()
		q.cut = len(p.Payload) < length-8
		p.Payload = p.Payload[:min(len(p.Payload), length-8)]
		return true
	}
	return false
}
