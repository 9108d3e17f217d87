package main

import "syscall"

const endSignal = syscall.SIGTERM

// attributes put a child in a group of its own, so that Ctrl-C reaches the demo
// alone, which ends its children in order; and end it when the demo is killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: endSignal}
}
