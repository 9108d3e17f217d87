package oscal

import (
	"strings"
	"time"
	"unicode"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/export/plain"
)

// line is text as an OSCAL string takes it.
func line(s string) string { return plain.Line(s) }

// said is line for a value that must be there.
func said(s string) string {
	if s = line(s); s == "" {
		return "(none)"
	}
	return s
}

// markup is a line of OSCAL's Markdown that shows s as it is: names come from
// devices, and none of them sets a link or a tag.
func markup(s string) string { return escape.Replace(said(s)) }

var escape = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`, "{", `\{`, "}", `\}`)

// prose is a paragraph for each text that says something.
func prose(all ...string) string {
	var said []string
	for _, s := range all {
		if line(s) != "" {
			said = append(said, markup(s))
		}
	}
	return strings.Join(said, "\n\n")
}

// token is s as an OSCAL token: what cannot be in one becomes a hyphen.
func token(s string) string {
	t := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) || strings.ContainsRune("._-", r) {
			return r
		}
		return '-'
	}, line(s))
	if first := []rune(t + "-")[0]; !unicode.IsLetter(first) && first != '_' {
		t = "_" + t
	}
	return t
}

// control is how OSCAL catalogs of SP 800-53 call a control: "SC-7(5)" is sc-7.5.
func control(s string) string {
	return token(strings.ToLower(strings.NewReplacer("(", ".", ")", "", " ", "").Replace(s)))
}

func moment(t *timestamppb.Timestamp) *time.Time {
	if t == nil {
		return nil
	}
	at := t.AsTime().UTC()
	return &at
}

// when is t, or other where it is not set.
func when(t *timestamppb.Timestamp, other time.Time) time.Time {
	if at := moment(t); at != nil {
		return *at
	}
	return other.UTC()
}

func day(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().UTC().Format(time.DateOnly)
}

// lastDay is the day before the first instant after something.
func lastDay(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().UTC().Add(-1).Format(time.DateOnly)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.999 MST") }
