package dissect

func init() {
	register(Protocol{
		Name:     "anydesk",
		Over:     []string{"tls"},
		Tier:     3,
		Ports:    TCP(6568, 7070),
		New:      func() Dissector { return anyDesk{} },
		Reads:    "remote control by AnyDesk, by the certificates of its clients and relays",
		Standard: "no public text; from the text alone: the certificate names that scanners and certificate collections publish",
	})
}

// anyDesk is known by the names in the certificates that its programs make for
// themselves and that its relays have. TLS 1.3 hides them.
type anyDesk struct{}

// Dissect is given a certificate's common name.
func (anyDesk) Dissect(m *Message, _ Out) (int, error) {
	if m.Stream || m.Tag != tlsTagCommonName {
		return 0, ErrNotMine
	}
	switch string(m.Data) {
	case "AnyDesk Client", "AnyNet Relay":
		return len(m.Data), nil
	}
	return 0, ErrNotMine
}
