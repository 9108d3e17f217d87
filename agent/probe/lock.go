package probe

import (
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
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(state, "probe.lock"), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // in the directory that the user named
	if err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close() // the lock is the other's
		return nil, ErrBusy
	}
	return func() { _ = f.Close() }, nil
}

// Alone asks every job once, as the only process that does.
func (p *Prober) Alone(ask func() error) error {
	unlock, err := lock(p.State)
	if err != nil {
		return err
	}
	defer unlock()
	return ask()
}

func parse(address string) (netip.Addr, error) {
	a, err := netip.ParseAddr(address)
	return a.Unmap(), err
}
