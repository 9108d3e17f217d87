package capture

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// looks are the first bytes of files that people take for captures, with what
// they are and what helps.
var looks = []struct{ magic, what string }{
	{"snoop\x00\x00\x00", "is a Solaris snoop file, which editcap -F pcapng converts"},
	{"GMBU", "is a Microsoft Network Monitor file, which editcap -F pcapng converts"},
	{"RTSS", "is a Microsoft Network Monitor 1 file, which editcap -F pcapng converts"},
	{"TRSNIFF data", "is a Sniffer file, which editcap -F pcapng converts"},
	{"XCP\x00", "is a NetXray file, which editcap -F pcapng converts"},
	{"\x7fELF", "is a program"},
	{"MZ", "is a Windows program"},
	{"PK\x03\x04", "is a ZIP archive, to be unpacked first"},
	{"7z\xbc\xaf\x27\x1c", "is a 7-Zip archive, to be unpacked first"},
	{"\xfd7zXZ\x00", "is packed with xz: unpack it with xz -d first"},
	{"BZh", "is packed with bzip2: unpack it with bzip2 -d first"},
	{"\x28\xb5\x2f\xfd", "is packed with zstd: unpack it with zstd -d first"},
	{"\x04\x22\x4d\x18", "is packed with lz4: unpack it with lz4 -d first"},
	{"%PDF", "is a PDF document"},
	{"\x89PNG", "is a picture"},
	{"\xff\xd8\xff", "is a picture"},
	{"SQLite format 3", "is an SQLite database"},
	{"version https://git-lfs", "is a Git LFS pointer: fetch the file itself with git lfs pull"},
	{"\x0a\x0d\x0d\x0a", "starts like pcapng but has no byte-order magic: the file is damaged"},
}

// lookOf says what a foreign file looks like from its first bytes.
func lookOf(b []byte) string {
	for _, l := range looks {
		if bytes.HasPrefix(b, []byte(l.magic)) {
			return l.what
		}
	}
	if isText(b) {
		line, _, _ := bytes.Cut(b, []byte("\n"))
		return fmt.Sprintf("is text and starts with %q", line[:min(len(line), 40)])
	}
	return fmt.Sprintf("starts with % x", b[:min(len(b), 8)])
}

// isText reports whether b is UTF-8 without control characters. The last
// character may be cut.
func isText(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			return len(b) < utf8.UTFMax && !utf8.FullRune(b)
		}
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' {
			return false
		}
		b = b[n:]
	}
	return true
}
