package dissect

import (
	"bytes"
	"net/netip"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "tftp",
		Over:     []string{"udp"},
		Tier:     1,
		Ports:    UDP(tftpPort),
		Match:    func(b []byte) bool { _, _, ok := tftpRequest(b); return ok },
		New:      func() Dissector { return &tftp{} },
		Reads:    "files asked for and sent, the port that a transfer was moved to",
		Standard: "RFC 1350, RFC 2347",
	})
}

const tftpPort = 69

// tftpFile is the name of a file that a client asked for.
const tftpFile ot.Attribute = "tftp.file"

// Opcodes (RFC 1350 section 5, RFC 2347).
const (
	tftpRead  = 1
	tftpWrite = 2
	tftpData  = 3
	tftpAck   = 4
	tftpError = 5
	tftpOAck  = 6
)

// maxTFTPOptions bounds the options of one request.
const maxTFTPOptions = 16

// tftp reads a request to port 69, or the transfer that a request announced:
// its tag is the opcode of the request.
type tftp struct{ claimed bool }

// tftpRequest reads RRQ and WRQ: file name, mode, then pairs of options, each
// ended by a zero octet.
func tftpRequest(b []byte) (op uint16, file []byte, ok bool) {
	c := wire.New(b)
	if op = c.U16(); op != tftpRead && op != tftpWrite {
		return 0, nil, false
	}
	file, rest, ended := bytes.Cut(c.Rest(), []byte{0})
	if !ended || len(file) == 0 || len(file) > 512 || !tftpText(file) {
		return 0, nil, false
	}
	mode, rest, ended := bytes.Cut(rest, []byte{0})
	if !ended || !equalFold(mode, "octet") && !equalFold(mode, "netascii") && !equalFold(mode, "mail") {
		return 0, nil, false
	}
	parts := 0
	for ; len(rest) > 0 && parts < 2*maxTFTPOptions; parts++ {
		var option []byte
		if option, rest, ended = bytes.Cut(rest, []byte{0}); !ended || !tftpText(option) {
			return 0, nil, false
		}
	}
	return op, file, len(rest) == 0 && parts%2 == 0
}

// tftpText is what names consist of: netascii without controls, in practice
// UTF-8.
func tftpText(b []byte) bool { return printable(b) && !bytes.ContainsAny(b, "\t\r\n") }

// Dissect reads one datagram.
func (d *tftp) Dissect(m *Message, out Out) (int, error) {
	op, file, ok := tftpRequest(m.Data)
	switch {
	case m.Stream:
		return 0, ErrNotMine
	case ok:
		d.claimed = true
		d.request(m, op, file, out)
		return len(m.Data), nil
	case m.Tag == 0 && !d.claimed:
		return 0, ErrNotMine
	}
	op, ok = tftpTransfer(m.Data)
	if !ok {
		return 0, notMine(d.claimed)
	}
	d.claimed = true
	if r := tftpSender(op, uint16(m.Tag)); r != 0 {
		out.Sender(r)
	}
	return len(m.Data), nil
}

// request announces the transfer: the server answers from a port that it
// chooses (RFC 1350 section 4).
func (d *tftp) request(m *Message, op uint16, file []byte, out Out) {
	out.Sender(Client)
	out.Operation(ot.Transfer, 1)
	out.Fact(Sender, tftpFile, file, "tftp.request", ot.Content)
	if m.Src().Addr.IsValid() && m.Dst().Addr.IsValid() && !toGroup(m) {
		out.Expect(netip.AddrPortFrom(m.Dst().Addr, 0), netip.AddrPortFrom(m.Src().Addr, m.Src().Port), "tftp", uint64(op))
	}
}

// tftpTransfer reads what follows a request: a block, its acknowledgement, an
// error or the options that are accepted.
func tftpTransfer(b []byte) (op uint16, ok bool) {
	const longest = 4 + 65464 // RFC 2348
	c := wire.New(b)
	op = c.U16()
	second := c.U16()
	if !c.OK() {
		return 0, false
	}
	switch op {
	case tftpData:
		return op, len(b) <= longest
	case tftpAck:
		return op, c.Len() == 0
	case tftpError:
		text, rest, ended := bytes.Cut(c.Rest(), []byte{0})
		return op, second <= 8 && ended && len(rest) == 0 && printable(text)
	case tftpOAck:
		return op, bytes.HasSuffix(c.Rest(), []byte{0}) && bytes.Count(b, []byte{0}) >= 3
	}
	return op, false
}

// tftpSender tells who sends: data flows to whoever asked to read. 0 when it
// does not tell.
func tftpSender(op, request uint16) Role {
	switch {
	case op == tftpOAck:
		return Server
	case request == tftpRead && op == tftpData, request == tftpWrite && op == tftpAck:
		return Server
	case request == tftpRead && op == tftpAck, request == tftpWrite && op == tftpData:
		return Client
	}
	return 0
}
