// Command demo shows Demarc on the example plant: it runs the programs in bin/
// as a user would, feeds them the captures of testdata/plant, prints what they
// found, and compares that with what was planted. Run it by "make run", or by
// "make demo" to check and exit.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
)

// A child dies with the thread that began it (see child_linux.go), so the main
// goroutine, which begins them, keeps its thread.
func init() { runtime.LockOSThread() }

func main() {
	once := flag.Bool("once", false, "exit when all is judged: 0 only if exactly the planted faults were found")
	ports := flag.String("ports", "7443,8443", "ports for the agents and for the page")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := run(ctx, *once, *ports)
	if err == nil || ctx.Err() != nil && !*once {
		return // being interrupted is how serving ends
	}
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	fmt.Fprintln(os.Stderr, "demo:", err)
	stop()
	os.Exit(1) //nolint:gocritic // stop was called
}

// run shows everything once, and then serves until ctx ends unless once.
func run(ctx context.Context, once bool, ports string) error {
	for _, needed := range []string{"bin/demarc-agent", "bin/demarc-collector", "testdata/plant", "deploy/example"} {
		if _, err := os.Stat(needed); err != nil {
			return fmt.Errorf("%s is not there: run make demo or make run in the top folder of the project", needed)
		}
	}
	data, err := os.MkdirTemp("", "demarc-demo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(data) }() // children have ended by then
	settings := settings{data: filepath.Join(data, "collector")}
	if !once {
		if settings.uplink, settings.pages, err = parsePorts(ports); err != nil {
			return err
		}
	}
	collector, err := startCollector(ctx, settings)
	if err != nil {
		return err
	}
	defer collector.stop()
	show := printer{out: os.Stdout}
	if err := fill(ctx, collector, data, &show); err != nil {
		return collector.cause(err)
	}
	seen, err := look(ctx, collector)
	if err != nil {
		return collector.cause(err)
	}
	show.results(seen)
	planted, err := expected()
	if err != nil {
		return err
	}
	wrong := planted.Compare(seen.found())
	show.comparison(planted, wrong)
	if err := lean(ctx, collector, &show); err != nil {
		return collector.cause(err)
	}
	if err := walk(ctx, data, &show); err != nil {
		return err
	}
	show.authority()
	if once {
		if len(wrong) > 0 {
			return fmt.Errorf("findings and %s differ in %s, told above", expectations, count(len(wrong), "place"))
		}
		return nil
	}
	if err := show.invitation(ctx, collector); err != nil {
		return collector.cause(err)
	}
	return collector.wait(ctx)
}
