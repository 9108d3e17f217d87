package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// The pages are built from ui/ by `make pages`, and not committed: without them
// the program still builds and says how to build them.
//
//go:embed all:ui/dist
var built embed.FS

//go:embed message.css ui/public/mark.svg
var own embed.FS

// file is one that the pages consist of.
type file struct {
	kind         string // MIME type
	etag         string
	plain, small []byte // small is gzip, nil where that is no smaller
	fixed        bool   // its name changes with its content
}

// files are the built pages by path, "/" being the page itself.
type files map[string]*file

// loadFiles reads the pages that were built; there is no "/" where none were.
func loadFiles(built fs.FS) files {
	f := files{}
	_ = fs.WalkDir(built, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		raw, err := fs.ReadFile(built, name)
		if err != nil {
			return err
		}
		f["/"+name] = newFile(name, raw)
		return nil
	}) // of embedded files: nothing fails
	if index := f["/index.html"]; index != nil {
		f["/"] = index
	}
	for _, name := range []string{"message.css", "ui/public/mark.svg"} {
		raw, err := own.ReadFile(name)
		if err != nil { // it is there or the program does not build
			panic(err)
		}
		f["/"+path.Base(name)] = newFile(name, raw)
	}
	return f
}

func newFile(name string, raw []byte) *file {
	sum := sha256.Sum256(raw)
	f := &file{kind: mime.TypeByExtension(path.Ext(name)), etag: `"` + hex.EncodeToString(sum[:12]) + `"`, plain: raw, fixed: strings.HasPrefix(name, "static/")}
	if path.Ext(name) == ".woff2" {
		f.kind = "font/woff2" // not in every machine's table, and compressed already
		return f
	}
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is one
	_, _ = z.Write(raw)                                   // a buffer takes all
	_ = z.Close()
	if b.Len() < len(raw) {
		f.small = b.Bytes()
	}
	return f
}

// ServeHTTP serves a file, or the page itself for an address within it.
func (f files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := path.Clean(r.URL.Path)
	x := f[name]
	if x == nil && path.Ext(name) == "" || x == nil && strings.Count(name, "/") > 1 && !strings.HasPrefix(name, "/static/") {
		if x = f["/"]; x == nil {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_ = page.Execute(w, say{
				Title: "The pages were not built",
				Text:  "This collector was built without its pages. With Node 20.19 or later: make pages build. Everything else works: see demarc-collector --help.",
			})
			return
		}
	}
	if x == nil {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", x.kind)
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", x.etag)
	h.Set("Cache-Control", "private, no-cache")
	if x.fixed {
		h.Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	if r.Header.Get("If-None-Match") == x.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	content := x.plain
	if x.small != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		content = x.small
	}
	_, _ = w.Write(content)
}
