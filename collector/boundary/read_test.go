package boundary

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// samples returns the files under testdata/dir and fails if there is none.
func samples(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples in testdata/%s (%v)", dir, err)
	}
	return files
}

func load(t testing.TB, path string) File {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return File{filepath.Base(path), content}
}

func TestRefused(t *testing.T) {
	for _, path := range samples(t, "refused") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			docs, err := Read([]File{load(t, path)})
			var problems Problems
			if !errors.As(err, &problems) || docs != nil {
				t.Fatalf("Read = %v, %v, want no documents and Problems", docs, err)
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".golden", err.Error()+"\n")
		})
	}
}

func TestAccepted(t *testing.T) {
	for _, path := range samples(t, "accepted") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			docs, err := Read([]File{load(t, path)})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Compile(docs, 1); err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".golden", docs.Warnings.Error()+"\n")
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}
