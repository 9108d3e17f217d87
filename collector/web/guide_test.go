package web

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	guide    = "../../deploy/pages.md"
	pictures = "../../deploy/pages"
	most     = 4 << 20 // bytes of pictures: what a clone is to carry of them
)

// The guide of the pages names every page, and has every picture that it names, light and dark.
func TestGuideNamesEveryPage(t *testing.T) {
	app, text := read(t, "ui/src/app.tsx"), read(t, guide)
	table := regexp.MustCompile(`(?s)const PAGES:.*?\n};`).FindString(app)
	pages := regexp.MustCompile(`(?m)^  '?(\w*)'?: `).FindAllStringSubmatch(table, -1)
	if len(pages) < 20 {
		t.Fatalf("app.tsx has %d pages in PAGES, which cannot be all", len(pages))
	}
	for _, p := range append(pages, []string{"", "sign-in"}) {
		if !strings.Contains(text, "`/"+p[1]+"`") {
			t.Errorf("pages.md does not name `/%s`", p[1])
		}
	}
}

func TestPicturesOfTheGuideAreThere(t *testing.T) {
	named := map[string]bool{}
	for _, f := range []string{guide, "../../README.md", "../../deploy/README.md"} {
		for _, m := range regexp.MustCompile(`\(((?:deploy/)?pages/[\w-]+\.png)\)`).FindAllStringSubmatch(read(t, f), -1) {
			named[filepath.Base(m[1])] = true
		}
	}
	files, err := filepath.Glob(pictures + "/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no pictures in %s: %v", pictures, err)
	}
	size := int64(0)
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
		if !named[filepath.Base(f)] {
			t.Errorf("nothing shows %s", f)
		}
		delete(named, filepath.Base(f))
	}
	for f := range named {
		t.Errorf("%s is named and not there: make screenshots", f)
	}
	if size > most {
		t.Errorf("the pictures take %d bytes, of %d that they may", size, most)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
