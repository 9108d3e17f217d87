package dissect

import "demarc/internal/wire"

// finsTCP is the header of FINS over TCP, W421 section 7-4:
//
//	 0        4          8           12        16
//	+--------+----------+-----------+---------+-----------
//	| "FINS" | length   | command   | error   | data ...
//	|        | from here|           | code    |
//	+--------+----------+-----------+---------+-----------
//	command 0 client node address, 1 server node address, 2 FINS frame,
//	3 error of a FINS frame, 6 connection confirmed
type finsTCP struct {
	command uint32
	data    []byte // as far as it has come
	size    int    // of the whole message
}

const (
	finsTCPHeader    = 16
	finsTCPPrefix    = 8 // what the length does not count
	finsTCPMax       = 2200
	finsClientNode   = 0
	finsServerNode   = 1
	finsFrameSend    = 2
	finsFrameError   = 3
	finsTCPConfirmed = 6
)

var finsMagic = [4]byte{'F', 'I', 'N', 'S'}

// readFINSTCP reads a header; a beginning of one, for which nothing speaks
// against it, is ok and has no size.
func readFINSTCP(b []byte) (h finsTCP, ok bool) {
	for i := range finsMagic {
		if i == len(b) {
			return h, i > 0
		}
		if b[i] != finsMagic[i] {
			return h, false
		}
	}
	c := wire.New(b)
	c.Skip(4)
	n := c.U32()
	if !c.OK() {
		return h, true
	}
	if n < finsTCPHeader-finsTCPPrefix || n > finsTCPMax {
		return h, false
	}
	h.command = c.U32()
	c.Skip(4)
	if !c.OK() {
		return finsTCP{}, true
	}
	if h.command > finsTCPConfirmed {
		return h, false
	}
	h.size = finsTCPPrefix + int(n)
	h.data = c.Bytes(min(h.size-finsTCPHeader, c.Len()))
	return h, true
}

// stream reads one message of a TCP session.
func (d *fins) stream(m *Message, out Out) (int, error) {
	h, ok := readFINSTCP(m.Data)
	if !ok {
		return 0, notMine(d.claimed)
	}
	whole := h.size > 0 && len(h.data) == h.size-finsTCPHeader
	if !whole && (!m.Cut || h.size == 0) {
		return 0, ErrShort
	}
	switch h.command {
	case finsClientNode:
		out.Sender(Client)
	case finsServerNode:
		out.Sender(Server)
	case finsFrameSend:
		f, ok := readFINS(h.data)
		if !ok && whole {
			return 0, notMine(d.claimed)
		}
		if ok {
			d.learn(m, &f, out)
		}
	}
	if !whole {
		return 0, ErrShort
	}
	d.claim(out)
	return h.size, nil
}
