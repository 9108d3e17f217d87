package export

import (
	"fmt"
	"strings"
	"unicode"
)

// unseen are characters that show nothing, or turn the reading order: as the
// pages have it. Line breaks and tabs are left to whoever lays out the text.
var unseen = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x00, Hi: 0x08, Stride: 1},
		{Lo: 0x0b, Hi: 0x1f, Stride: 1},
		{Lo: 0x7f, Hi: 0x9f, Stride: 1},
		{Lo: 0xad, Hi: 0xad, Stride: 1},
		{Lo: 0x61c, Hi: 0x61c, Stride: 1},
		{Lo: 0x180e, Hi: 0x180e, Stride: 1},
		{Lo: 0x200b, Hi: 0x200f, Stride: 1},
		{Lo: 0x2028, Hi: 0x202e, Stride: 1},
		{Lo: 0x2060, Hi: 0x206f, Stride: 1},
		{Lo: 0xfeff, Hi: 0xfeff, Stride: 1},
		{Lo: 0xfff0, Hi: 0xfffb, Stride: 1},
		{Lo: 0xfffe, Hi: 0xffff, Stride: 1},
	},
	R32: []unicode.Range32{{Lo: 0xe0000, Hi: 0xe007f, Stride: 1}},
}

// visible shows by their number the characters that are unseen, and those that
// show does not know; bytes that are no text are shown as such.
func visible(s string, show func(rune) bool) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r == unicode.ReplacementChar || unicode.Is(unseen, r) || !show(r) }) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == unicode.ReplacementChar && !strings.HasPrefix(s[i:], "\ufffd"):
			fmt.Fprintf(&b, "⟨%02X⟩", s[i])
		case unicode.Is(unseen, r) || !show(r):
			fmt.Fprintf(&b, "⟨U+%04X⟩", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// short keeps the first most characters of a text, and says how many there are.
func short(s string, most int) string {
	if len(s) <= most {
		return s
	}
	if all := []rune(s); len(all) > most {
		return fmt.Sprintf("%s… (%d characters in all)", string(all[:most]), len(all))
	}
	return s
}
