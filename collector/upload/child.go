package upload

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"demarc/internal/pki"
)

// agentName is that of the agent which reads captures for a site.
func agentName(site string) string {
	name := "uploads-" + site
	return strings.TrimRight(name[:min(len(name), pki.MaxName)], "-")
}

// Bounds of the child: the agent has a budget of its own below them.
const (
	childMemory = 1 << 30 // bytes that its heap aims for
	childSpace  = 8 << 30 // bytes of address space that it gets
	maxSaid     = 4096    // bytes of a line of it that are kept
)

// feed has the agent read a capture to the collector, and returns what it said.
func (d *Desk) feed(ctx context.Context, u *Upload, progress func(done int64)) (words string, err error) {
	state := filepath.Join(d.Dir, "agent-"+u.Site)
	if err := d.enrol(ctx, u.Site, state); err != nil {
		return "", fmt.Errorf("enrol the agent that reads captures: %w", err)
	}
	return d.run(ctx, progress, "read", "--progress", "--collector", d.Uplink, "--state", state, "--segment", u.Segment, "--", u.Path)
}

// enrol makes the site's agent, or makes it anew when its certificate ends or
// is not good. Its spool, which knows what was read, stays.
func (d *Desk) enrol(ctx context.Context, site, state string) error {
	const file = "agent.pem"
	path := filepath.Join(state, file)
	if c, err := pki.LoadCredentials(path); err == nil && d.Clock().Add(readTime).Before(c.Identity().Expires) {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	token, err := d.Token(ctx, site, agentName(site))
	if err != nil {
		return err
	}
	_, err = d.run(ctx, func(int64) {}, "enroll", "--collector", d.Uplink, "--state", state, "--token", token)
	return err
}

// run runs the agent's program. The error is its own last line.
func (d *Desk) run(ctx context.Context, progress func(done int64), args ...string) (said string, err error) {
	c := exec.CommandContext(ctx, d.Program, args...) //nolint:gosec // the settings' program, and paths of ours
	c.Env = append(os.Environ(), fmt.Sprintf("GOMEMLIMIT=%d", childMemory))
	c.SysProcAttr = attributes()
	c.Cancel = func() error { return c.Process.Signal(endSignal) }
	c.WaitDelay = 10 * time.Second
	out, err := c.StdoutPipe()
	if err != nil {
		return "", err
	}
	complaints, err := c.StderrPipe()
	if err != nil {
		return "", err
	}
	if err := c.Start(); err != nil {
		return "", fmt.Errorf("%s does not start: %w", d.Program, err)
	}
	bound(c.Process.Pid)
	told := make(chan string, 1)
	go func() {
		told <- lines(complaints, func(line string) bool {
			done, ok := parse(line)
			if ok {
				progress(done)
			}
			return !ok
		})
	}()
	said = lines(out, func(line string) bool { return !strings.HasPrefix(line, "Delivered to ") })
	complaint := <-told
	if err = c.Wait(); err == nil {
		return said, nil
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return "", fmt.Errorf("it was not read within %v", readTime)
	case complaint != "":
		return "", errors.New(complaint)
	}
	return "", err
}

// lines reads to the end and returns the last line that keep wants.
func lines(r io.Reader, keep func(string) bool) (last string) {
	b := bufio.NewReaderSize(r, maxSaid)
	for {
		line, more, err := b.ReadLine()
		if err != nil {
			return last
		}
		if text := strings.TrimSpace(string(line)); text != "" && keep(text) {
			last = text
		}
		for more && err == nil { // the rest of a line that is too long
			_, more, err = b.ReadLine()
		}
	}
}
