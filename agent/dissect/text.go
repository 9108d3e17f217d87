package dissect

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// trim cuts fixed-width text at its first NUL and takes surrounding spaces
// away.
func trim(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return bytes.TrimSpace(b)
}

// printable reports whether b is ASCII or valid UTF-8 text without control
// characters other than line ends and tabs.
func printable(b []byte) bool {
	for _, c := range b {
		if (c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7f {
			return false
		}
	}
	return utf8.Valid(b)
}

// appendUTF16 appends the UTF-8 form of UTF-16 text, up to its first NUL.
func appendUTF16(dst, v []byte, bigEndian bool) []byte {
	unit := func(i int) rune {
		if bigEndian {
			return rune(v[i])<<8 | rune(v[i+1])
		}
		return rune(v[i+1])<<8 | rune(v[i])
	}
	for i := 0; i+1 < len(v); i += 2 {
		r := unit(i)
		if r == 0 {
			break
		}
		if utf16.IsSurrogate(r) {
			pair := rune(utf8.RuneError)
			if i+3 < len(v) {
				pair = utf16.DecodeRune(r, unit(i+2))
			}
			if pair != utf8.RuneError {
				i += 2
			}
			r = pair
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// equalFold reports whether b is the ASCII text s, which is in lower case,
// whatever the case of b.
func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != s[i] {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isHex reports whether c is a hexadecimal digit, in capitals.
func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'A' && c <= 'F' }

// allHex reports whether b, or what has come of it, is such digits alone.
func allHex(b []byte) bool {
	for _, c := range b {
		if !isHex(c) {
			return false
		}
	}
	return true
}
