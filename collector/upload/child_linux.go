package upload

import (
	"syscall"

	"golang.org/x/sys/unix"
)

const endSignal = syscall.SIGTERM

// attributes end the child when this program is killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// bound keeps the child from taking the machine: it works when nobody else
// wants to, in so much memory.
func bound(pid int) {
	_ = unix.Setpriority(unix.PRIO_PROCESS, pid, 10) // it may have ended
	_ = unix.Prlimit(pid, unix.RLIMIT_AS, &unix.Rlimit{Cur: childSpace, Max: childSpace}, nil)
	_ = unix.Prlimit(pid, unix.RLIMIT_CORE, &unix.Rlimit{}, nil)
}
