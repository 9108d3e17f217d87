//go:build !linux

package api

import "net"

// peerOf knows nobody here: the socket's mode alone keeps others out.
func peerOf(net.Conn) (Peer, error) { return Peer{UID: -1}, nil }
