package boundary

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestPieces(t *testing.T) {
	files := []File{
		{"a.yaml", []byte("# a site\n---\n# only a comment\n---\nkind: Site\nmetadata: {name: x}\nspec: {title: X}\n---\nkind: [\n---\nkind: Boundary\nmetadata:\n  name: y\n")},
		{"empty.yaml", nil},
		{"bomb.yaml", []byte("a: &a [x, x]\nkind: *a\n")},
		{"binary.yaml", []byte{0xff}},
	}
	var got []string
	pieces := Pieces(files)
	for _, p := range pieces {
		got = append(got, fmt.Sprintf("%s %s/%s", p.Path, p.Kind, p.Name))
	}
	want := []string{"a.yaml Site/x", "a.yaml /", "a.yaml Boundary/y", "empty.yaml /", "bomb.yaml /", "binary.yaml /"}
	if !slices.Equal(got, want) {
		t.Fatalf("Pieces = %q, want %q", got, want)
	}
	_, err := Read([]File{pieces[0].File})
	if err == nil || !strings.HasPrefix(err.Error(), "a.yaml:5:1: the document has no apiVersion") {
		t.Errorf("a piece is refused with %v, want the line that it has in its file", err)
	}
}

// Cutting files into pieces and reading those says what reading the files says.
func TestPiecesReadAsTheirFiles(t *testing.T) {
	for _, dir := range []string{"refused", "accepted"} {
		for _, path := range samples(t, dir) {
			f := load(t, path)
			var files []File
			for _, p := range Pieces([]File{f}) {
				files = append(files, p.File)
			}
			_, whole := Read([]File{f})
			_, cut := Read(files)
			if fmt.Sprint(whole) != fmt.Sprint(cut) {
				t.Errorf("%s: as a file\n%v\nin pieces\n%v", path, whole, cut)
			}
		}
	}
}
