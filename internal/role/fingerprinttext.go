package role

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// What the YAML parser is given: it recurses with every level, and takes
// quadratic time over the keys of one mapping.
const (
	maxNesting = 16
	maxKeys    = 256
)

// plain gives the text of a fingerprint file, without the mark that some editors
// put in front, or refuses with its line what YAML could do and no fingerprint
// needs: aliases make gigabytes of a few hundred bytes, and a second document
// would not be read.
func plain(path string, text []byte) ([]byte, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	number := 0
	for line := range bytes.Lines(text) {
		number++
		if !utf8.Valid(line) || bytes.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\t\r\n", r) }) {
			return nil, fmt.Errorf("%s:%d: not plain text: save the file as UTF-8", path, number)
		}
	}
	s := shape{keys: map[int]int{}}
	for _, t := range lexer.Tokenize(string(text)) {
		if what := s.excess(t); what != "" {
			return nil, fmt.Errorf("%s:%d:%d: %s", path, t.Position.Line, t.Position.Column, what)
		}
	}
	return text, nil
}

// shape follows the tokens of a file.
type shape struct {
	line, dashes int
	depth        int         // of [ and {
	keys         map[int]int // of the block mapping that begins in a column
	column       int         // of the last key
	body         bool
}

// excess says what is wrong with a token, "" when nothing is.
func (s *shape) excess(t *token.Token) string {
	if t.Position.Line != s.line {
		s.line, s.dashes = t.Position.Line, 0
	}
	switch t.Type {
	case token.AnchorType, token.AliasType, token.MergeKeyType:
		return "anchors, aliases and merge keys are not read: write the value out where it is meant"
	case token.TagType, token.DirectiveType:
		return fmt.Sprintf("%q: tags and directives are not read: take it out, or put the text in quotes", t.Value)
	case token.DocumentHeaderType, token.DocumentEndType:
		if s.body {
			return "a second document would not be read: put all entries into one list"
		}
	case token.MappingStartType, token.SequenceStartType:
		s.depth++
	case token.MappingEndType, token.SequenceEndType:
		s.depth--
	case token.SequenceEntryType:
		s.dashes++
		s.ended(t.Position.Column)
	case token.MappingValueType:
		s.key(t.Prev)
	}
	s.body = s.body || t.Type != token.CommentType && t.Type != token.DocumentHeaderType
	switch {
	case s.depth > maxNesting || s.dashes > maxNesting:
		return fmt.Sprintf("lists and mappings stand in each other deeper than %d", maxNesting)
	case s.keys[s.column] > maxKeys:
		return fmt.Sprintf("more than %d keys in one mapping: check the indentation", maxKeys)
	}
	return ""
}

func (s *shape) key(t *token.Token) {
	if s.depth == 0 && t != nil {
		s.ended(t.Position.Column)
		s.column = t.Position.Column
		s.keys[s.column]++
	}
}

// ended drops the counts of mappings that begin right of a column.
func (s *shape) ended(column int) {
	for c := range s.keys {
		if c > column {
			delete(s.keys, c)
		}
	}
}
