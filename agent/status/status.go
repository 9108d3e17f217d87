// Package status tells people on the agent's own machine how a running agent
// is: Serve answers on a Unix socket in the state directory, and as a read-only
// page on a loopback address if told to; Fetch asks the socket.
package status

import (
	"time"

	"demarc/agent/spancheck"
)

// Report is how a running agent is.
type Report struct {
	Version    string      `json:"version"`
	Agent      string      `json:"agent"`
	Site       string      `json:"site"`
	Time       time.Time   `json:"time"`
	Started    time.Time   `json:"started"`
	Collector  Collector   `json:"collector"`
	Spool      Spool       `json:"spool"`
	Span       string      `json:"span"` // SPAN check of all interfaces in a word, "" before the first
	Interfaces []Interface `json:"interfaces"`
}

// Collector is the uplink.
type Collector struct {
	Address   string    `json:"address"`
	Connected bool      `json:"connected"`
	Since     time.Time `json:"since,omitzero"` // of this state
	Error     string    `json:"error,omitempty"`
}

// Spool is what the collector has not acknowledged.
type Spool struct {
	Records  uint64 `json:"records"`
	Bytes    int64  `json:"bytes"`
	MaxBytes int64  `json:"max_bytes"`
}

// Interface is one SPAN port.
type Interface struct {
	Name      string             `json:"name"`
	Segment   string             `json:"segment"`
	Frames    uint64             `json:"frames"`
	Drops     uint64             `json:"drops"`
	LastFrame time.Time          `json:"last_frame,omitzero"`
	Span      string             `json:"span"`
	Checks    []spancheck.Result `json:"checks"`
}
