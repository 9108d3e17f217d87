package export

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/binary"
	"io"
	"sync"

	"codeberg.org/go-pdf/fpdf"
)

// The fonts of PDF files, packed: fonts/LICENSE.txt says whose they are.
//
//go:embed fonts/*.gz
var fontFiles embed.FS

// face is what texts in PDF files are set in.
const face = "DejaVu"

// typeface is unpacked once it is needed.
type typeface struct {
	regular, bold []byte
	has           [1 << 16]bool // characters that both know
}

var typefaces = sync.OnceValues(func() (*typeface, error) {
	var t typeface
	for name, to := range map[string]*[]byte{"DejaVuSansCondensed": &t.regular, "DejaVuSansCondensed-Bold": &t.bold} {
		packed, err := fontFiles.ReadFile("fonts/" + name + ".ttf.gz")
		if err != nil {
			return nil, err
		}
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			return nil, err
		}
		if *to, err = io.ReadAll(z); err != nil {
			return nil, err
		}
	}
	inBold := glyphs(t.bold)
	for r := range glyphs(t.regular) {
		t.has[r] = inBold[r]
	}
	return &t, nil
})

func (t *typeface) shows(r rune) bool { return r < 1<<16 && t.has[r] || r == '\n' || r == '\t' }

func (t *typeface) into(f *fpdf.Fpdf) {
	f.AddUTF8FontFromBytes(face, "", t.regular)
	f.AddUTF8FontFromBytes(face, "B", t.bold)
}

// glyphs are the characters of a font: those of its character map in format 4,
// which fonts for Windows have (OpenType 1.9, cmap).
func glyphs(font []byte) map[rune]bool {
	u16 := func(at int) int { return int(binary.BigEndian.Uint16(font[at:])) }
	u32 := func(at int) int { return int(binary.BigEndian.Uint32(font[at:])) }
	all := map[rune]bool{}
	for i := range u16(4) {
		if entry := 12 + 16*i; string(font[entry:entry+4]) == "cmap" {
			cmap := u32(entry + 8)
			for j := range u16(cmap + 2) {
				if at := cmap + u32(cmap+4+8*j+4); u16(at) == 4 {
					segments := u16(at+6) / 2
					ends, starts := at+14, at+16+2*segments
					for k := range segments {
						for r := u16(starts + 2*k); r <= u16(ends+2*k) && r != 0xffff; r++ {
							all[rune(r)] = true
						}
					}
				}
			}
		}
	}
	return all
}
