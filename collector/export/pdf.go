package export

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
)

// writing is what a PDF says, before it is laid out.
type writing struct {
	Title    string
	Subject  string // beside the page number, on every page
	Standing string // that nobody confirms anything, on every page; may be empty
	At       time.Time
	Software string
	Blocks   []block

	size float64 // of type in points; 0 is that of a report
	most int     // pages: with more, none is written; 0 is any number
}

// block is one of title, heading, text, list, pairs, table, signatures.
type block struct {
	Kind   string
	Text   string
	Head   []string
	Widths []float64 // of columns, in parts of the width
	Mark   int       // column that is bold in rows that are marked
	Rows   []row
}

type row struct {
	Cells  []string
	Marked bool
}

func (w *writing) add(p block) { w.Blocks = append(w.Blocks, p) }

func (w *writing) heading(text string) { w.add(block{Kind: "heading", Text: text}) }

func (w *writing) text(text string) { w.add(block{Kind: "text", Text: text}) }

// table adds one; in place of an empty one stands a word.
func (w *writing) table(t block, empty string) {
	if t.Kind = "table"; len(t.Rows) == 0 {
		t = block{Kind: "text", Text: empty}
	}
	w.add(t)
}

// fingerprint is that of what is said, however it is laid out.
func (w *writing) fingerprint() (string, error) {
	text, err := json.Marshal(w)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8]), err
}

// papers are the sizes that may be asked for, with the name that the library has.
var papers = map[string]string{"": "A4", "a4": "A4", "letter": "Letter"}

// Measures of a page, in millimetres, and of type, in points.
const (
	margin  = 16.0
	top     = 24.0
	foot    = 16.0
	body    = 9.0
	small   = 8.0
	leading = 0.45 // of a line in millimetres, by point of type
	gap     = 1.2  // between a rule and its text, and between columns
)

// press lays out a writing.
type press struct {
	*fpdf.Fpdf
	face          *typeface
	width, bottom float64
	style         string
	size, body    float64 // of type: that is set, and that of texts
}

// print writes the PDF and says how many pages it has. The same writing gives
// the same bytes.
func (w *writing) print(out io.Writer, paper string) (pages int, err error) {
	mark, err := w.fingerprint()
	if err != nil {
		return 0, err
	}
	p, err := newPress(paper)
	if err != nil {
		return 0, err
	}
	p.body = cmp.Or(w.size, p.body)
	p.describe(w)
	p.SetHeaderFunc(func() { p.running(w, mark) })
	p.SetFooterFunc(p.number)
	p.AliasNbPages("{pages}")
	p.AddPage()
	for i := range w.Blocks {
		p.block(&w.Blocks[i])
	}
	if w.most > 0 && p.PageCount() > w.most {
		return p.PageCount(), p.Error()
	}
	err = p.Output(out)
	return p.PageCount(), err
}

func newPress(paper string) (*press, error) {
	face, err := typefaces()
	if err != nil {
		return nil, err
	}
	f := fpdf.New("P", "mm", papers[paper], "")
	face.into(f)
	f.SetMargins(margin, top, margin)
	f.SetAutoPageBreak(false, 0)
	f.SetCellMargin(0)
	wide, high := f.GetPageSize()
	p := &press{Fpdf: f, face: face, width: wide - 2*margin, bottom: high - foot, body: body}
	p.set("", p.body)
	return p, f.Error()
}

func (p *press) describe(w *writing) {
	p.SetTitle(p.shown(w.Title), true)
	p.SetSubject(p.shown(w.Subject), true)
	p.SetCreator("Demarc "+w.Software, true)
	p.SetLang("en")
	p.SetCreationDate(w.At.UTC())
	p.SetModificationDate(w.At.UTC())
	p.SetCatalogSort(true)
}

func (p *press) set(style string, size float64) {
	p.style, p.size = style, size
	p.SetFont(face, style, size)
}

// shown is a text as the font can show it.
func (p *press) shown(s string) string {
	return strings.ReplaceAll(visible(s, p.face.shows), "\t", "    ")
}

// running is the head of every page.
func (p *press) running(w *writing, mark string) {
	p.set("", 7.5)
	p.SetXY(margin, 9)
	right := "as of " + stamp(w.At) + "   content " + mark
	p.CellFormat(p.width, 4, right, "", 0, "R", false, 0, "")
	p.SetXY(margin, 9)
	p.CellFormat(p.width, 4, p.fit(w.Subject, p.width-p.GetStringWidth(right)-6), "", 0, "L", false, 0, "")
	y := 14.0
	if w.Standing != "" {
		p.SetXY(margin, 13)
		p.set("B", 7.5)
		p.CellFormat(p.width, 4, w.Standing, "", 0, "L", false, 0, "")
		y = 18
	}
	p.SetLineWidth(0.2)
	p.Line(margin, y, margin+p.width, y)
	p.SetXY(margin, top)
	p.set("", p.body)
}

// number is the foot of every page.
func (p *press) number() {
	style, size := p.style, p.size
	p.set("", 7.5)
	_, high := p.GetPageSize()
	p.SetXY(margin, high-11)
	p.CellFormat(p.width, 4, "The collector computes verdicts; people decide. What no agent heard is not told here.", "", 0, "L", false, 0, "")
	p.SetXY(margin+p.width-18, high-11) // how wide the number of pages is shows at the end alone
	p.CellFormat(18, 4, fmt.Sprintf("page %d of {pages}", p.PageNo()), "", 0, "L", false, 0, "")
	p.set(style, size)
}

// fit cuts one line to a width.
func (p *press) fit(s string, width float64) string {
	s = p.shown(strings.ReplaceAll(s, "\n", " "))
	if p.GetStringWidth(s) <= width {
		return s
	}
	runes := []rune(s)
	for len(runes) > 0 && p.GetStringWidth(string(runes)+"…") > width {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "…"
}

// wrap breaks a text into lines of a width, in the type that is set: between
// words, and within those that are too long.
func (p *press) wrap(s string, width float64) (all []string) {
	for paragraph := range strings.SplitSeq(p.shown(s), "\n") {
		line, length := "", 0.0
		blank := p.GetStringWidth(" ")
		for i, word := range strings.Split(paragraph, " ") {
			w := p.GetStringWidth(word)
			switch {
			case i == 0:
				line, length = word, w
			case length+blank+w <= width:
				line, length = line+" "+word, length+blank+w
				continue
			default:
				all = append(all, line)
				line, length = word, w
			}
			for length > width {
				var head string
				head, line = p.split(line, width)
				all, length = append(all, head), p.GetStringWidth(line)
			}
		}
		all = append(all, line)
	}
	return all
}

// split takes off the longest beginning of a word that fits, one character at
// least: after a mark that words are joined by, where one is in reach.
func (p *press) split(word string, width float64) (head, rest string) {
	length, joint := 0.0, 0
	for i, r := range word {
		if length += p.GetStringWidth(string(r)); length > width && i > 0 {
			if joint > i/2 {
				i = joint
			}
			return word[:i], word[i:]
		}
		if strings.ContainsRune("/-._:,;=&?", r) {
			joint = i + 1
		}
	}
	return word, ""
}

// room goes to the next page where less is left than height.
func (p *press) room(height float64) bool {
	if p.GetY()+height <= p.bottom {
		return false
	}
	style, size := p.style, p.size
	p.AddPage()
	p.set(style, size)
	return true
}

func (p *press) lines(x float64, all []string) {
	h := p.size * leading
	for _, l := range all {
		p.room(h)
		p.SetX(x)
		p.CellFormat(0, h, l, "", 2, "L", false, 0, "")
	}
}

func (p *press) block(t *block) {
	switch t.Kind {
	case "title":
		p.set("B", 17)
		p.Bookmark(p.shown(short(t.Text, 100)), 0, -1)
		p.lines(margin, p.wrap(t.Text, p.width))
		p.Ln(1)
	case "heading":
		p.set("B", 12)
		p.Ln(4)
		p.room(26)
		p.Bookmark(p.shown(short(t.Text, 100)), 1, -1)
		p.lines(margin, p.wrap(t.Text, p.width))
		p.Ln(1)
	case "strong", "text":
		p.set(map[string]string{"strong": "B"}[t.Kind], p.body+map[string]float64{"strong": 1}[t.Kind])
		p.lines(margin, p.wrap(t.Text, p.width))
		p.Ln(1.5)
	case "list":
		p.set("", p.body)
		for _, r := range t.Rows {
			lines := p.wrap(r.Cells[0], p.width-4)
			p.room(p.size * leading)
			y := p.GetY()
			p.SetX(margin)
			p.CellFormat(4, p.size*leading, "•", "", 0, "L", false, 0, "")
			p.SetY(y)
			p.lines(margin+4, lines)
			p.Ln(0.6)
		}
	case "pairs", "table":
		p.table(t)
	case "signatures":
		p.signatures(t)
	case "blank":
		p.blank(t)
	}
}

// laid is a row broken into lines.
type laid struct {
	cells  [][]string
	styles []string
	height int // lines
}

func (p *press) lay(t *block, r row, widths []float64) laid {
	l := laid{cells: make([][]string, len(r.Cells)), styles: make([]string, len(r.Cells))}
	for i, c := range r.Cells {
		if t.Kind == "head" || t.Kind == "pairs" && i == 0 || r.Marked && i == t.Mark {
			l.styles[i] = "B"
		}
		p.set(l.styles[i], p.size)
		l.cells[i] = p.wrap(c, widths[i]-2*gap)
		l.height = max(l.height, len(l.cells[i]))
	}
	return l
}

// table draws rows of cells, its head again on each page. A row that is longer
// than what is left goes to the next page, and one that is longer than half
// a page goes on there.
func (p *press) table(t *block) {
	p.set("", map[string]float64{"pairs": p.body, "table": small}[t.Kind])
	h := p.size * leading
	widths := make([]float64, len(t.Widths))
	for i, part := range t.Widths {
		widths[i] = part * p.width
	}
	head := func() {
		if len(t.Head) == 0 {
			return
		}
		l := p.lay(&block{Kind: "head"}, row{Cells: t.Head}, widths)
		p.rule(0.4)
		p.draw(l, widths, 0, l.height)
		p.rule(0.4)
	}
	p.room(3 * h)
	head()
	for _, r := range t.Rows {
		l := p.lay(t, r, widths)
		whole := float64(l.height)*h + 2*gap
		if whole < (p.bottom-top)/2 && p.room(whole) {
			head()
		}
		for from := 0; from < l.height; {
			n := min(l.height-from, int((p.bottom-p.GetY()-2*gap)/h))
			if n < 1 {
				p.room(p.bottom)
				head()
				continue
			}
			p.draw(l, widths, from, n)
			from += n
		}
		p.SetDrawColor(150, 150, 150)
		p.rule(0.1)
		p.SetDrawColor(0, 0, 0)
	}
	p.set("", p.body)
	p.Ln(2)
}

func (p *press) rule(width float64) {
	p.SetLineWidth(width)
	p.Line(margin, p.GetY(), margin+p.width, p.GetY())
}

// draw sets n lines of a row from one of them on.
func (p *press) draw(l laid, widths []float64, from, n int) {
	h, y, x := p.size*leading, p.GetY()+gap, margin
	for i, cell := range l.cells {
		p.set(l.styles[i], p.size)
		for j := from; j < min(from+n, len(cell)); j++ {
			p.SetXY(x+gap, y+float64(j-from)*h)
			p.CellFormat(widths[i]-2*gap, h, cell[j], "", 0, "L", false, 0, "")
		}
		x += widths[i]
	}
	p.set("", p.size)
	p.SetXY(margin, y+float64(n)*h+gap)
}

// blank leaves room to write.
func (p *press) blank(t *block) {
	p.set("", p.body)
	p.room(40)
	p.lines(margin, []string{t.Text})
	for range 3 {
		p.Ln(9)
		p.rule(0.2)
	}
	p.Ln(7)
}

// signatures leaves room for people to sign.
func (p *press) signatures(t *block) {
	for _, r := range t.Rows {
		p.set("", p.body)
		lines := p.wrap(r.Cells[0], p.width*0.42)
		h := max(13, float64(len(lines))*p.body*leading+6)
		p.room(h)
		y := p.GetY()
		p.lines(margin, lines)
		p.SetLineWidth(0.2)
		at := margin + p.width*0.45
		p.set("", 7)
		for _, field := range []struct {
			name       string
			from, wide float64
		}{{"Signature", 0, 0.33}, {"Date", 0.36, 0.19}} {
			x := at + field.from*p.width
			p.Line(x, y+8, x+field.wide*p.width, y+8)
			p.SetXY(x, y+8.5)
			p.CellFormat(20, 3, field.name, "", 0, "L", false, 0, "")
		}
		p.SetXY(margin, y+h)
	}
}
