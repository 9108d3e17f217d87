package flow

import (
	"net/netip"

	"demarc/agent/decode"
	"demarc/internal/wire"
)

// icmp reads errors that name another conversation: "destination unreachable"
// (RFC 792, RFC 4443 3.1) tells that its server cannot be had.
func (t *Table) icmp(c *Conversation, p *decode.Packet) {
	r := wire.New(p.Payload)
	kind := r.U8()
	r.Skip(7) // code, checksum, unused
	var q decode.Packet
	switch {
	case c.Transport == icmp && kind == 3:
		head := r.Bytes(20)
		if head == nil || head[0]>>4 != 4 {
			return
		}
		r.Skip(int(head[0]&15)*4 - 20)
		q.Protocol = head[9]
		q.Src, _ = netip.AddrFromSlice(head[12:16])
		q.Dst, _ = netip.AddrFromSlice(head[16:20])
	case c.Transport == icmpv6 && kind == 1:
		head := r.Bytes(40)
		if head == nil || head[0]>>4 != 6 {
			return
		}
		q.Protocol = head[6]
		q.Src, _ = netip.AddrFromSlice(head[8:24])
		q.Dst, _ = netip.AddrFromSlice(head[24:40])
	default:
		return
	}
	q.SrcPort, q.DstPort = r.U16(), r.U16()
	if !r.OK() || (q.Protocol != tcp && q.Protocol != udp) {
		return
	}
	q.Has = decode.HasIP
	if o := t.peek(&q, c.Segment); o != nil {
		o.Reset = true
	}
}

// peek is lookup without making a new conversation.
func (t *Table) peek(p *decode.Packet, segment uint16) *Conversation {
	h := t.hashOf(p, segment, p.Protocol, 0)
	for i := h & t.mask; t.index[i] != 0; i = (i + 1) & t.mask {
		c := t.all[t.index[i]-1]
		if c.hash == h && c.Transport == p.Protocol && c.Segment == segment {
			if _, ok := c.match(p); ok {
				return c
			}
		}
	}
	return nil
}
