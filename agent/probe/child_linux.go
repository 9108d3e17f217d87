package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ChildArgument, as the first argument, makes the program Child.
const ChildArgument = "opcua-child"

// Limits of the child: a hostile server can make the library take memory and
// time without end, and end its process. It is this process that ends then.
const (
	childMemory = 96 << 20  // that its collector aims at
	childData   = 256 << 20 // that the kernel gives it
	childSpace  = 4 << 30   // addresses; the runtime reserves more than it uses
	childStack  = 8 << 20   // of one goroutine
	childCPU    = 20        // seconds
	childFiles  = 16
)

// Child is the process that speaks OPC UA: it gets a connection as file 3, what
// to do on standard input, and says on standard output what it was told. It
// opens no connection. It returns the exit code.
func Child() int {
	if err := confine(); err != nil {
		fmt.Fprintln(os.Stderr, "demarc-agent:", err)
		return 1
	}
	say := json.NewEncoder(os.Stdout)
	if err := childRun(func(t uaTold) { _ = say.Encode(t) }); err != nil { // who reads it has ended otherwise
		_ = say.Encode(uaTold{Error: err.Error(), Refused: refusalOf(err)})
		return 1
	}
	_ = say.Encode(uaTold{Done: true})
	return 0
}

func confine() error {
	debug.SetMemoryLimit(childMemory)
	debug.SetMaxStack(childStack)
	var errs []error
	for what, most := range map[int]uint64{
		unix.RLIMIT_DATA: childData, unix.RLIMIT_AS: childSpace, unix.RLIMIT_CPU: childCPU,
		unix.RLIMIT_NOFILE: childFiles, unix.RLIMIT_CORE: 0, unix.RLIMIT_FSIZE: 0,
	} {
		errs = append(errs, unix.Setrlimit(what, &unix.Rlimit{Cur: most, Max: most}))
	}
	return errors.Join(errs...)
}

func childRun(say func(uaTold)) error {
	f := os.NewFile(3, "connection")
	if f == nil {
		return errors.New("no connection: demarc-agent starts this by itself")
	}
	c, err := net.FileConn(f)
	if err != nil {
		return errors.New("no connection: demarc-agent starts this by itself")
	}
	_ = f.Close() // c is a copy
	conn, ok := c.(*net.TCPConn)
	if !ok {
		return errors.New("file 3 is no TCP connection")
	}
	var job uaJob
	if err := json.NewDecoder(io.LimitReader(os.Stdin, 1<<20)).Decode(&job); err != nil {
		return fmt.Errorf("what to do cannot be read: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), stageTime)
	defer cancel()
	if job.Session == "" {
		return uaDiscover(ctx, conn, job, say)
	}
	return uaSession(ctx, conn, job, say)
}

// stageTime bounds one connection of OPC UA.
const stageTime = 5 * time.Minute

// dieWith ends a child with this process.
func dieWith(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
