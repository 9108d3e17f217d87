package config

import (
	"os"
	"path/filepath"
)

// Uploads are captures that people drop into the pages. demarc-agent reads them,
// in a process of its own.
type Uploads struct {
	// MaxMB is how large one may be; 0 takes none.
	MaxMB int `yaml:"maxMB"`
	// Agent is the program of demarc-agent; empty: the one beside this program.
	Agent string `yaml:"agent"`
}

// Program is the agent's program, "" where there is none.
func (u Uploads) Program() string {
	path := u.Agent
	if path == "" {
		own, err := os.Executable()
		if err != nil {
			return ""
		}
		path = filepath.Join(filepath.Dir(own), "demarc-agent"+filepath.Ext(own))
	}
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return path
}
