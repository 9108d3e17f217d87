package flow

import (
	"demarc/agent/decode"
)

// entry of the index, open addressing: in the upper half the lower half of a
// conversation's hash, in the lower half its position in Table.all plus one; 0
// is free.
type entry uint64

func entryOf(hash uint64, position int32) entry { return entry(hash<<32 | uint64(position+1)) }

// home is where in the index an entry stands unless others stand there.
func (e entry) home(mask uint64) uint64 { return uint64(e>>32) & mask }

func (e entry) position() int32 { return int32(e&0xffffffff) - 1 }

// hashOf is the hash that the index knows a packet's conversation by.
func hashOf(p *decode.Packet, segment uint16) uint64 { return (p.Hash + uint64(segment)) & 0xffffffff }

// Ahead brings what Add will need of a packet's conversation into the
// processor's cache, and returns the conversation if it is easily found. Of
// several packets that are at hand it is called for all before Add is for the
// first: their memory is then waited for once.
func (t *Table) Ahead(p *decode.Packet, segment uint16) *Conversation {
	hash, mask := hashOf(p, segment), len(t.index)-1
	e := t.index[int(hash)&mask]
	if uint64(e>>32) != hash { // another is at home there: most often this one is next to it
		e = t.index[(int(hash)+1)&mask]
	}
	if uint64(e>>32) != hash {
		return nil
	}
	c := t.all[e.position()]
	t.touched += uint64(c.Last) + c.Sent[A].Packets + uint64(c.Mark)
	return c
}

// find finds the conversation of a packet, nil when there is none, and the side
// that sent it.
func (t *Table) find(p *decode.Packet, segment uint16) (*Conversation, Side) {
	hash, index := hashOf(p, segment), t.index
	for i := int(hash); ; i++ {
		e := index[i&(len(index)-1)]
		if e == 0 {
			return nil, A
		}
		if uint64(e>>32) != hash {
			continue
		}
		c := t.all[e.position()]
		side := A
		if c.keys[A] != p.SrcKey {
			side = B
		}
		if c.keys[side&1] != p.SrcKey || c.keys[side.Other()&1] != p.DstKey {
			continue
		}
		plain := p.SrcKey.Plain(p.DstKey) && c.Transport == p.Protocol
		if c.Segment == segment && (plain || c.has(p, side)) {
			return c, side
		}
	}
}

// has reports whether p, whose keys are those of c, belongs to it and was sent by
// side: ends say several things to each other, the keys of IPv6 are not exact,
// and stations talk on each VLAN for itself.
func (c *Conversation) has(p *decode.Packet, side Side) bool {
	if p.Has&decode.HasIP == 0 {
		return c.Transport == Ethernet && c.EtherType == uint16(p.Kind()>>8) && c.VLAN == p.VLAN()
	}
	return c.Transport == p.Protocol && c.sentBy(p, side)
}

func (c *Conversation) sentBy(p *decode.Packet, side Side) bool {
	from, to := &c.Ends[side], &c.Ends[side.Other()]
	return from.Addr == p.Src && to.Addr == p.Dst && from.Port == p.SrcPort && to.Port == p.DstPort
}

func (t *Table) insert(p *decode.Packet, segment uint16) *Conversation {
	if len(t.all) >= t.limit.Conversations {
		t.evict()
	}
	if (len(t.all)+1)*2 > len(t.index) {
		t.resize(len(t.index) * 2)
	}
	c := t.fresh()
	*c = Conversation{
		keys: [2]decode.Key{p.SrcKey, p.DstKey}, macs: [2]decode.MAC{p.SrcMAC, p.DstMAC}, slot: int32(len(t.all)), // bounded by Limit.Conversations
		Segment: segment, Transport: p.Protocol, VLAN: p.VLAN(), Carries: p.Carrier != decode.NoCarrier, First: p.Time, Last: p.Time,
		Ends: [2]Endpoint{{MAC: p.SrcMAC, Addr: p.Src, Port: p.SrcPort}, {MAC: p.DstMAC, Addr: p.Dst, Port: p.DstPort}},
	}
	if p.Has&decode.HasIP == 0 {
		c.Transport, c.EtherType = Ethernet, uint16(p.Kind()>>8)
	}
	t.all = append(t.all, c)
	t.enter(entryOf(hashOf(p, segment), c.slot))
	t.guess(c)
	return c
}

// fresh is an unused conversation. The stages above let go of one when it is
// closed, so it is used again.
func (t *Table) fresh() *Conversation {
	n := len(t.free)
	if n == 0 {
		return &Conversation{}
	}
	c := t.free[n-1]
	t.free = t.free[:n-1]
	return c
}

func (t *Table) remove(c *Conversation, evicted bool) {
	t.flush(c)
	t.handler.Close(c, evicted)
	t.unindex(c)
	last := t.all[len(t.all)-1]
	t.all[c.slot] = last
	if last != c {
		at := t.where(last)
		t.index[at] = t.index[at]&^0xffffffff | entryOf(0, c.slot)
		last.slot = c.slot
	}
	t.all[len(t.all)-1] = nil
	t.all = t.all[:len(t.all)-1]
	if len(t.free) < 1024 {
		t.free = append(t.free, c)
	}
}

// enter puts an entry into the first free place from its home on.
func (t *Table) enter(e entry) {
	mask := uint64(len(t.index) - 1)
	i := e.home(mask)
	for t.index[i] != 0 {
		i = (i + 1) & mask
	}
	t.index[i] = e
}

// unindex removes c and closes the hole that it leaves in its probe sequence
// (Knuth, The Art of Computer Programming 3, 6.4, algorithm R).
func (t *Table) unindex(c *Conversation) {
	mask := uint64(len(t.index) - 1)
	i := t.where(c)
	t.index[i] = 0
	for j := (i + 1) & mask; t.index[j] != 0; j = (j + 1) & mask {
		home := t.index[j].home(mask)
		if (j-home)&mask >= (j-i)&mask {
			t.index[i], t.index[j] = t.index[j], 0
			i = j
		}
	}
}

// where is the place of c in the index.
func (t *Table) where(c *Conversation) uint64 {
	kind := uint32(c.EtherType) << 8
	if c.Ends[A].Addr.IsValid() {
		kind = uint32(c.Transport)
	}
	mask := uint64(len(t.index) - 1)
	e := entryOf(decode.HashOf(c.keys[A], c.keys[B], kind)+uint64(c.Segment), c.slot)
	i := e.home(mask)
	for t.index[i] != e {
		i = (i + 1) & mask
	}
	return i
}

func (t *Table) resize(n int) {
	before := t.index
	t.index = make([]entry, n)
	for _, e := range before {
		if e != 0 {
			t.enter(e)
		}
	}
}
