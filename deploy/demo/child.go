package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// ask runs a program of bin/ and returns what it printed. The error is the
// program's own line.
func ask(ctx context.Context, program string, args ...string) ([]byte, error) {
	var out, complaint bytes.Buffer
	c := exec.CommandContext(ctx, "bin/"+program, args...) //nolint:gosec // one of our own
	c.Stdout, c.Stderr, c.SysProcAttr = &out, &complaint, attributes()
	c.Cancel = func() error { return c.Process.Signal(endSignal) }
	err := c.Run()
	if err == nil {
		return out.Bytes(), nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if line := lastLine(complaint.String()); line != "" {
		return nil, errors.New(line)
	}
	return nil, fmt.Errorf("%s %s: %w", program, strings.Join(args, " "), err)
}

// lastLine is the line in which a program says why it ends.
func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
