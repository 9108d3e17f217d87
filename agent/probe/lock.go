package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
)

// ErrBusy is returned where another process of this agent is asking.
var ErrBusy = errors.New("probe: another demarc-agent with this state directory is asking right now: one at a time")

// lock makes this process the one that asks.
func lock(state string) (unlock func(), err error) {
	return lockFile(filepath.Join(state, "probe.lock"), false)
}

// lockFile locks a file against other processes; without wait, another's lock
// is ErrBusy.
func lockFile(path string, wait bool) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // in the directory that the user named
	if err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	how := syscall.LOCK_EX
	if !wait {
		how |= syscall.LOCK_NB
	}
	if err := syscall.Flock(int(f.Fd()), how); err != nil {
		_ = f.Close() // the lock is the other's
		return nil, ErrBusy
	}
	return func() { _ = f.Close() }, nil
}

// Meanwhile runs f while no process of this state directory asks; ErrBusy when
// one does.
func Meanwhile(state string, f func() error) error {
	unlock, err := lock(state)
	if err != nil {
		return err
	}
	defer unlock()
	return f()
}

// Alone asks as the only process that does, and ends with what ends the
// running agent's asking: a kill, a stop.
func (p *Prober) Alone(ctx context.Context, ask func() error) error {
	return Meanwhile(p.State, func() error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		p.Gate.follow()
		go p.Gate.watch(ctx)
		return ask()
	})
}

func parse(address string) (netip.Addr, error) {
	a, err := netip.ParseAddr(address)
	return a.Unmap(), err
}
