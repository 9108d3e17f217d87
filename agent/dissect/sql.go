package dissect

import "demarc/internal/ot"

// maxSQL is how much of a statement is looked at.
const maxSQL = 512

// sqlOperation is the class of the first statement of b that has one, by its
// first keyword; begin, set and the like are passed over. What a procedure does
// does not show: calls have no class.
func sqlOperation(b []byte) (ot.Operation, bool) {
	w := sqlWords{b: b[:min(len(b), maxSQL)], begins: true}
	for {
		word, ok := w.next()
		if !ok {
			return 0, false
		}
		if !w.begins {
			continue
		}
		w.begins = false
		switch class := sqlClass(word); class {
		case sqlNone:
		case sqlEither:
			return w.decide(string(word) == "with")
		default:
			return ot.Operation(class), true
		}
	}
}

// sqlBegins reports whether b begins with a keyword of SQL.
func sqlBegins(b []byte) bool {
	w := sqlWords{b: b[:min(len(b), maxSQL)]}
	word, ok := w.next()
	if !ok {
		return false
	}
	switch string(word) {
	case "begin", "commit", "rollback", "set", "start", "savepoint", "release", "use", "exec", "execute", "call", "do", "declare", "if",
		"prepare", "deallocate", "discard", "lock", "reset", "vacuum", "analyze", "close", "checkpoint", "abort", "end":
		return true
	}
	return sqlClass(word) != sqlNone
}

const (
	sqlNone   = -1
	sqlEither = -2 // a later word decides
)

// sqlClass is the class of a statement by its first word, in lower case.
func sqlClass(word []byte) int {
	switch string(word) {
	case "select", "show", "fetch", "explain", "values", "table", "describe", "desc":
		return int(ot.Read)
	case "insert", "update", "delete", "merge", "replace", "truncate", "upsert", "load":
		return int(ot.Write)
	case "create", "alter", "drop", "grant", "revoke", "rename", "comment", "deny":
		return int(ot.Configure)
	case "shutdown", "kill":
		return int(ot.Control)
	case "listen", "start_replication":
		return int(ot.Subscribe)
	case "identify_system":
		return int(ot.Diagnose)
	case "with", "copy":
		return sqlEither
	}
	return sqlNone
}

// sqlWords walks the words of a text, without comments and quoted text.
type sqlWords struct {
	b      []byte
	off    int
	depth  int  // of parentheses around the word
	begins bool // the word stands first, behind a semicolon or on a new line
	ended  bool // a semicolon was passed
	lower  [24]byte
}

// decide finds the word that tells reading from writing: the verb behind the
// common table expressions of WITH, the direction of COPY.
func (w *sqlWords) decide(with bool) (ot.Operation, bool) {
	depth := w.depth
	for w.ended = false; ; {
		word, ok := w.next()
		switch {
		case !ok, w.ended:
			return ot.Read, with
		case w.depth > depth:
		case with:
			if class := sqlClass(word); class == int(ot.Read) || class == int(ot.Write) {
				return ot.Operation(class), true
			}
		case string(word) == "from":
			return ot.Write, true
		case string(word) == "to":
			return ot.Read, true
		}
	}
}

// next is the next word in lower case, cut at 24 bytes.
func (w *sqlWords) next() ([]byte, bool) {
	for w.off < len(w.b) {
		c := w.b[w.off]
		switch {
		case sqlLetter(c):
			return w.word(), true
		case c == '\'' || c == '"' || c == '`':
			w.quoted(c)
		case c == '-' && w.at(1) == '-', c == '#':
			w.until("\n")
		case c == '/' && w.at(1) == '*':
			w.until("*/")
		default:
			w.mark(c)
			w.off++
		}
	}
	return nil, false
}

func (w *sqlWords) at(n int) byte {
	if w.off+n < len(w.b) {
		return w.b[w.off+n]
	}
	return 0
}

func (w *sqlWords) mark(c byte) {
	switch c {
	case '(':
		w.depth++
	case ')':
		w.depth--
	case ';':
		w.depth, w.ended, w.begins = 0, true, true
	case '\n':
		w.begins = true
	}
}

func (w *sqlWords) word() []byte {
	n := 0
	for ; w.off < len(w.b) && (sqlLetter(w.b[w.off]) || w.b[w.off] >= '0' && w.b[w.off] <= '9'); w.off++ {
		if n < len(w.lower) {
			w.lower[n] = w.b[w.off] | 0x20
			if w.b[w.off] == '_' {
				w.lower[n] = '_'
			}
			n++
		}
	}
	return w.lower[:n]
}

// quoted passes over text up to the same quote.
func (w *sqlWords) quoted(quote byte) {
	for w.off++; w.off < len(w.b) && w.b[w.off] != quote; w.off++ {
	}
	w.off++
}

// until passes over text up to the end of end.
func (w *sqlWords) until(end string) {
	for w.off++; w.off < len(w.b); w.off++ {
		if startsLike(w.b[w.off:], end) && w.off+len(end) <= len(w.b) {
			w.off += len(end)
			return
		}
	}
}

func sqlLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
