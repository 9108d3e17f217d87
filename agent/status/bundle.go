package status

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"

	"demarc/agent/uplink"
	demarcv1 "demarc/proto/demarc/v1"
)

// Bundles is a spool that is written out to files: what demarc-agent export
// asks a running agent for.
type Bundles interface {
	// Next is a bundle of what comes after a sequence; uplink.ErrNothing when
	// nothing does. again begins with the oldest that is held.
	Next(after uint64, again bool) (name string, data []byte, through uint64, err error)
	// Kept notes that bundles to through are on disk elsewhere.
	Kept(through uint64) error
}

const throughHeader = "Demarc-Through"

func give(b Bundles) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		after, err := strconv.ParseUint(r.URL.Query().Get("after"), 10, 64)
		if err != nil {
			http.Error(w, "after: a number is needed", http.StatusBadRequest)
			return
		}
		name, data, through, err := b.Next(after, r.URL.Query().Get("again") != "")
		switch {
		case errors.Is(err, uplink.ErrNothing):
			w.WriteHeader(http.StatusNoContent)
			return
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
		w.Header().Set(throughHeader, strconv.FormatUint(through, 10))
		_, _ = w.Write(data) //nolint:gosec // a sealed file, told as octets; whoever asked has gone
	}
}

func kept(b Bundles) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		through, err := strconv.ParseUint(r.URL.Query().Get("through"), 10, 64)
		if err == nil {
			err = b.Kept(through)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}
}

// Remote is the spool of the agent whose socket is at a path.
type Remote struct {
	Context context.Context //nolint:containedctx // Bundles is asked without one
	Socket  string
}

// Next implements Bundles.
func (r Remote) Next(after uint64, again bool) (name string, data []byte, through uint64, err error) {
	q := url.Values{"after": {strconv.FormatUint(after, 10)}}
	if again {
		q.Set("again", "yes")
	}
	a, err := ask(r.Context, r.Socket, http.MethodGet, "/bundle?"+q.Encode())
	if err != nil {
		return "", nil, 0, err
	}
	defer func() { _ = a.Body.Close() }()
	if a.StatusCode == http.StatusNoContent {
		return "", nil, 0, uplink.ErrNothing
	}
	if data, err = io.ReadAll(io.LimitReader(a.Body, demarcv1.MaxBundle+1)); err != nil {
		return "", nil, 0, err
	}
	_, params, err := mime.ParseMediaType(a.Header.Get("Content-Disposition"))
	if err != nil {
		return "", nil, 0, fmt.Errorf("status: the agent's answer is not readable: %w", err)
	}
	through, err = strconv.ParseUint(a.Header.Get(throughHeader), 10, 64)
	return params["filename"], data, through, err
}

// Kept implements Bundles.
func (r Remote) Kept(through uint64) error {
	a, err := ask(r.Context, r.Socket, http.MethodPost, "/bundle/kept?through="+strconv.FormatUint(through, 10))
	if err != nil {
		return err
	}
	return a.Body.Close()
}
