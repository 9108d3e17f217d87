package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"

	demarcv1 "demarc/proto/demarc/v1"
)

// TestWhatIsLeftToAPersonStandsInHeaders holds the headers of a file to what a
// browser can read, and to less than proxies refuse.
func TestWhatIsLeftToAPersonStandsInHeaders(t *testing.T) {
	h := http.Header{}
	tellMissing(h, &demarcv1.ExportResponse{Missing: []string{"Columns that are empty: a, b", "line\r\nbreak: ä"}})
	got := h.Values(missingHeader)
	if len(got) != 2 || got[0] != "Columns+that+are+empty%3A+a%2C+b" || got[1] != "line%0D%0Abreak%3A+%C3%A4" {
		t.Errorf("headers are %q", got)
	}
	h = http.Header{}
	tellMissing(h, &demarcv1.ExportResponse{Missing: slices.Repeat([]string{"one of very many lines"}, 1000)})
	got = h.Values(missingHeader)
	want := fmt.Sprintf("and %d more, which the command lists", 1000-(len(got)-1))
	if last, _ := url.QueryUnescape(got[len(got)-1]); last != want || len(got) < 50 || len(got) > 200 {
		t.Errorf("%d headers, the last of them %q, not %q", len(got), last, want)
	}
	h = http.Header{}
	if tellMissing(h, &demarcv1.ExportEvidenceResponse{}); len(h) != 0 {
		t.Errorf("a package, which leaves nothing, has headers %v", h)
	}
}
