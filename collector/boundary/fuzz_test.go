package boundary

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzRead holds Read to its word: documents that compile, or problems of one
// line each with a place in the file.
func FuzzRead(f *testing.F) {
	for _, dir := range []string{"refused", "accepted"} {
		for _, path := range samples(f, dir) {
			f.Add(load(f, path).Content)
		}
	}
	f.Add([]byte(plan))
	f.Fuzz(func(t *testing.T, content []byte) {
		docs, err := Read([]File{{"f.yaml", content}})
		var cut []File
		for _, p := range Pieces([]File{{"f.yaml", content}}) {
			cut = append(cut, p.File)
		}
		if _, again := Read(cut); (again == nil) != (err == nil) {
			t.Fatalf("read whole: %v\nread in pieces: %v", err, again)
		}
		if err == nil {
			if _, err := Compile(docs, 1); err != nil {
				t.Fatalf("Read accepted what Compile refuses: %v", err)
			}
			return
		}
		var problems Problems
		if !errors.As(err, &problems) || len(problems) == 0 || docs != nil {
			t.Fatalf("Read = %v, %v", docs, err)
		}
		lines := strings.Count(text(content), "\n") + 1
		for _, p := range problems {
			if p.Line < 1 || p.Col < 1 || p.Line > lines+1 || p.What == "" {
				t.Errorf("problem %+v in a file of %d lines", p, lines)
			}
			if strings.ContainsAny(p.String(), "\n\r") || !utf8.ValidString(p.String()) {
				t.Errorf("problem is not one line of text: %q", p.String())
			}
		}
	})
}
