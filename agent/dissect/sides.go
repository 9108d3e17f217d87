package dissect

import (
	"net/netip"

	"demarc/agent/decode"
)

// side is one end of a conversation as a dissector tells them apart when
// nobody has said yet who is client.
type side uint8

const (
	sideNone side = iota
	sideA         // sent the first message that was dissected
	sideB
)

// other is the opposite side; of none it is none.
func (s side) other() side { return (sideA + sideB - s) % (sideA + sideB) }

// sides remembers which end is which. The zero value is ready.
type sides struct {
	addr netip.Addr
	mac  decode.MAC // where there is no address
	port uint16
	set  bool

	asked [3]bool // by side: a request of it was seen
}

// of is the sender's side.
func (s *sides) of(m *Message) side {
	if !s.set {
		s.addr, s.mac, s.port, s.set = m.Src.Addr, m.Src.MAC, m.Src.Port, true
	}
	if m.Src.Port == s.port && m.Src.Addr == s.addr && (s.addr.IsValid() || m.Src.MAC == s.mac) {
		return sideA
	}
	return sideB
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
	if client {
		return Client
	}
	return Server
}

// likelyFromClient is the guess where a message itself does not tell: what is
// known of the conversation, or else that port is the server's.
func (m *Message) likelyFromClient(port uint16) bool {
	if m.Direction != Unknown {
		return m.Direction == FromClient
	}
	return m.Src.Port != port
}
