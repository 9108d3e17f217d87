package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	demarcv1 "demarc/proto/demarc/v1"
)

// settings of a collector: port 0 is any that is free.
type settings struct {
	data          string
	uplink, pages int
}

const loopback = "127.0.0.1"

// parsePorts reads "7443,8443" and makes sure that both are free.
func parsePorts(s string) (uplink, pages int, err error) {
	var n [2]int
	parts := strings.Split(s, ",")
	for i := range n {
		if len(parts) != len(n) {
			break
		}
		n[i], _ = strconv.Atoi(strings.TrimSpace(parts[i])) // 0 is refused below
	}
	if n[0] < 1 || n[0] > 65535 || n[1] < 1 || n[1] > 65535 || n[0] == n[1] {
		return 0, 0, fmt.Errorf("ports %q are not two different numbers from 1 to 65535: write make run PORTS=17443,18443", s)
	}
	for _, port := range n {
		l, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
		if err != nil {
			return 0, 0, fmt.Errorf("port %d of this machine cannot be listened on (%s): stop the program that has it, or take other ports with make run PORTS=17443,18443", port, reason(err))
		}
		_ = l.Close() // the collector opens it
	}
	return n[0], n[1], nil
}

// reason is the last part of a chain of errors: "address already in use".
func reason(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err.Error()
}

// collector is a running demarc-collector.
type collector struct {
	*demarcv1.GetStatusResponse // as it was when it first answered
	data                        string
	process                     *exec.Cmd
	complaint                   bytes.Buffer // to be read once ended
	ended                       chan struct{}
}

// patience is how long a step may take that takes a second.
const patience = 60 * time.Second

// startCollector begins a collector and waits until it answers.
func startCollector(ctx context.Context, s settings) (*collector, error) {
	c := &collector{data: s.data, ended: make(chan struct{})}
	if err := os.MkdirAll(s.data, 0o700); err != nil {
		return nil, err
	}
	text := fmt.Sprintf("data: %q\nuplink: %s:%d\npages: %s:%d\nauthority: none\nlogLevel: warn\n", s.data, loopback, s.uplink, loopback, s.pages)
	file := filepath.Join(s.data, "collector.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	c.process = exec.Command("bin/demarc-collector", "serve", "--config", file) //nolint:gosec,noctx // our own; stop ends it
	c.process.Stderr, c.process.SysProcAttr = &c.complaint, attributes()
	if err := c.process.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = c.process.Wait() // what it says on its way out tells more
		close(c.ended)
	}()
	if err := c.answering(ctx); err != nil {
		c.stop()
		return nil, c.cause(err)
	}
	return c, nil
}

// answering waits for the first answer.
func (c *collector) answering(ctx context.Context) error {
	return poll(ctx, c.ended, func() (bool, error) {
		status, err := c.status(ctx)
		if err != nil {
			return false, nil // not yet
		}
		c.GetStatusResponse = status
		return true, nil
	})
}

// poll asks until the answer is yes or an error, for as long as patience, ctx
// and the collector last.
func poll(ctx context.Context, ended <-chan struct{}, ready func() (bool, error)) error {
	end := time.NewTimer(patience)
	defer end.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := ready(); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-ended:
			return errors.New("the collector ended")
		case <-end.C:
			return fmt.Errorf("the collector was not ready within %v", patience)
		}
	}
}

// command runs one of the collector's commands and returns what it printed.
func (c *collector) command(ctx context.Context, args ...string) (string, error) {
	out, err := ask(ctx, "demarc-collector", append(args, "--data", c.data)...)
	return strings.TrimSpace(string(out)), err
}

// get runs a command and reads its JSON into m.
func (c *collector) get(ctx context.Context, m proto.Message, args ...string) error {
	out, err := c.command(ctx, append(args, "-o", "json")...)
	if err != nil {
		return err
	}
	if err := protojson.Unmarshal([]byte(out), m); err != nil {
		return fmt.Errorf("demarc-collector %s printed what is no %s: %w", strings.Join(args, " "), m.ProtoReflect().Descriptor().Name(), err)
	}
	return nil
}

func (c *collector) status(ctx context.Context) (*demarcv1.GetStatusResponse, error) {
	var s demarcv1.GetStatusResponse
	return &s, c.get(ctx, &s, "status")
}

// judged waits until everything that the journal holds is judged.
func (c *collector) judged(ctx context.Context) error {
	return poll(ctx, c.ended, func() (bool, error) {
		s, err := c.status(ctx)
		return err == nil && s.Applied == s.Journal, err
	})
}

// wait is for ctx to end, or for the collector to end by itself.
func (c *collector) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-c.ended:
		return c.cause(errors.New("the collector ended"))
	}
}

// cause puts what the collector said last in the place of err, when that is
// why err came to be.
func (c *collector) cause(err error) error {
	select {
	case <-c.ended:
		if line := lastLine(c.complaint.String()); line != "" {
			return errors.New(line)
		}
	default:
	}
	return err
}

// stop ends the collector: it saves, and is killed only if it does not.
func (c *collector) stop() {
	_ = c.process.Process.Signal(endSignal) // it may have ended
	select {
	case <-c.ended:
	case <-time.After(10 * time.Second):
		_ = c.process.Process.Kill()
		<-c.ended
	}
}
