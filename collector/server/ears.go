package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"demarc/collector/api"
	"demarc/collector/config"
)

// ears are the listeners.
type ears struct {
	uplink, socket, pages, knock net.Listener // pages is nil when they are off, knock where no certificates are asked for
}

// open opens all or none.
func (e *ears) open(c config.Config) (err error) {
	defer func() {
		if err != nil {
			e.close()
		}
	}()
	if e.uplink, err = listen(c.Uplink, "uplink"); err != nil {
		return err
	}
	if c.Pages != config.Off {
		if e.pages, err = listen(c.Pages, "pages"); err != nil {
			return err
		}
	}
	if c.Certificates != nil {
		if e.knock, err = listen(c.Certificates.Listen, "certificates"); err != nil {
			return err
		}
	}
	if e.socket, err = api.Listen(c.Socket); err != nil || c.SocketGroup == "" {
		return err
	}
	return api.Share(c.Socket, c.SocketGroup)
}

func listen(address, setting string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: address %s is taken by another program: stop that one, or set %s: (or --%s) to another address", setting, address, setting, setting)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s: this user may not listen at %s: set %s: (or --%s) to a port over 1023", setting, address, setting, setting)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s: this machine has no address %s: set %s: (or --%s) to one that it has", setting, address, setting, setting)
	}
	return nil, fmt.Errorf("%s: listen at %s: %w", setting, address, err)
}

func (e *ears) close() {
	for _, l := range []net.Listener{e.uplink, e.socket, e.pages, e.knock} {
		if l != nil {
			_ = l.Close() // servers closed most of them before
		}
	}
}

// pagesURL is how a browser on this machine reaches the pages.
func (e *ears) pagesURL() string {
	if e.pages == nil {
		return ""
	}
	return "https://" + reachable(e.pages.Addr(), "localhost")
}

// uplinkAddress is how an agent reaches this collector: by its first name, else
// by its host name, else by the address that it listens at.
func (e *ears) uplinkAddress(names []string) string {
	host, _ := os.Hostname() // reachable has a fallback
	if len(names) > 0 {
		host = names[0]
	}
	return reachable(e.uplink.Addr(), host)
}

// reachable puts host in the place of an unspecified address.
func reachable(a net.Addr, host string) string {
	ip, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if parsed := net.ParseIP(ip); parsed != nil && !parsed.IsUnspecified() {
		host = ip
	}
	if host == "" {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
