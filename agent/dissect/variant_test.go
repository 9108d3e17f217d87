package dissect

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"demarc/agent/decode"
)

// The variants of a sample that the torture test plays. Each takes the packets
// of a sample and leaves them as they are.

func isData(p *decode.Packet) bool { return isTCP(p) && len(p.Payload) > 0 }

// another makes p a frame of its own, not a copy of the one it was made from.
func another(p *decode.Packet, n int) {
	p.Checksum, p.IPID = uint16(n)*2+1, 0
}

// cutAt cuts every TCP segment once, behind its first n bytes; n < 0 counts
// from its end.
func cutAt(packets []decode.Packet, n int) []decode.Packet {
	mine := opened(packets)
	var out []decode.Packet
	for i := range packets {
		p := packets[i]
		at := n
		if n < 0 {
			at = len(p.Payload) + n
		}
		if !mine(&p) || p.CutShort || at <= 0 || at >= len(p.Payload) {
			out = append(out, p)
			continue
		}
		q := p
		p.Payload, p.PayloadLen = p.Payload[:at], at
		p.Flags &^= decode.FIN
		q.Payload, q.PayloadLen, q.Seq = q.Payload[at:], len(q.Payload)-at, q.Seq+uint32(at)
		another(&p, len(out))
		another(&q, len(out)+1)
		out = append(out, p, q)
	}
	return out
}

// joins reports whether q goes on where p ended, with nothing said against it.
func joins(p, q *decode.Packet) bool {
	return p.Src == q.Src && p.SrcPort == q.SrcPort && p.Dst == q.Dst && p.DstPort == q.DstPort &&
		p.Flags&(decode.SYN|decode.FIN|decode.RST) == 0 && q.Flags&(decode.SYN|decode.RST) == 0 &&
		!p.CutShort && !q.CutShort && p.Seq+uint32(len(p.Payload)) == q.Seq
}

// joined puts into one segment what one side sends until the other side has
// data, up to 32 KiB as offloading cards do.
func joined(packets []decode.Packet) []decode.Packet {
	mine := opened(packets)
	var out []decode.Packet
	last := map[talkKey]int{} // position in out of the segment that may grow
	for i := range packets {
		p := packets[i]
		if !mine(&p) || len(p.Payload) == 0 && p.Flags&(decode.SYN|decode.FIN|decode.RST) == 0 {
			if !mine(&p) {
				out = append(out, p)
			}
			continue // an acknowledgement alone
		}
		k := packetKey(&p)
		if j, ok := last[k]; ok && joins(&out[j], &p) && len(out[j].Payload)+len(p.Payload) <= 32<<10 {
			q := &out[j]
			q.Payload = append(slices.Clone(q.Payload), p.Payload...)
			q.PayloadLen = len(q.Payload)
			q.Flags |= p.Flags
			continue
		}
		delete(last, k)
		if isData(&p) {
			last[k] = len(out)
			another(&p, len(out))
		}
		out = append(out, p)
	}
	return out
}

// pipelined lets a client send n requests before it waits for the answers.
func pipelined(packets []decode.Packet, n int) []decode.Packet {
	packets = joined(packets)
	mine := opened(packets)
	var out []decode.Packet
	type waiting struct {
		first netip.AddrPort // who began the round
		early []decode.Packet
		late  []decode.Packet
	}
	open := map[talkKey]*waiting{}
	flush := func(k talkKey) {
		if w := open[k]; w != nil {
			out = append(append(out, w.early...), w.late...)
			delete(open, k)
		}
	}
	for i := range packets {
		p := packets[i]
		k := packetKey(&p)
		if !mine(&p) || p.Flags&(decode.SYN|decode.FIN|decode.RST) != 0 || len(p.Payload) == 0 {
			flush(k)
			out = append(out, p)
			continue
		}
		from := netip.AddrPortFrom(p.Src, p.SrcPort)
		w := open[k]
		if w == nil {
			w = &waiting{first: from}
			open[k] = w
		}
		if from == w.first {
			if len(w.late) == n {
				flush(k)
				w = &waiting{first: from}
				open[k] = w
			}
			w.early = append(w.early, p)
		} else {
			w.late = append(w.late, p)
		}
	}
	for _, k := range keysInOrder(packets) {
		flush(k)
	}
	return joined(retimed(out))
}

// keysInOrder lists the TCP conversations as they begin.
func keysInOrder(packets []decode.Packet) (all []talkKey) {
	for i := range packets {
		if k := packetKey(&packets[i]); isTCP(&packets[i]) && !slices.Contains(all, k) {
			all = append(all, k)
		}
	}
	return all
}

// retimed gives packets in a new order the times of the old one.
func retimed(packets []decode.Packet) []decode.Packet {
	times := make([]int64, len(packets))
	for i := range packets {
		times[i] = packets[i].Time
	}
	slices.Sort(times)
	for i := range packets {
		packets[i].Time = times[i]
	}
	return packets
}

// shuffled sends the small segments of a direction in any order, within eight.
func shuffled(packets []decode.Packet, seed uint64) []decode.Packet {
	out := recut(packets, 16)
	mine := opened(out)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := 0; i < len(out); {
		n := 1
		for mine(&out[i]) && isData(&out[i]) && n < 8 && i+n < len(out) && isData(&out[i+n]) && out[i].Ack == out[i+n].Ack && joins(&out[i+n-1], &out[i+n]) {
			n++
		}
		r.Shuffle(n, func(a, b int) { out[i+a], out[i+b] = out[i+b], out[i+a] })
		i += n
	}
	return retimed(out)
}

// late repeats every TCP segment behind the n packets that follow it, with d
// between them: a retransmission.
func late(packets []decode.Packet, n int) []decode.Packet {
	mine := opened(packets)
	type copyOf struct {
		p  decode.Packet
		at int
	}
	var out []decode.Packet
	var wait []copyOf
	for i := range packets {
		out = append(out, packets[i])
		if mine(&packets[i]) && isData(&packets[i]) {
			q := packets[i]
			another(&q, i)
			wait = append(wait, copyOf{q, i + n})
		}
		for len(wait) > 0 && wait[0].at <= i {
			q := wait[0].p
			q.Time = packets[i].Time + 1
			out = append(out, q)
			wait = wait[1:]
		}
	}
	return out
}

// overlapped lets every TCP segment begin with the last n bytes of the one
// before it.
func overlapped(packets []decode.Packet, n int) []decode.Packet {
	mine := opened(packets)
	out := slices.Clone(packets)
	type way struct{ from, to netip.AddrPort }
	before := map[way]*decode.Packet{}
	for i := range packets {
		p := &packets[i]
		if !mine(p) || !isData(p) || p.CutShort {
			continue
		}
		w := way{netip.AddrPortFrom(p.Src, p.SrcPort), netip.AddrPortFrom(p.Dst, p.DstPort)}
		if q := before[w]; q != nil && q.Seq+uint32(len(q.Payload)) == p.Seq {
			k := min(n, len(q.Payload))
			o := &out[i]
			o.Payload = append(slices.Clone(q.Payload[len(q.Payload)-k:]), p.Payload...)
			o.PayloadLen, o.Seq = len(o.Payload), p.Seq-uint32(k)
		}
		before[w] = p
	}
	return out
}

// mirrored shows each frame again behind the n frames that follow it, within
// the time that a mirror of both ports needs. Without ids TCP over IPv4 has no
// identification, as of hosts that set none.
func mirrored(packets []decode.Packet, n int, ids bool) []decode.Packet {
	in := slices.Clone(packets)
	for i := range in {
		p := &in[i]
		p.Time = packets[0].Time + int64(i)*int64(400*time.Microsecond)
		if !ids && isTCP(p) {
			p.IPID = 0
		}
	}
	var out []decode.Packet
	for i := range len(in) + n {
		if i < len(in) {
			out = append(out, in[i])
		}
		if j := i - n; j >= 0 && (isTCP(&in[j]) || in[j].IPID != 0) {
			p := in[j]
			p.Time = out[len(out)-1].Time + int64(100*time.Microsecond)
			out = append(out, p)
		}
	}
	return out
}

// distinct counts the frames of a TCP conversation that differ from each other.
func distinct(packets []decode.Packet, k talkKey) uint64 {
	type frame struct {
		from     netip.AddrPort
		seq, ack uint32
		sum      uint16
		flags    uint8
		length   int
	}
	seen := map[frame]bool{}
	for i := range packets {
		if p := &packets[i]; isTCP(p) && packetKey(p) == k {
			seen[frame{netip.AddrPortFrom(p.Src, p.SrcPort), p.Seq, p.Ack, p.Checksum, p.Flags, p.PayloadLen}] = true
		}
	}
	return uint64(len(seen))
}

// oneSide keeps what one end of every TCP conversation sent.
func oneSide(packets []decode.Packet, keep func(k talkKey, from netip.AddrPort) bool) []decode.Packet {
	return slices.DeleteFunc(slices.Clone(packets), func(p decode.Packet) bool {
		return isTCP(&p) && !keep(packetKey(&p), netip.AddrPortFrom(p.Src, p.SrcPort))
	})
}

// middle leaves out the first n frames of every TCP conversation.
func middle(packets []decode.Packet, n int) []decode.Packet {
	seen := map[talkKey]int{}
	return slices.DeleteFunc(slices.Clone(packets), func(p decode.Packet) bool {
		if !isTCP(&p) {
			return false
		}
		k := packetKey(&p)
		seen[k]++
		return seen[k] <= n
	})
}

// snapped cuts every frame behind the first n bytes of TCP data.
func snapped(packets []decode.Packet, n int) []decode.Packet {
	out := slices.Clone(packets)
	for i := range out {
		if p := &out[i]; isTCP(p) && len(p.Payload) > n {
			p.Payload, p.CutShort = p.Payload[:n], true
		}
	}
	return out
}

// without leaves out the packets at the given places.
func without(packets []decode.Packet, at ...int) []decode.Packet {
	var out []decode.Packet
	for i := range packets {
		if !slices.Contains(at, i) {
			out = append(out, packets[i])
		}
	}
	return out
}

// missed reports whether the packets show that the TCP data of packets[at] was
// sent: by a later byte, or by an acknowledgement.
func missed(packets []decode.Packet, at int) bool {
	p := &packets[at]
	end := p.Seq + uint32(len(p.Payload))
	for i := at + 1; i < len(packets); i++ {
		q := &packets[i]
		switch {
		case !isTCP(q) || packetKey(q) != packetKey(p):
		case q.Src == p.Src && q.SrcPort == p.SrcPort:
			if len(q.Payload) > 0 && int32(q.Seq-end) >= 0 {
				return true
			}
		case q.Flags&decode.ACK != 0 && int32(q.Ack-end) >= 0 && len(p.Payload) > 1:
			return true
		}
	}
	return false
}

// dataCount counts the segments with data of a conversation.
type dataCount struct {
	first netip.AddrPort // sent the first
	a, b  int            // of first, of the other end
}

// of is the number that the client, or the server, sent.
func (d dataCount) of(client bool, server netip.AddrPort) int {
	if (d.first != server) == client {
		return d.a
	}
	return d.b
}

func dataOf(packets []decode.Packet) map[talkKey]dataCount {
	m := map[talkKey]dataCount{}
	for i := range packets {
		p := &packets[i]
		if !isData(p) {
			continue
		}
		k, from := packetKey(p), netip.AddrPortFrom(p.Src, p.SrcPort)
		d := m[k]
		if d.a == 0 {
			d.first = from
		}
		if from == d.first {
			d.a++
		} else {
			d.b++
		}
		m[k] = d
	}
	return m
}
