package probe

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Log is the file of every request that left, a JSON object a line. At maxLog
// bytes it becomes probe.log.1, in the place of the one before.
type Log struct {
	mu   sync.Mutex
	path string
}

const maxLog = 16 << 20

// OpenLog names the log in a state directory.
func OpenLog(state string) *Log { return &Log{path: filepath.Join(state, "probe.log")} }

// Line is an Entry as it is written.
type Line struct {
	Time     time.Time `json:"time"`
	Schedule string    `json:"schedule,omitempty"`
	Target   string    `json:"target"`
	What     string    `json:"what"`
	Sent     string    `json:"sent"`
	Answer   string    `json:"answer"`
	Received int       `json:"received"`
	Latency  float64   `json:"latency_ms"`
	Error    string    `json:"error,omitempty"`
}

// Line makes the line of an entry.
func (e Entry) Line() Line {
	return Line{
		Time: e.Time.UTC(), Schedule: e.Schedule, Target: e.Target.String(), What: e.What, Sent: hex.EncodeToString(e.Sent),
		Answer: hex.EncodeToString(e.Answer), Received: e.Received, Latency: float64(e.Latency.Microseconds()) / 1000, Error: e.Error,
	}
}

// Write adds an entry.
func (l *Log) Write(e Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	raw, err := json.Marshal(e.Line())
	if err != nil {
		return err
	}
	if info, err := os.Stat(l.path); err == nil && info.Size() > maxLog {
		if err := os.Rename(l.path, l.path+".1"); err != nil {
			return fmt.Errorf("probe: log: %w", err)
		}
	}
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("probe: log: %w", err)
	}
	_, err = f.Write(append(raw, '\n'))
	return errors.Join(err, f.Close())
}
