package deliver

import (
	"crypto/tls"
	"net"

	"golang.org/x/sys/unix"
)

// unacknowledged is how many octets that were written to a TCP connection the
// other machine has not acknowledged.
func unacknowledged(conn net.Conn) (n int, err error) {
	if c, ok := conn.(*tls.Conn); ok {
		conn = c.NetConn()
	}
	c, ok := conn.(*net.TCPConn)
	if !ok {
		return 0, nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { n, failed = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	if err == nil {
		err = failed
	}
	return n, err
}
