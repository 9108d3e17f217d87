package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/goccy/go-yaml"
)

const (
	captures  = "testdata/plant"
	segments  = captures + "/segments.yaml"
	documents = "deploy/example"
	site      = "houston"
)

// port is a SPAN port of the example plant: what it captured, and the segment
// that its agent listens on.
type port struct{ file, segment string }

// spanPorts reads the plant's list of captures, in its order.
func spanPorts() ([]port, error) {
	text, err := os.ReadFile(segments)
	if err != nil {
		return nil, err
	}
	var lines yaml.MapSlice
	if err := yaml.Unmarshal(text, &lines); err != nil {
		return nil, fmt.Errorf("%s: %w", segments, err)
	}
	var all []port
	for _, l := range lines {
		all = append(all, port{filepath.Join(captures, fmt.Sprint(l.Key)), fmt.Sprint(l.Value)})
	}
	return all, nil
}

// fill brings the documents and the captures to the collector, as the people of
// the plant would: one agent at each SPAN port, each enrolled by a token.
func fill(ctx context.Context, c *collector, data string, show *printer) error {
	show.start(c)
	out, err := c.command(ctx, "apply", "-f", documents)
	if err != nil {
		return err
	}
	show.applied(out)
	ports, err := spanPorts()
	if err != nil {
		return err
	}
	for _, p := range ports {
		state := filepath.Join(data, p.segment)
		if err := enrol(ctx, c, p.segment, state); err != nil {
			return err
		}
		begin := time.Now()
		if _, err := ask(ctx, "demarc-agent", "read", "--collector", c.Uplink, "--state", state, "--segment", p.segment, p.file); err != nil {
			return err
		}
		show.fed(p, time.Since(begin))
	}
	return c.judged(ctx)
}

// enrol gives an agent its certificate.
func enrol(ctx context.Context, c *collector, name, state string) error {
	token, err := c.command(ctx, "token", "create", "-q", "--site", site, "--agent", name)
	if err != nil {
		return err
	}
	_, err = ask(ctx, "demarc-agent", "enroll", "--collector", c.Uplink, "--state", state, "--token", token)
	return err
}
