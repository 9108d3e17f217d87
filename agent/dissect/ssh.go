package dissect

import (
	"bytes"

	"demarc/internal/ot"
)

func init() {
	register(Protocol{
		Name:     "ssh",
		Over:     []string{"tcp"},
		Tier:     1,
		Ports:    TCP(22),
		Match:    func(b []byte) bool { return len(b) > 0 && startsLike(b, "SSH-") },
		New:      func() Dissector { return &ssh{} },
		Reads:    "software of client and server; encryption",
		Standard: "RFC 4253 section 4.2",
	})
}

// sshSoftware is the identification string of an end.
const sshSoftware ot.Attribute = "ssh.software"

// maxSSHLine bounds the identification string (RFC 4253 section 4.2).
const maxSSHLine = 255

// ssh reads the identification of both ends. Key exchange follows it at once.
type ssh struct {
	sides sides
	seen  [3]bool // by side: the identification was read
}

// Dissect reads one identification string.
func (d *ssh) Dissect(m *Message, out Out) (int, error) {
	side := d.sides.of(m)
	if d.seen[side] { // a binary packet of the key exchange
		return len(m.Data), nil
	}
	if !startsLike(m.Data, "SSH-") {
		return 0, notMine(d.seen[side.other()])
	}
	i := bytes.IndexByte(m.Data, '\n')
	switch {
	case i < 0 && len(m.Data) <= maxSSHLine:
		return 0, ErrShort
	case i < 0 || i > maxSSHLine:
		return 0, notMine(d.seen[side.other()])
	}
	line := bytes.TrimRight(m.Data[:i], "\r")
	version, software, ok := bytes.Cut(line[len("SSH-"):], []byte{'-'})
	if !ok || !sshVersion(version) || len(software) == 0 || !printable(line) {
		return 0, notMine(d.seen[side.other()])
	}
	out.Fact(Sender, sshSoftware, line, "ssh.identification", ot.Content)
	if !m.Trial {
		d.seen[side] = true
	}
	if d.seen[side.other()] {
		out.Security(ot.Security{Mode: ot.SignAndEncrypt})
		return i + 1, ErrDone
	}
	return i + 1, nil
}

// sshVersion reports a protocol version, "2.0" or "1.99".
func sshVersion(v []byte) bool {
	major, minor, ok := bytes.Cut(v, []byte{'.'})
	return ok && decimal(major) >= 1 && decimal(major) <= 2 && decimal(minor) >= 0
}
