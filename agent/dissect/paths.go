package dissect

// maxPaths is how many parts one conversation keeps the paths of.
const maxPaths = 256

// paths keeps the paths of parts that one conversation tells of, so that
// telling again builds nothing. The zero value is ready.
type paths struct{ known map[string]string }

// of is text as a path for Part.
func (p *paths) of(text []byte) string {
	if s, ok := p.known[string(text)]; ok {
		return s
	}
	s := string(text)
	if len(p.known) < maxPaths {
		if p.known == nil {
			p.known = map[string]string{}
		}
		p.known[s] = s
	}
	return s
}
