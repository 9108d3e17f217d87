package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"syscall"
	"time"
)

// socketHost stands for the agent in requests through the socket.
const socketHost = "demarc-agent"

// ErrNotRunning is returned by Fetch when no agent answers.
var ErrNotRunning = errors.New("status: no agent answers")

// Fetch asks the agent whose socket is at path.
func Fetch(ctx context.Context, path string) (Report, error) {
	var r Report
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
	}}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+socketHost+"/status.json", http.NoBody)
	if err != nil {
		return r, err
	}
	answer, err := client.Do(q)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return r, fmt.Errorf("%w at %s: start it with demarc-agent run, or name its settings or state directory", ErrNotRunning, path)
	case errors.Is(err, fs.ErrPermission):
		return r, fmt.Errorf("status: %s may not be opened: ask as the agent's user or as root", path)
	case err != nil:
		return r, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return r, fmt.Errorf("status: the agent answers %s", answer.Status)
	}
	const most = 16 << 20
	if err := json.NewDecoder(io.LimitReader(answer.Body, most)).Decode(&r); err != nil {
		return r, fmt.Errorf("status: the agent's answer is not readable: %w", err)
	}
	return r, nil
}
