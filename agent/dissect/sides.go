package dissect

import "demarc/agent/flow"

// side is one end of a conversation as a dissector tells them apart when
// nobody has said yet who is client.
type side uint8

const (
	sideNone side = iota
	sideA         // sent the first message that was dissected
	sideB
)

// other is the opposite side; of none it is none.
func (s side) other() side { return [4]side{sideA: sideB, sideB: sideA}[s&3] }

// sides remembers which end is which. The zero value is ready.
type sides struct {
	first flow.Side // valid iff set
	set   bool

	asked [3]bool // by side: a request of it was seen
}

// of is the sender's side.
func (s *sides) of(m *Message) side {
	if !s.set {
		s.first, s.set = m.From, true
	}
	return sideA + side(m.From^s.first)
}

// counts reports whether a message is counted as an operation: a request is,
// an answer only while the mirror has shown no request to it.
func (s *sides) counts(m *Message, request bool) bool {
	from := s.of(m)
	if request {
		s.asked[from] = true
	}
	return request || !s.asked[from.other()]
}

func roleOf(client bool) Role {
	return Server - Role(bit(client)) // without a branch: who sends next, no processor foresees
}

// likelyFromClient is the guess where a message itself does not tell: what is
// known of the conversation, or else that port is the server's.
func (m *Message) likelyFromClient(port uint16) bool {
	if m.Direction != Unknown {
		return m.Direction == FromClient
	}
	return m.Src().Port != port
}
