package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strconv"
	"time"

	"google.golang.org/grpc/credentials"
)

// SocketName is the socket's file in the data directory.
const SocketName = "collector.sock"

// maxSocket is what sockaddr_un holds on Linux, less the final zero.
const maxSocket = 107

// Listen opens the Unix socket for the commands: mode 0600, the one listener
// without TLS. A file that a dead collector left is removed.
func Listen(path string) (net.Listener, error) {
	if len(path) > maxSocket {
		return nil, fmt.Errorf("api: the socket's path has %d characters, %d are allowed: choose a shorter data directory, or set socket: %s", len(path), maxSocket, path)
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("api: %w", err)
	case info.Mode().Type() != fs.ModeSocket:
		return nil, fmt.Errorf("api: %s is there and no socket: move it away", path)
	default:
		if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
			_ = c.Close() // only to learn whether anybody answers
			return nil, fmt.Errorf("api: a collector answers at %s already: stop it, or set another socket", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("api: remove what a dead collector left: %w", err)
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	// Until here the directory's mode, 0700, keeps others out.
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close() // the first error is the one to tell
		return nil, fmt.Errorf("api: %w", err)
	}
	return l, nil
}

// Share lets a group of this machine reach the socket at path, by name or
// number. Whoever has no account there is refused by the guard.
func Share(path, group string) error {
	gid, err := strconv.Atoi(group)
	if err != nil {
		g, err := user.LookupGroup(group)
		if err != nil {
			return fmt.Errorf("api: socketGroup: %w: name a group of this machine", err)
		}
		if gid, err = strconv.Atoi(g.Gid); err != nil {
			return fmt.Errorf("api: socketGroup %s: its number is %q", group, g.Gid)
		}
	}
	if err := os.Chown(path, -1, gid); err != nil {
		return fmt.Errorf("api: socketGroup %s: %w: the collector's user must be in it", group, err)
	}
	return os.Chmod(path, 0o660) //nolint:gosec // as asked
}

// Peer is who stands at the other end of the Unix socket.
type Peer struct {
	credentials.CommonAuthInfo
	UID int // -1: the system does not tell
	PID int
}

// AuthType implements credentials.AuthInfo.
func (Peer) AuthType() string { return "unix" }

// Who names a caller for the audit log: "uid 1000 (ana)".
func (p Peer) Who() string {
	if p.UID < 0 {
		return "local user"
	}
	id := strconv.Itoa(p.UID)
	if u, err := user.LookupId(id); err == nil {
		return "uid " + id + " (" + u.Username + ")"
	}
	return "uid " + id
}

// SocketCredentials are those of the gRPC server at Listen's socket: they ask
// the system who calls. Accounts.OfSocket says who that is.
func SocketCredentials() credentials.TransportCredentials { return socketCredentials{} }

type socketCredentials struct{}

func (socketCredentials) ServerHandshake(c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	p, err := peerOf(c)
	if err != nil {
		return nil, nil, fmt.Errorf("api: who calls: %w", err)
	}
	p.SecurityLevel = credentials.PrivacyAndIntegrity
	return c, p, nil
}

func (socketCredentials) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("api: these credentials are the server's")
}

func (socketCredentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "unix"}
}

func (s socketCredentials) Clone() credentials.TransportCredentials { return s }

func (socketCredentials) OverrideServerName(string) error { return nil }
