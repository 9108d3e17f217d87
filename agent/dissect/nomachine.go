package dissect

func init() {
	register(Protocol{
		Name:     "nomachine",
		Over:     []string{"tls"},
		Tier:     3,
		New:      func() Dissector { return noMachine{} },
		Reads:    "remote control by NoMachine, by the certificates of its servers",
		Standard: "no public text; the issuer that its servers write into their certificates, and a public capture",
	})
}

// noMachine is known by who issued the certificate that its server makes for
// itself. TLS 1.3 hides it.
type noMachine struct{}

// Dissect is given the issuer's organization.
func (noMachine) Dissect(m *Message, _ Out) (int, error) {
	if m.Stream || m.Tag != tlsTagOrganization || string(m.Data) != "NoMachine" {
		return 0, ErrNotMine
	}
	return len(m.Data), nil
}
