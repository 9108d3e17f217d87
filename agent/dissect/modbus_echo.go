package dissect

import "hash/maphash"

// modbusEchoes remembers the last messages whose request and response are
// equal, so that the order of two tells who asked.
type modbusEchoes struct {
	ring  [8]modbusEcho
	next  uint8
	once  bool   // an echo was seen, in transaction first
	first uint16 // its transaction
	asker side   // its first sender
}

type modbusEcho struct {
	hash        uint64
	transaction uint16
	unit        uint8
	from        side
}

var echoSeed = maphash.MakeSeed()

// pairs reports whether f, whose shape does not tell, equals an earlier message
// of the other side, and whether that proves that it is the response. One pair
// is not proof: a client that never changes its transaction identifier makes
// each request look like the answer to the response before it. Two pairs with different identifiers are.
func (e *modbusEchoes) pairs(f *modbusFrame, from side) (paired, proof bool) {
	k := modbusEcho{maphash.Bytes(echoSeed, f.pdu), f.transaction, f.unit, from.other()}
	for i := range e.ring {
		if e.ring[i] != k {
			continue
		}
		e.ring[i] = modbusEcho{}
		if e.once && e.asker == k.from && e.first != f.transaction {
			return true, true
		}
		e.once, e.first, e.asker = true, f.transaction, k.from
		return true, false
	}
	k.from = from
	e.ring[e.next] = k
	e.next = (e.next + 1) % uint8(len(e.ring))
	return false, false
}
