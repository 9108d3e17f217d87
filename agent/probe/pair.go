package probe

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// pair is a TCP connection of this process with itself, on loopback: one end
// is for the child, whose library takes nothing else.
func pair() (ours, childs *net.TCPConn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, fmt.Errorf("probe: loopback: %w", err)
	}
	defer func() { _ = l.Close() }()
	// A connection within this machine; it never leaves loopback.
	c, err := net.DialTCP("tcp", nil, l.Addr().(*net.TCPAddr))
	if err != nil {
		return nil, nil, fmt.Errorf("probe: loopback: %w", err)
	}
	childs = c
	if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(time.Second)); err != nil {
		return nil, nil, errors.Join(err, childs.Close())
	}
	for { // another program may have been first
		a, err := l.Accept()
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("probe: loopback: %w", err), childs.Close())
		}
		if a.RemoteAddr().String() == childs.LocalAddr().String() {
			return a.(*net.TCPConn), childs, nil
		}
		_ = a.Close() // not ours
	}
}
