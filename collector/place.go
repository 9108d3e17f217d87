package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"demarc/collector/config"
	demarcv1 "demarc/proto/demarc/v1"
)

// place is where a collector's settings and data are.
type place struct {
	configFile, data, socket string
	remote                   remote
	past                     past
	narrow                   narrow
}

func (p *place) flags(c *cobra.Command) {
	f := c.PersistentFlags()
	f.StringVar(&p.configFile, "config", "", "settings file (collector.yaml)")
	f.StringVar(&p.data, "data", "", "data directory (default "+config.DefaultData()+")")
	f.StringVar(&p.socket, "socket", "", "Unix socket of the commands (default collector.sock in the data directory)")
	p.remote.flags(f)
}

// load reads the settings file, if any; flags stand above it.
func (p *place) load() (config.Config, error) {
	c := config.Default()
	if p.configFile != "" {
		var err error
		if c, err = config.Load(p.configFile); err != nil {
			return c, err
		}
	}
	if p.data != "" {
		c.Data, c.Socket = p.data, ""
	}
	if p.socket != "" {
		c.Socket = p.socket
	}
	return c, c.Check()
}

// ask connects to the running collector and calls f.
func (p *place) ask(ctx context.Context, f func(context.Context, demarcv1.CollectorServiceClient) error) error {
	return p.call(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		return f(ctx, demarcv1.NewCollectorServiceClient(conn))
	})
}

// call is ask for the other services.
func (p *place) call(ctx context.Context, f func(context.Context, grpc.ClientConnInterface) error) error {
	conn, err := p.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	asks := narrowConn{conn, &p.narrow}
	if p.past.at != nil {
		return f(ctx, pastConn{asks, &p.past})
	}
	return f(ctx, asks)
}

func (p *place) connect(ctx context.Context) (*grpc.ClientConn, error) {
	if far, err := p.remote.asked(); far || err != nil {
		if err = cmp.Or(err, p.remote.reached(ctx)); err != nil {
			return nil, err
		}
		return p.remote.dial()
	}
	c, err := p.load()
	if err != nil {
		return nil, err
	}
	if err := answers(c.Socket); err != nil {
		return nil, err
	}
	return grpc.NewClient("passthrough:///collector",
		grpc.WithTransportCredentials(insecure.NewCredentials()), // a Unix socket: the kernel tells each side who the other is
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<30), grpc.MaxCallSendMsgSize(64<<20)),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", c.Socket)
		}))
}

// answers says in words why nobody does.
func answers(socket string) error {
	conn, err := net.DialTimeout("unix", socket, 5*time.Second)
	switch {
	case err == nil:
		return conn.Close()
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("no collector answers at %s: start one with `demarc-collector serve`, or name its data directory with --data", socket)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("this user may not speak to the collector at %s: run the command as the collector's user", socket)
	}
	return fmt.Errorf("reach the collector at %s: %w", socket, err)
}
