package dissect

import (
	"bytes"
	"strings"

	"demarc/internal/ot"
)

type bodyState uint8

const (
	bodyNone     bodyState = iota
	bodyLength             // left bytes follow
	bodyToClose            // until the connection ends
	bodyChunk              // the size line of a chunk follows
	bodyData               // left bytes of a chunk follow, then its line end
	bodyTrailers           // fields behind the last chunk
)

// httpBody is the body that follows a head, in one direction.
type httpBody struct {
	state  bodyState
	tunnel bool  // no body: another protocol follows
	title  bool  // a page whose title has not been seen
	xml    bool  // a document whose message has not been seen
	left   int64 // bytes of the body, or of the chunk
	looked int   // bytes that were searched for a title or message
}

// maxTitleSearch bounds how far into a body a title or message is looked for.
const maxTitleSearch = 8 << 10

// bodyOf tells how a body ends (RFC 9112 section 6.3).
func bodyOf(f *httpFields, response bool) httpBody {
	b := httpBody{title: response && f.html && !f.encoded, xml: f.xml && !f.encoded}
	switch {
	case f.chunked:
		b.state = bodyChunk
	case f.length > 0:
		b.state, b.left = bodyLength, f.length
	case f.length < 0 && response:
		b.state = bodyToClose
	default:
		return httpBody{}
	}
	return b
}

// read passes over one part of the body.
func (b *httpBody) read(data []byte, text *scratch, out Out) (int, error) {
	switch b.state {
	case bodyChunk:
		return b.size(data)
	case bodyTrailers:
		return b.trailer(data)
	}
	if b.title {
		return b.page(data, text, out)
	}
	if b.xml {
		return b.document(data, out)
	}
	if b.state == bodyToClose {
		return len(data), nil
	}
	return b.pass(min(b.left, 1<<30)), nil
}

// pass counts n bytes of the body as read.
func (b *httpBody) pass(n int64) int {
	if b.state == bodyToClose {
		return int(n)
	}
	b.left -= n
	switch {
	case b.left > 0:
	case b.state == bodyData: // and the line end of the chunk
		b.state, b.left = bodyChunk, 0
		return int(n) + 2
	default:
		b.state = bodyNone
	}
	return int(n)
}

// size reads the line before a chunk (RFC 9112 section 7.1).
func (b *httpBody) size(data []byte) (int, error) {
	i := bytes.IndexByte(data, '\n')
	if i < 0 {
		if len(data) > 1024 {
			return 0, ErrMalformed
		}
		return 0, ErrShort
	}
	n, digits := int64(0), 0
	for _, c := range data[:i] {
		v := strings.IndexByte(hexDigits, c|0x20)
		if v < 0 || c < '0' || digits > 7 {
			break
		}
		n, digits = n<<4|int64(v), digits+1
	}
	switch {
	case digits == 0:
		return 0, ErrMalformed
	case n == 0:
		b.state = bodyTrailers
	default:
		b.state, b.left = bodyData, n
	}
	return i + 1, nil
}

// trailer reads one line behind the last chunk.
func (b *httpBody) trailer(data []byte) (int, error) {
	i := bytes.IndexByte(data, '\n')
	switch {
	case i < 0 && len(data) > maxHTTPHead:
		return 0, ErrMalformed
	case i < 0:
		return 0, ErrShort
	case i == 0, i == 1 && data[0] == '\r':
		*b = httpBody{}
	}
	return i + 1, nil
}

// page looks for the title of a page, tag by tag, so that it does not matter
// how the bytes were cut.
func (b *httpBody) page(data []byte, text *scratch, out Out) (int, error) {
	const open, shut, most = "<title", "</title", 512
	whole := b.state != bodyToClose && int64(len(data)) >= b.left
	if whole {
		data = data[:b.left]
	}
	at := bytes.IndexByte(data, '<')
	switch {
	case at < 0:
		return b.searched(len(data)), nil
	case at > 0:
		return b.searched(at), nil
	case len(data) < len(open) && !whole:
		return 0, ErrShort
	case len(data) < len(open) || !equalFold(data[:len(open)], open):
		return b.searched(1), nil
	}
	tag := bytes.IndexByte(data, '>')
	end := -1
	if tag > 0 {
		for i := tag + 1; i+len(shut) <= len(data) && i < most; i++ {
			if equalFold(data[i:i+len(shut)], shut) {
				end = i
				break
			}
		}
	}
	if end < 0 {
		if len(data) >= most || whole {
			b.title = false
			return b.searched(1), nil
		}
		return 0, ErrShort
	}
	if title := text.words(data[tag+1 : end]); len(title) > 0 && printable(title) {
		out.Fact(Sender, httpTitle, title, "http.title", ot.Content)
	}
	b.title = false
	return b.searched(end), nil
}

// searched passes over bytes in which no title starts.
func (b *httpBody) searched(n int) int {
	if b.looked += n; b.looked > maxTitleSearch {
		b.title, b.xml = false, false
	}
	return b.pass(int64(n))
}

// words keeps v with every run of white space made one space.
func (s *scratch) words(v []byte) []byte {
	from := s.mark()
	for i, c := range v {
		switch {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			if n := s.mark(); n > from && s.since(from)[n-from-1] != ' ' {
				s.adds(" ")
			}
		default:
			s.add(v[i : i+1])
		}
	}
	return bytes.TrimRight(s.since(from), " ")
}
