package dissect

import (
	"bytes"
	"errors"

	"demarc/internal/ot"
)

func init() {
	register(Protocol{
		Name:     "http",
		Over:     []string{"tcp"},
		Tier:     1,
		Ports:    TCP(80, 8080),
		Match:    httpMatch,
		New:      func() Dissector { return &http{} },
		Reads:    "server and client software, host names, realm, page title, reads and writes by method",
		Standard: "RFC 9110, RFC 9112",
	})
}

// Attributes of HTTP ends.
const (
	httpServer    ot.Attribute = "http.server"
	httpUserAgent ot.Attribute = "http.user_agent"
	httpHost      ot.Attribute = "http.host"
	httpRealm     ot.Attribute = "http.realm"
	httpTitle     ot.Attribute = "http.title"
)

// maxHTTPHead bounds a start line with its header fields.
const maxHTTPHead = 32 << 10

// http reads heads and passes over bodies.
type http struct {
	text  scratch
	sides sides
	body  [3]httpBody // by side: what is under way
	asked methodQueue
	told  bool // a head was read
}

// httpMethod is one request method.
type httpMethod struct {
	name      string
	operation ot.Operation
}

// httpMethods are those of RFC 9110 section 9, RFC 5789 and WebDAV (RFC 4918).
var httpMethods = [...]httpMethod{
	{"GET", ot.Read},
	{"HEAD", ot.Read},
	{"POST", ot.Write},
	{"PUT", ot.Write},
	{"DELETE", ot.Write},
	{"PATCH", ot.Write},
	{"OPTIONS", ot.Diagnose},
	{"TRACE", ot.Diagnose},
	{"CONNECT", ot.Read},
	{"PROPFIND", ot.Read},
	{"PROPPATCH", ot.Write},
	{"MKCOL", ot.Write},
	{"COPY", ot.Write},
	{"MOVE", ot.Write},
	{"LOCK", ot.Write},
	{"UNLOCK", ot.Write},
	{"REPORT", ot.Read},
}

const (
	methodHead    = 1
	methodConnect = 8
)

// httpMethodOf finds the method that b begins with, followed by a space; -1
// when there is none. partial: b may still become one.
func httpMethodOf(b []byte) (method int, partial bool) {
	for i, m := range httpMethods {
		n := len(m.name)
		switch {
		case len(b) > n:
			if string(b[:n]) == m.name && b[n] == ' ' {
				return i, false
			}
		case string(b) == m.name[:len(b)]:
			partial = true
		}
	}
	return -1, partial
}

const (
	httpVersion = "HTTP/1."
	// http2Preface opens HTTP/2 without TLS (RFC 9113 section 3.4).
	http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
)

func startsLike(b []byte, s string) bool {
	n := min(len(b), len(s))
	return string(b[:n]) == s[:n]
}

func httpMatch(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	if startsLike(b, httpVersion) || startsLike(b, http2Preface) {
		return true
	}
	method, partial := httpMethodOf(b)
	return method >= 0 || partial
}

// Dissect reads one head, or a part of a body.
func (d *http) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		saved := *d
		defer func() { *d = saved }()
	}
	d.text.reset()
	body := &d.body[d.sides.of(m)]
	if body.state != bodyNone {
		return body.read(m.Data, &d.text, out)
	}
	if startsLike(m.Data, http2Preface) {
		return d.http2(m.Data, out)
	}
	line, rest, err := httpLine(m.Data)
	if err != nil {
		return 0, d.fault(err)
	}
	if line.malformed() {
		return 0, d.fault(ErrNotMine)
	}
	end := headEnd(rest)
	if end < 0 {
		if len(m.Data) > maxHTTPHead {
			return 0, d.fault(ErrNotMine)
		}
		if m.Cut {
			d.head(m, &line, rest[:bytes.LastIndexByte(rest, '\n')+1], out) // of the last line the end may be missing
		}
		return 0, ErrShort
	}
	used := len(m.Data) - len(rest) + end
	*body = d.head(m, &line, rest[:end], out)
	d.told = true
	switch {
	case body.tunnel:
		*body = httpBody{}
		out.Switch("")
	case body.state == bodyLength && !body.title && !body.xml: // the engine passes over it
		used += int(body.left)
		*body = httpBody{}
	}
	return used, nil
}

// fault is what a broken head means: before the first one, another protocol.
func (d *http) fault(err error) error {
	if errors.Is(err, ErrNotMine) {
		return notMine(d.told)
	}
	return err
}

// http2 knows HTTP/2 by its preface; its compressed header fields are not read.
func (d *http) http2(b []byte, out Out) (int, error) {
	if len(b) < len(http2Preface) {
		return 0, ErrShort
	}
	out.Sender(Client)
	return len(http2Preface), ErrDone
}

// Resync finds a line that may start a message.
func (d *http) Resync(b []byte) int {
	d.body, d.asked = [3]httpBody{}, methodQueue{}
	for off := 0; off < len(b); {
		if method, _ := httpMethodOf(b[off:]); method >= 0 || bytes.HasPrefix(b[off:], []byte(httpVersion)) {
			return off
		}
		i := bytes.IndexByte(b[off:], '\n')
		if i < 0 {
			return -1
		}
		off += i + 1
	}
	return -1
}

// startLine is the first line of a message (RFC 9112 sections 3 and 4).
type startLine struct {
	method int // of a request, -1 of a response
	target []byte
	status int
}

func (l *startLine) malformed() bool { return l.method < 0 && l.status == 0 }

// httpLine reads the start line; rest is what follows it.
func httpLine(b []byte) (l startLine, rest []byte, err error) {
	l.method = -1
	line, rest, whole := bytes.Cut(b, []byte{'\n'})
	line = bytes.TrimRight(line, " \r")
	response := startsLike(line, httpVersion)
	method, partial := httpMethodOf(line)
	switch {
	case !response && method < 0 && (whole || !partial):
		return l, nil, ErrNotMine
	case !whole && (!printable(line) || len(b) > maxHTTPHead/2):
		return l, nil, ErrNotMine
	case !whole:
		return l, nil, ErrShort
	case response:
		l.status = statusOf(line)
		return l, rest, nil
	}
	target := line[len(httpMethods[method].name)+1:]
	v := bytes.LastIndexByte(target, ' ')
	if v < 1 || len(target)-v != len(" HTTP/1.1") || string(target[v+1:len(target)-1]) != httpVersion {
		return l, nil, ErrNotMine
	}
	l.method, l.target = method, target[:v]
	return l, rest, nil
}

// statusOf reads "HTTP/1.1 200 OK"; 0 when it is no status line.
func statusOf(line []byte) int {
	const at = len(httpVersion) + 2
	if len(line) < at+3 || line[at-1] != ' ' || (len(line) > at+3 && line[at+3] != ' ') {
		return 0
	}
	n := 0
	for _, c := range line[at : at+3] {
		if c < '0' || c > '9' {
			return 0
		}
		n = 10*n + int(c-'0')
	}
	if n < 100 || n > 599 {
		return 0
	}
	return n
}

// headEnd is the length of the header fields with the empty line after them,
// -1 when it has not come.
func headEnd(b []byte) int {
	for off := 0; off < len(b); {
		i := bytes.IndexByte(b[off:], '\n')
		if i < 0 {
			return -1
		}
		if i == 0 || (i == 1 && b[off] == '\r') {
			return off + i + 1
		}
		off += i + 1
	}
	return -1
}

// methodQueue remembers the methods of requests that have no answer yet:
// whether an answer has a body depends on it. More than it holds are taken for
// GET.
type methodQueue struct {
	method [8]uint8
	n      uint8
}

func (q *methodQueue) push(method int) {
	if int(q.n) < len(q.method) {
		q.method[q.n] = uint8(method)
		q.n++
	}
}

func (q *methodQueue) pop() int {
	if q.n == 0 {
		return 0
	}
	method := q.method[0]
	copy(q.method[:], q.method[1:q.n])
	q.n--
	return int(method)
}
