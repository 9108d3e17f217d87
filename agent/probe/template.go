package probe

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Template is a request as it can be known before it is sent: its bytes, with
// Any in the place of one that an answer decides, and Rest for all that
// follows.
type Template []int16

// Places in a template.
const (
	Any  int16 = -1 // one byte that depends on an answer or on the clock
	Rest int16 = -2 // any number of bytes: signed or encrypted for the server
)

// exactly is a template without open places.
func exactly(b []byte) Template {
	t := make(Template, len(b))
	for i := range b {
		t[i] = int16(b[i])
	}
	return t
}

// String is hexadecimal, "??" for Any and "..." for Rest.
func (t Template) String() string {
	var s strings.Builder
	for i, x := range t {
		if i > 0 {
			s.WriteByte(' ')
		}
		switch x {
		case Any:
			s.WriteString("??")
		case Rest:
			s.WriteString("...")
		default:
			s.WriteString(hex.EncodeToString([]byte{byte(x)}))
		}
	}
	return s.String()
}

// Dump is lines of 16 bytes, hexadecimal and as text.
func (t Template) Dump() (lines []string) {
	for rest := range slices.Chunk(t, 16) {
		text := strings.Builder{}
		for _, x := range rest {
			switch {
			case x == Any:
				text.WriteByte('?')
			case x >= ' ' && x < 0x7f:
				text.WriteByte(byte(x))
			default:
				text.WriteByte('.')
			}
		}
		lines = append(lines, fmt.Sprintf("%-47s  %s", rest.String(), text.String()))
	}
	return lines
}

// Matches reports whether b is what t says.
func (t Template) Matches(b []byte) bool {
	for i, x := range t {
		if x == Rest {
			rest := t[i+1:]
			for from := i; from <= len(b); from++ {
				if rest.Matches(b[from:]) {
					return true
				}
			}
			return false
		}
		if i >= len(b) || (x != Any && byte(x) != b[i]) {
			return false
		}
	}
	return len(b) == len(t)
}
