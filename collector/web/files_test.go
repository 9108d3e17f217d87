package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func serve(f files, path, accept string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	r.Header.Set("Accept-Encoding", accept)
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

func TestFilesAreServed(t *testing.T) {
	script := bytes.Repeat([]byte("let a = 1;\n"), 100)
	f := loadFiles(fstest.MapFS{
		"index.html":       {Data: []byte("<title>Demarc</title>")},
		"static/a-1.js":    {Data: script},
		"static/f-1.woff2": {Data: []byte("font")},
		".gitkeep":         {},
	})
	for path, want := range map[string]string{
		"/": "text/html", "/static/a-1.js": "text/javascript", "/static/f-1.woff2": "font/woff2", "/message.css": "text/css", "/mark.svg": "image/svg+xml",
		"/findings": "text/html", "/boundaries/line4": "text/html", "/assets": "text/html", "/agents/probe.7": "text/html", "/authorizations/a/b": "text/html",
	} {
		if w := serve(f, path, ""); w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), want) {
			t.Errorf("%s: %d %s", path, w.Code, w.Header().Get("Content-Type"))
		}
	}
	for _, path := range []string{"/static/none.js", "/.gitkeep", "/app.js"} {
		if w := serve(f, path, ""); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}

	small := serve(f, "/static/a-1.js", "br, gzip")
	z, err := gzip.NewReader(small.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, script) {
		t.Errorf("compressed: %v, %d bytes", err, len(got))
	}
	if c := small.Header().Get("Cache-Control"); !strings.Contains(c, "immutable") || strings.Contains(serve(f, "/", "").Header().Get("Cache-Control"), "immutable") {
		t.Errorf("only what has its content in its name is kept: %q", c)
	}
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header.Set("If-None-Match", serve(f, "/", "").Header().Get("ETag"))
	again := httptest.NewRecorder()
	if f.ServeHTTP(again, r); again.Code != http.StatusNotModified {
		t.Errorf("the same page again: %d", again.Code)
	}
}

func TestWithoutPages(t *testing.T) {
	if w := serve(loadFiles(fstest.MapFS{}), "/findings", ""); !strings.Contains(w.Body.String(), "make pages") {
		t.Errorf("it does not say how to build them: %s", w.Body)
	}
}

// sources are the texts of the pages.
func sources(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, top := range []string{"ui/src", "ui/index.html", "web.go", "files.go"} {
		err := filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := os.ReadFile(name)
			all[name] = string(raw)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

var forbidden = regexp.MustCompile(`(?i)\b(compliant|compliance|certified|secure|securely|safe|safely|guarantee\w*)\b`)

// The pages promise nothing: these words are in no string of theirs.
func TestPagesPromiseNothing(t *testing.T) {
	for name, text := range sources(t) {
		for i, line := range strings.Split(text, "\n") {
			if strings.HasSuffix(name, ".go") && !strings.Contains(line, `"`) || strings.HasPrefix(strings.TrimSpace(line), "//") {
				continue
			}
			if word := forbidden.FindString(line); word != "" && !strings.Contains(line, "Secure: true") {
				t.Errorf("%s:%d says %q", name, i+1, word)
			}
		}
	}
}

// namespaces are names in XML, which nobody asks for.
var namespaces = strings.NewReplacer("http://www.w3.org/2000/svg", "", "http://schemas.openxmlformats.org/", "")

// The pages name nothing outside this collector, and set no markup from text.
func TestPagesStandAlone(t *testing.T) {
	for name, text := range sources(t) {
		if strings.HasSuffix(name, ".go") {
			continue
		}
		for _, bad := range []string{"http://", "https://", "//cdn", "innerHTML", "dangerouslySet", "eval(", "document.write"} {
			if strings.Contains(namespaces.Replace(text), bad) {
				t.Errorf("%s holds %q", name, bad)
			}
		}
	}
}

func TestLockFileNamesNoHost(t *testing.T) {
	raw, err := os.ReadFile("ui/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte(`"resolved"`)) {
		t.Error("ui/package-lock.json binds the pages to one registry host: make it with omit-lockfile-registry-resolved")
	}
	if bytes.Contains(raw, []byte("hasInstallScript")) {
		t.Error("a package of ui/package-lock.json runs something when it is installed")
	}
}
