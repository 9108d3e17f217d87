package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// Messages of the database inside data packets, and functions that a client
// calls, as Oracle's open drivers name them.
const (
	tnsProtocol  = 1
	tnsFunction  = 3
	tnsPiggyback = 17
	tnsFastAuth  = 34

	tnsExecute   = 0x5e
	tnsRefetch   = 0x4e // executes a query again and fetches
	tnsAuthFirst = 0x76
)

// tnsLook is how far into a request a statement is searched for.
const tnsLook = 768

// request reads what a client calls. The form of calls differs from release to
// release, so statements are found by their own form.
func (d *tns) request(b []byte, out Out) {
	c := wire.New(b)
	kind, function := c.U8(), c.U8()
	if !c.OK() {
		return
	}
	switch kind {
	case tnsProtocol:
		d.driver(b, out)
	case tnsFastAuth:
		d.clear(out)
		d.logon(b, out)
	case tnsFunction, tnsPiggyback:
		d.clear(out)
		switch {
		case kind == tnsFunction && function == tnsAuthFirst:
			d.logon(b, out)
		case kind == tnsFunction && function == tnsRefetch:
			out.Operation(ot.Read, 1)
		default:
			if class, ok := sqlOperation(tnsStatement(b)); ok {
				out.Operation(class, 1)
			}
		}
	}
}

// clear tells once that calls are not protected.
func (d *tns) clear(out Out) {
	if !d.open {
		d.open = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
}

// driver reads the first message of a client: versions up to a 0, then the
// name of its driver.
func (d *tns) driver(b []byte, out Out) {
	i := bytes.IndexByte(b, 0)
	if i < 0 || i > 16 {
		return
	}
	c := wire.New(b[i+1:])
	if name := pgText(&c); c.OK() {
		tnsTell(Sender, "tns.driver", name, "tns.protocol.driver", ot.Content, out)
	}
}

// logon reads what a client says of itself when it logs on.
func (d *tns) logon(b []byte, out Out) {
	out.Operation(ot.Authenticate, 1)
	tnsTell(Sender, tnsProgram, tnsPair(b, "AUTH_PROGRAM_NM"), "tns.auth.program", ot.Content, out)
	tnsComputer(tnsPair(b, "AUTH_MACHINE"), "tns.auth.machine", out)
}

// answer reads what a server says of itself.
func (d *tns) answer(b []byte, out Out) {
	const answered, parameters = 1, 8
	c := wire.New(b)
	switch kind := c.U8(); {
	case !c.OK():
	case kind == answered && len(b) > 3 && b[2] == 0:
		c.Skip(2)
		if banner := pgText(&c); c.OK() {
			tnsTell(Sender, tnsBanner, banner, "tns.protocol.banner", ot.Identity, out)
		}
	case kind == parameters:
		tnsTell(Sender, ot.Name, tnsPair(b, "AUTH_SC_SERVER_HOST"), "tns.auth.server_host", ot.Identity, out)
		tnsTell(Sender, tnsInstance, tnsPair(b, "AUTH_SC_INSTANCE_NAME"), "tns.auth.instance", ot.Identity, out)
		tnsTell(Sender, tnsService, tnsPair(b, "AUTH_SC_SERVICE_NAME"), "tns.auth.service", ot.Identity, out)
		if v := decimal(tnsPair(b, "AUTH_VERSION_NO")); v > 0 && v < 1<<32 {
			d.release(uint32(v), "tns.auth.version", out)
		}
	}
}

// tnsPair is the value that follows a key: a number of bytes, which is written
// in as many bytes as it needs behind their count, or in four; then once more
// in one byte; then the text.
func tnsPair(b []byte, key string) []byte {
	i := bytes.Index(b, tnsKeys[key])
	if i < 0 {
		return nil
	}
	b = b[i+len(key):]
	for _, four := range [...]bool{false, true} {
		c := wire.New(b)
		n := 0
		if four {
			n = int(c.U32LE())
		} else {
			for width := c.U8(); width > 0 && width <= 4; width-- {
				n = n<<8 | int(c.U8())
			}
		}
		if once := int(c.U8()); once != n || n == 0 {
			continue
		}
		if v := c.Bytes(n); c.OK() && printable(v) {
			return v
		}
	}
	return nil
}

// tnsKeys are the keys that are looked for.
var tnsKeys = func() map[string][]byte {
	m := map[string][]byte{}
	for _, key := range []string{"AUTH_PROGRAM_NM", "AUTH_MACHINE", "AUTH_SC_SERVER_HOST", "AUTH_SC_INSTANCE_NAME", "AUTH_SC_SERVICE_NAME", "AUTH_VERSION_NO"} {
		m[key] = []byte(key)
	}
	return m
}()

// tnsStatement finds SQL in a call that may hold some: text that begins with a
// keyword, behind a byte that counts it or its first part.
func tnsStatement(b []byte) []byte {
	if len(b) < 2 || b[0] != tnsPiggyback && (b[0] != tnsFunction || b[1] != tnsExecute) {
		return nil
	}
	const shortest = 6 // "commit"
	for i := 3; i+shortest < min(len(b), tnsLook); i++ {
		n := int(b[i])
		if n < shortest || i+1+n > len(b) || !sqlFirst(b[i+1]) {
			continue
		}
		text := b[i+1 : i+1+n]
		if printable(text) && sqlBegins(text) {
			return text
		}
	}
	return nil
}

// sqlFirst reports a byte that SQL may begin with.
func sqlFirst(c byte) bool {
	return sqlLetter(c) || c == '(' || c == '/' || c == '-' || c == ' ' || c == '\n' || c == '\r' || c == '\t'
}
