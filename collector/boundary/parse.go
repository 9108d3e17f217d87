package boundary

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits on one file. The YAML parser recurses with each level of nesting and
// takes quadratic time over the keys of one block mapping.
const (
	maxFile  = 1 << 20 // bytes
	maxDepth = 32      // levels of [ and {, or of "- " on one line
	maxKeys  = 256     // keys of one mapping
)

// At is a place in a file, line and column from 1.
type At struct {
	File      string
	Line, Col int
}

func (a *At) setAt(b At) { *a = b }

func (a At) problem(what, cure string) Problem {
	return Problem{File: a.File, Line: a.Line, Col: a.Col, What: what, Cure: cure}
}

func (a At) String() string { return fmt.Sprintf("%s line %d", a.File, a.Line) }

// part is the text of one YAML document within a file.
type part struct {
	text string
	line int // lines of the file before it
}

// documentsOf gives the body of every document in f that is not empty. The
// parser sees one document at a time: given several it may drop one without a
// word (a document that holds only a comment takes the next one with it).
func documentsOf(f File) ([]ast.Node, []part, Problems) {
	if p := textProblem(f); p != nil {
		return nil, nil, Problems{*p}
	}
	var (
		nodes    []ast.Node
		parts    []part
		problems Problems
	)
	for _, one := range split(text(f.Content)) {
		body, p := parse(f.Path, one)
		if p != nil {
			problems = append(problems, *p)
			continue
		}
		if body != nil {
			nodes, parts = append(nodes, body), append(parts, one)
		}
	}
	if len(nodes) == 0 && len(problems) == 0 {
		problems = Problems{At{f.Path, 1, 1}.problem("the file holds no document", "write one or take the file away")}
	}
	return nodes, parts, problems
}

// textProblem refuses what no parser needs to see.
func textProblem(f File) *Problem {
	at := At{f.Path, 1, 1}
	var p Problem
	switch {
	case len(f.Content) > maxFile:
		p = at.problem(fmt.Sprintf("the file has %d bytes, more than %d", len(f.Content), maxFile), "split it into several files")
	case !utf8.Valid(f.Content) || bytes.IndexByte(f.Content, 0) >= 0:
		p = at.problem("the file is not text in UTF-8", "save it as UTF-8, or take it away if it is no document")
	default:
		return nil
	}
	return &p
}

// text takes off a byte order mark and makes every line break one "\n"; YAML
// takes a lone carriage return for one too.
func text(content []byte) string {
	s := strings.TrimPrefix(string(content), "\ufeff")
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// split cuts text at the lines that begin or end a YAML document (YAML 1.2.2
// section 9.1): "---" and "..." in the first column.
func split(text string) []part {
	var parts []part
	var b strings.Builder
	start := 0
	line := 0
	for rest := text; rest != ""; line++ {
		one := rest
		if i := strings.IndexByte(rest, '\n'); i >= 0 {
			one = rest[:i+1]
		}
		rest = rest[len(one):]
		mark := marker(one)
		if mark != "" {
			parts = append(parts, part{b.String(), start})
			b.Reset()
			start = line
			one = "   " + one[len(mark):]
		}
		b.WriteString(one)
	}
	return append(parts, part{b.String(), start})
}

func marker(line string) string {
	for _, m := range []string{"---", "..."} {
		if rest, ok := strings.CutPrefix(line, m); ok && (rest == "" || strings.ContainsAny(rest[:1], " \t\r\n")) {
			return m
		}
	}
	return ""
}

// parse gives the body of one document, nil if it is empty.
func parse(file string, one part) (body ast.Node, problem *Problem) {
	at := func(tk *token.Token) At {
		if tk == nil || tk.Position == nil {
			return At{file, one.line + 1, 1}
		}
		return At{file, one.line + max(1, tk.Position.Line), max(1, tk.Position.Column)}
	}
	defer func() {
		if r := recover(); r != nil { // the parser's fault, on input that a person wrote: refuse the file, not the process
			p := at(nil).problem("the document cannot be read as YAML", "check its indentation and quotes")
			body, problem = nil, &p
		}
	}()
	tokens := lexer.Tokenize(one.text)
	if tk, what, cure := excess(tokens); tk != nil {
		p := at(tk).problem(what, cure)
		return nil, &p
	}
	f, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		what, tk := err.Error(), (*token.Token)(nil)
		var located interface {
			GetToken() *token.Token
			GetMessage() string
		}
		if errors.As(err, &located) {
			what, tk = located.GetMessage(), located.GetToken()
		}
		p := at(tk).problem(syntax(what))
		return nil, &p
	}
	for _, doc := range f.Docs {
		if doc.Body != nil && doc.Body.Type() != ast.CommentType {
			return doc.Body, nil
		}
	}
	return nil, nil
}

// excess finds what the documents do not need and what would hurt the parser:
// anchors and aliases, tags, directives, deep nesting, endless mappings.
func excess(tokens token.Tokens) (tk *token.Token, what, cure string) {
	depth, dashes, line := 0, 0, 0
	keys := make(map[int]int) // column -> keys of the block mapping there
	for _, t := range tokens {
		if t.Position != nil && t.Position.Line != line {
			line, dashes = t.Position.Line, 0
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			return t, "anchors, aliases and merge keys are not read", "write the value out where it is meant"
		case token.TagType, token.DirectiveType:
			return t, "tags and directives are not read", "take " + quote(t.Value) + " out, or put the text in quotes"
		case token.MappingKeyType:
			return t, `"?" keys are not read`, "write key: value"
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.SequenceEntryType:
			dashes++
			forget(keys, t)
		case token.MappingValueType:
			if depth > 0 || t.Prev == nil || t.Prev.Position == nil {
				continue
			}
			forget(keys, t.Prev)
			col := t.Prev.Position.Column
			if keys[col]++; keys[col] > maxKeys {
				return t, fmt.Sprintf("a mapping with more than %d keys", maxKeys), "no document has so many: check the indentation"
			}
		}
		if depth > maxDepth || dashes > maxDepth {
			return t, fmt.Sprintf("lists or mappings nested deeper than %d", maxDepth), "no document needs that"
		}
	}
	return nil, "", ""
}

// forget drops the counts of mappings that end where t stands.
func forget(keys map[int]int, t *token.Token) {
	for col := range keys {
		if t.Position != nil && col > t.Position.Column {
			delete(keys, col)
		}
	}
}

// syntax turns the parser's words into a cause and a cure.
func syntax(message string) (what, cure string) {
	message = strings.Join(strings.Fields(strings.ReplaceAll(message, "\t", `\t`)), " ")
	switch {
	case strings.Contains(message, `\t`):
		return "a tab where YAML wants spaces", "indent with spaces"
	case strings.Contains(message, "mapping value is not allowed"):
		return "a second \": \" in one value", "put the value in quotes, or begin a new line"
	case strings.Contains(message, "value is not allowed in this context"):
		return "this line does not stand under the one before it", "check its indentation"
	}
	return "not YAML: " + message, "check quotes, brackets and indentation near here"
}

func quote(s string) string {
	if len(s) > 60 {
		s = s[:57] + "..."
	}
	return fmt.Sprintf("%q", s)
}
