//go:build !linux

package probe

import (
	"errors"
	"syscall"
)

func bindTo(string) func(network, address string, c syscall.RawConn) error {
	return func(string, string, syscall.RawConn) error { return errors.New("probe: needs Linux") }
}

func (p *Prober) checkPath() error {
	return errors.New("probe: active reads need Linux, where a socket can be kept on one interface")
}
