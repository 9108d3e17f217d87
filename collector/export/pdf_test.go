package export

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/internal/netsim"
	demarcv1 "demarc/proto/demarc/v1"
)

// printed is the PDF of a writing, and how many pages it has.
func printed(t testing.TB, w *writing, paper string) ([]byte, int) {
	t.Helper()
	var out bytes.Buffer
	n, err := w.print(&out, paper)
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), n
}

// readPDF is its text, as poppler reads it.
func readPDF(t *testing.T, data []byte) string {
	t.Helper()
	netsim.Need(t, "pdftotext")
	name := filepath.Join(t.TempDir(), "x.pdf")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "pdftotext", "-raw", name, "-").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// hostile are names as a network can tell them.
var hostile = map[string]string{
	"safe\u202egnp.exe":              "safe⟨U+202E⟩gnp.exe",
	"a\x00b\x1b[31mc":                "a⟨U+0000⟩b⟨U+001B⟩[31mc",
	"zero\u200bwidth":                "zero⟨U+200B⟩width",
	"Насос №4":                       "Насос №4",
	"ポンプ":                            "⟨U+30DD⟩⟨U+30F3⟩⟨U+30D7⟩",
	"pump 😀":                         "pump ⟨U+1F600⟩",
	"\xff\xfe":                       "⟨FF⟩⟨FE⟩",
	"(paren) \\ back [x] <b>&amp;":   "(paren) \\ back [x] <b>&amp;",
	"{pages} =cmd|' /C calc'!A0":     "=cmd|' /C calc'!A0",
	"\uffff and \U000fffff":          "⟨U+FFFF⟩ and ⟨U+FFFFF⟩",
	strings.Repeat("endless", 1_500): "endless",
}

// TestHostileTextShows: what the font lacks, and what turns or hides text, is
// there by its number, and nothing breaks.
func TestHostileTextShows(t *testing.T) {
	w := &writing{Title: "x", Subject: strings.Repeat("ポ", 300) + "\u202e", At: noon}
	for name := range hostile {
		w.add(block{Kind: "heading", Text: name})
		w.table(block{Head: []string{"A", "B"}, Widths: []float64{0.5, 0.5}, Rows: []row{{Cells: []string{name, name}}}}, "")
		w.add(block{Kind: "list", Rows: []row{{Cells: []string{name}}}})
	}
	data, _ := printed(t, w, "")
	got := strings.Join(strings.Fields(readPDF(t, data)), " ")
	for name, want := range hostile {
		if !strings.Contains(got, want) {
			t.Errorf("%.40q is not there as %q", name, want)
		}
	}
	if strings.ContainsAny(got, "\u202e\u200b\x00\x1b") {
		t.Error("what hides or turns text is in it")
	}
}

// TestLongTableGoesOnWithItsHead: each page begins with the head, and no row is
// lost.
func TestLongTableGoesOnWithItsHead(t *testing.T) {
	var rows []row
	for i := range 400 {
		rows = append(rows, row{Cells: []string{fmt.Sprintf("row-%d.", i), strings.Repeat("word ", 1+i%40*10)}})
	}
	w := &writing{Title: "x", Subject: "x", At: noon}
	w.table(block{Head: []string{"Headword", "Other"}, Widths: []float64{0.5, 0.5}, Rows: rows}, "")
	data, pages := printed(t, w, "letter")
	got := readPDF(t, data)
	if n := strings.Count(got, "Headword"); pages < 10 || n != pages {
		t.Errorf("%d heads on %d pages", n, pages)
	}
	for i := range 400 {
		if !strings.Contains(got, fmt.Sprintf("row-%d.", i)) {
			t.Errorf("row %d is lost", i)
		}
	}
	for i := range pages {
		if !strings.Contains(got, fmt.Sprintf("page %d of %d", i+1, pages)) {
			t.Errorf("page %d has no number", i+1)
		}
	}
}

// TestSameWritingGivesTheSameBytes, and another one another fingerprint.
func TestSameWritingGivesTheSameBytes(t *testing.T) {
	said := func(text string) *writing {
		w := &writing{Title: "x", Subject: "x", At: noon}
		w.heading("Наsos")
		w.text(text)
		return w
	}
	first, _ := printed(t, said("same words"), "")
	for range 10 {
		if again, _ := printed(t, said("same words"), ""); !bytes.Equal(first, again) {
			t.Fatal("the same writing gives another file")
		}
	}
	a, _ := said("same words").fingerprint()
	if b, _ := said("same  words").fingerprint(); a == b || len(a) != 16 {
		t.Errorf("%s and %s", a, b)
	}
}

// hostileBrief is of a connection of which everything is as long as can be.
func hostileBrief(name string, n int) *brief {
	b := &brief{at: timestamppb.New(noon)}
	many := func(s string) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprint(s, i))
		}
		return all
	}
	c := &demarcv1.JudgedConnection{
		Id: "c-1", ClientBoundary: name, ServerBoundary: "dmz", Agents: many(name), Verdict: &demarcv1.Verdict{Verdict: "out-of-terms", Reason: name, NotObservable: many(name), Documents: many("Interconnection/" + name)},
		Connection: &demarcv1.Connection{Client: name, Server: name, Protocol: name, Transport: "tcp", Port: 1, ClientAsset: "a", SecurityFacts: &demarcv1.SecurityFacts{Subject: name}, Operations: map[string]uint64{}},
	}
	b.c = c
	for _, s := range many(name) {
		c.Connection.Operations[s] = 1
		c.Verdict.Terms = append(c.Verdict.Terms, &demarcv1.Term{Term: s, State: "broken", Why: s})
		b.findings = append(b.findings, &demarcv1.Finding{Id: s, Title: s, Status: "remediating", ExplainedBy: []string{s}})
		b.conditions = append(b.conditions, &demarcv1.Condition{Id: s, Statement: s, State: "attested", Words: s})
		b.agreements = append(b.agreements, &demarcv1.Agreement{Document: s, Name: s, Purpose: s, Owner: s, Why: s, Sides: []*demarcv1.AgreementSide{{Boundary: s, Official: s}}})
		a := &demarcv1.Authorization{Name: s, Organization: s, Why: s, Leverages: []string{s}, Record: &demarcv1.AuthorizationRecord{Officials: []*demarcv1.DecidingOfficial{{Name: s}}, Connect: []*demarcv1.ConnectDecision{{To: s}}, ResidualRisks: []*demarcv1.ResidualRisk{{Id: s, Statement: s}}}}
		b.authorizations, b.over = append(b.authorizations, a), append(b.over, a)
	}
	b.assets = []*demarcv1.Asset{{Id: "a", Names: many(name), Roles: []*demarcv1.AssetRole{{Role: name}}}}
	b.boundaries = []*demarcv1.BoundarySummary{{Name: name, Title: name, Sight: &demarcv1.Sight{Words: name}, Record: &demarcv1.BoundaryRecord{Parties: []*demarcv1.ResponsibleParty{{Name: name}}}}}
	return b
}

// TestBriefIsOnePage, whatever names and however many there are; where
// something is left out, it says so.
func TestBriefIsOnePage(t *testing.T) {
	for _, name := range []string{"line4", "\u202e" + strings.Repeat("\x00", 500), strings.Repeat("endless", 1_500), strings.Repeat("long words ", 900), strings.Repeat("ポ", 3_000), strings.Repeat("😀\n", 3_000)} {
		for _, n := range []int{0, 60} {
			var out bytes.Buffer
			if err := hostileBrief(name, n).print(&out, "letter", "test", "authority: none."); err != nil { // the shorter paper
				t.Fatalf("%.20q, %d of each: %v", name, n, err)
			}
			if pages := regexp.MustCompile(`/Type /Page\n`).FindAll(out.Bytes(), -1); len(pages) != 1 {
				t.Errorf("%.20q, %d of each: %d pages", name, n, len(pages))
			}
		}
	}
	var out bytes.Buffer
	if err := hostileBrief(strings.Repeat("long words ", 900), 60).print(&out, "", "test", ""); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(strings.Fields(readPDF(t, out.Bytes())), " "); !strings.Contains(got, "Shortened to fit one page") || !strings.Contains(got, "characters in all") || !strings.Contains(got, "more") {
		t.Errorf("nothing says that it is shortened:\n%s", got)
	}
}

// TestWordsAreThoseOfThePages: a reader finds the same words on both.
func TestWordsAreThoseOfThePages(t *testing.T) {
	ts, err := os.ReadFile("../web/ui/src/words.ts")
	if err != nil {
		t.Fatal(err)
	}
	for name, ours := range map[string]map[string]string{"DECISIONS": decisions, "VERDICT_WORDS": verdictWords, "BASES": bases} {
		_, rest, _ := strings.Cut(string(ts), "export const "+name+": Record<string, string> = {")
		body, _, _ := strings.Cut(rest, "};")
		theirs := regexp.MustCompile(`'?([a-z-]+)'?: '([^']*)'`).FindAllStringSubmatch(body, -1)
		if len(theirs) != len(ours) {
			t.Errorf("%s: %d on the pages, %d here", name, len(theirs), len(ours))
		}
		for _, m := range theirs {
			if ours[m[1]] != m[2] {
				t.Errorf("%s %s: %q on the pages, %q here", name, m[1], m[2], ours[m[1]])
			}
		}
	}
	for kind, w := range dues {
		if want := fmt.Sprintf("['%s', '%s']", w[0], w[1]); !strings.Contains(string(ts), want) {
			t.Errorf("%s: the pages do not say %s", kind, want)
		}
	}
}
