package netsim

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// FreePort is a port of 127.0.0.1 that nobody listens on. No connection takes
// it for its own end meanwhile: those of Linux begin at 32768.
func FreePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 12_000 + rand.IntN(20_000) //nolint:gosec // any will do
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}
