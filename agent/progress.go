package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"demarc/agent/capture"
)

// progress tells how far a long file is read: a bar on a terminal, or lines for
// a program.
type progress struct {
	name     string
	position func() (done, total int64)
	start    time.Time
	drawn    time.Time
	on       bool
	lines    bool
}

func newProgress(file string, src capture.Source, lines bool) *progress {
	p := &progress{name: filepath.Base(file), start: time.Now(), lines: lines}
	if s, ok := src.(interface{ Position() (done, total int64) }); ok && (lines || term.IsTerminal(int(os.Stderr.Fd()))) { // a file descriptor is small
		p.position = s.Position
	}
	return p
}

// draw shows how far the file is read, from half a second on and ten times a
// second.
func (p *progress) draw() {
	now := time.Now()
	if p.position == nil || now.Sub(p.start) < 500*time.Millisecond || now.Sub(p.drawn) < 100*time.Millisecond {
		return
	}
	p.drawn = now
	done, total := p.position()
	if p.lines {
		fmt.Fprintf(os.Stderr, "progress %d %d\n", done, total)
		return
	}
	p.on = true
	if total <= 0 {
		fmt.Fprintf(os.Stderr, "\r%s  %d MB read", p.name, done>>20)
		return
	}
	const cells = 30
	full := int(done * cells / total)
	left := time.Duration(float64(now.Sub(p.start)) * float64(total-done) / float64(max(done, 1))).Round(time.Second)
	fmt.Fprintf(os.Stderr, "\r%s  [%s%s] %3d %%  %v left ", p.name, strings.Repeat("#", full), strings.Repeat(".", cells-full), done*100/total, left)
}

// clear wipes the bar.
func (p *progress) clear() {
	if p.on {
		fmt.Fprint(os.Stderr, "\r\033[K")
	}
}
