package dissect

// numberedParts keeps the paths of parts that have a number, so that each is
// built once. The zero value is ready.
type numberedParts struct{ paths map[uint32]string }

// maxNumberedParts bounds the parts behind one end of a conversation.
const maxNumberedParts = 256

// path is prefix and number, "" when there are too many.
func (p *numberedParts) path(prefix string, number uint32) string {
	path, known := p.paths[number]
	if known || len(p.paths) >= maxNumberedParts {
		return path
	}
	if p.paths == nil {
		p.paths = map[uint32]string{}
	}
	var text scratch
	path = prefix + string(text.uint(uint64(number)))
	p.paths[number] = path
	return path
}
