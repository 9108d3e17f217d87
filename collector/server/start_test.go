package server

import (
	"archive/tar"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"demarc/collector/store"
)

func unpack(t *testing.T, file, dir string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	r := tar.NewReader(f)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.Clean("/"+h.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, h.FileInfo().Mode()); err != nil {
			t.Fatal(err)
		}
	}
}

// fails runs a collector that cannot start.
func fails(t *testing.T, c Config, want string) {
	t.Helper()
	c.Ready = func(Ready) { t.Error("it runs") }
	err := Run(t.Context(), c)
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v, want %q in one line", err, want)
	}
}

func TestWhatKeepsACollectorFromStarting(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	taken := settings(t.TempDir())
	taken.Uplink = l.Addr().String()
	fails(t, taken, "address "+taken.Uplink+" is taken by another program: stop that one, or set uplink:")
	pages := settings(t.TempDir())
	pages.Config.Pages = l.Addr().String()
	fails(t, pages, "set pages:")
	long := settings(t.TempDir())
	long.Socket = filepath.Join(t.TempDir(), strings.Repeat("x", 120))
	fails(t, long, "socket")
	file := settings(filepath.Join(t.TempDir(), "file"))
	if err := os.WriteFile(file.Data, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fails(t, file, "data directory")
	key := settings(t.TempDir())
	if err := os.MkdirAll(filepath.Join(key.Data, "pki"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(key.Data, "pki", "authority.pem"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	fails(t, key, "authority.pem")
}

func TestOneCollectorADataDirectory(t *testing.T) {
	r := start(t, settings(t.TempDir()))
	second := settings(r.data)
	second.Ready = func(Ready) { t.Error("a second one runs") }
	if err := Run(t.Context(), second); !errors.Is(err, store.ErrLocked) {
		t.Errorf("%v", err)
	}
}

// What a killed collector leaves at the socket's path is no obstacle.
func TestSocketOfADeadCollector(t *testing.T) {
	c := settings(t.TempDir())
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(c.Data, "collector.sock"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	r := start(t, c)
	info, err := os.Stat(r.ready.Socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}
