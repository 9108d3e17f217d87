package dissect

import (
	"bytes"
	"encoding/base64"

	"demarc/internal/ot"
)

// httpFields are the header fields that matter here.
type httpFields struct {
	host, agent, server, challenge []byte
	token                          []byte // of an NTLM or Negotiate log-on, base64
	length                         int64  // of the body, -1 when not said
	chunked, html, xml, encoded    bool
	authorization, upgrade, omf    bool
}

func readHTTPFields(b []byte) httpFields {
	f := httpFields{length: -1}
	for len(b) > 0 {
		line := b
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			line, b = b[:i], b[i+1:]
		} else {
			b = nil
		}
		name, value, ok := bytes.Cut(line, []byte{':'})
		if ok {
			f.field(name, bytes.TrimSpace(value))
		}
	}
	return f
}

func (f *httpFields) field(name, v []byte) {
	switch {
	case equalFold(name, "host"):
		f.host = v
	case equalFold(name, "user-agent"):
		f.agent = v
	case equalFold(name, "server"):
		f.server = v
	case equalFold(name, "www-authenticate"):
		if token := negotiation(v); token != nil {
			f.token = token
		} else {
			f.challenge = v
		}
	case equalFold(name, "content-length"):
		f.length = decimal(v)
	case equalFold(name, "transfer-encoding"):
		f.chunked = containsFold(v, "chunked")
	case equalFold(name, "content-type"):
		f.html = containsFold(v, "text/html")
		f.xml = !f.html && containsFold(v, "xml")
	case equalFold(name, "content-encoding"):
		f.encoded = !equalFold(v, "identity")
	case equalFold(name, "authorization"):
		f.authorization, f.token = true, negotiation(v)
	case equalFold(name, "upgrade"):
		f.upgrade = true
	case equalFold(name, "omfversion"):
		f.omf = true
	}
}

// negotiation is the token of an NTLM or Negotiate field (RFC 4559 section 4);
// nil when v is none of them or has no token.
func negotiation(v []byte) []byte {
	scheme, token, _ := bytes.Cut(v, []byte{' '})
	if !equalFold(scheme, "ntlm") && !equalFold(scheme, "negotiate") {
		return nil
	}
	return bytes.TrimSpace(token)
}

// httpNTLM tells the names in an NTLM log-on.
func (s *scratch) httpNTLM(token []byte, out Out) {
	const most = 8 << 10
	if len(token) == 0 || len(token) > most {
		return
	}
	from := s.mark()
	s.add(token) // decoded in place: the text is longer than what it stands for
	b := s.since(from)
	if n, err := base64.StdEncoding.Decode(b, b); err == nil {
		s.ntlm(b[:n], out)
	}
}

// decimal reads a number of at most 15 digits, -1 when it is none.
func decimal(v []byte) int64 {
	if len(v) == 0 || len(v) > 15 {
		return -1
	}
	n := int64(0)
	for _, c := range v {
		if c < '0' || c > '9' {
			return -1
		}
		n = 10*n + int64(c-'0')
	}
	return n
}

// containsFold reports whether the text s, in lower case, lies in b.
func containsFold(b []byte, s string) bool {
	for i := 0; i+len(s) <= len(b); i++ {
		if equalFold(b[i:i+len(s)], s) {
			return true
		}
	}
	return false
}

// head tells what a head says and returns the body that follows it.
func (d *http) head(m *Message, l *startLine, fields []byte, out Out) httpBody {
	f := readHTTPFields(fields)
	if l.method < 0 {
		return d.response(l, &f, out)
	}
	body := d.request(m, l, &f, out)
	switch {
	case f.omf:
		out.Payload(httpTagFields, fields)
	case toPIWebAPI(l.target):
		out.Payload(httpTagTarget, l.target)
	}
	return body
}

func (d *http) request(m *Message, l *startLine, f *httpFields, out Out) httpBody {
	out.Sender(Client)
	out.Operation(httpMethods[l.method].operation, 1)
	if f.authorization {
		out.Operation(ot.Authenticate, 1)
	}
	d.text.httpNTLM(f.token, out)
	httpText(out, httpUserAgent, f.agent, "http.user_agent")
	name := f.host
	if l.method == methodConnect {
		name = l.target
	}
	name = httpHostName(name)
	if len(name) > 0 {
		d.text.contact(Sender, name, "http.host", out)
		// The target of a request through a proxy is not the receiver.
		if l.target[0] == '/' {
			out.Fact(Receiver, httpHost, name, "http.host", ot.Content)
		}
	}
	if !m.Cut {
		d.asked.push(l.method)
	}
	return bodyOf(f, false)
}

func (d *http) response(l *startLine, f *httpFields, out Out) httpBody {
	out.Sender(Server)
	d.text.httpNTLM(f.token, out)
	httpText(out, httpServer, f.server, "http.server")
	httpText(out, httpRealm, realm(f.challenge), "http.www_authenticate")
	method := 0
	if l.status >= 200 || l.status == 101 {
		method = d.asked.pop()
	}
	switch {
	case l.status == 101 && f.upgrade, method == methodConnect && l.status/100 == 2:
		return httpBody{tunnel: true}
	case l.status/100 == 1, l.status == 204, l.status == 304, method == methodHead:
		return httpBody{}
	}
	return bodyOf(f, true)
}

func httpText(out Out, a ot.Attribute, v []byte, source string) {
	const most = 512
	if len(v) > 0 && printable(v) {
		out.Fact(Sender, a, v[:min(len(v), most)], source, ot.Content)
	}
}

// httpHostName is the name of a Host field without its port; nil when it is an
// address.
func httpHostName(v []byte) []byte {
	if i := bytes.LastIndexByte(v, ':'); i >= 0 && decimal(v[i+1:]) >= 0 {
		v = v[:i]
	}
	if len(v) == 0 || v[0] == '[' || !printable(v) || isAddress(v) {
		return nil
	}
	return v
}

// isAddress reports whether a host name is an IPv4 address in dotted decimal.
func isAddress(v []byte) bool {
	parts, digits, n := 1, 0, 0
	for _, c := range v {
		switch {
		case c == '.' && digits > 0:
			parts, digits, n = parts+1, 0, 0
		case c >= '0' && c <= '9' && digits < 3:
			digits, n = digits+1, 10*n+int(c-'0')
		default:
			return false
		}
		if n > 255 {
			return false
		}
	}
	return parts == 4 && digits > 0
}

// realm is the protection space of a challenge (RFC 9110 section 11.5).
func realm(v []byte) []byte {
	const key = "realm="
	for i := 0; i+len(key) <= len(v); i++ {
		if !equalFold(v[i:i+len(key)], key) {
			continue
		}
		v = v[i+len(key):]
		if len(v) > 0 && v[0] == '"' {
			quoted, _, _ := bytes.Cut(v[1:], []byte{'"'})
			return quoted
		}
		token, _, _ := bytes.Cut(v, []byte{','})
		return token
	}
	return nil
}
