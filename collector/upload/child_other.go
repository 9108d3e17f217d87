//go:build !linux

package upload

import (
	"os"
	"syscall"
)

var endSignal = os.Interrupt

func attributes() *syscall.SysProcAttr { return nil }

func bound(int) {} // the agent has a budget of its own
