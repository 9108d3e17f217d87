package status

import (
	"bytes"
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
	answer, err := ask(ctx, path, http.MethodGet, "/status.json")
	if err != nil {
		return r, err
	}
	defer func() { _ = answer.Body.Close() }()
	const most = 16 << 20
	if err := json.NewDecoder(io.LimitReader(answer.Body, most)).Decode(&r); err != nil {
		return r, fmt.Errorf("status: the agent's answer is not readable: %w", err)
	}
	return r, nil
}

// ask is one request to the agent whose socket is at path; its answer is a good
// one, and the caller closes it.
func ask(ctx context.Context, path, method, what string) (*http.Response, error) {
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
	}}
	q, err := http.NewRequestWithContext(ctx, method, "http://"+socketHost+what, http.NoBody)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(q)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("%w at %s: start it with demarc-agent run, or name its settings or state directory", ErrNotRunning, path)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("status: %s may not be opened: ask as the agent's user or as root", path)
	case err != nil:
		return nil, err
	case answer.StatusCode >= http.StatusBadRequest:
		why, _ := io.ReadAll(io.LimitReader(answer.Body, 1000))
		_ = answer.Body.Close()
		return nil, fmt.Errorf("status: the agent answers %s: %s", answer.Status, bytes.TrimSpace(why))
	}
	return answer, nil
}
