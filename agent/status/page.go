package status

import (
	_ "embed"
	"html/template"
	"time"
)

//go:embed page.html
var pageText string

// page escapes what it is given.
var page = template.Must(template.New("status").Funcs(template.FuncMap{
	"when": func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return t.UTC().Format("2006-01-02 15:04:05 UTC")
	},
}).Parse(pageText))
