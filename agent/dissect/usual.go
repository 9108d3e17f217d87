package dissect

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

//go:embed usual_ports.tsv
var usualPorts string

// Usual is the usual port of a plant's protocol whose bytes nothing public
// describes: a name to show, by port alone.
type Usual struct {
	Port
	Name   string
	Source string
}

// UsualPorts lists them. What is registered is none of them.
func UsualPorts() []Usual {
	var all []Usual
	for line := range strings.Lines(usualPorts) {
		if line = strings.TrimSuffix(line, "\n"); line == "" || line[0] == '#' {
			continue
		}
		f := strings.Split(line, "\t")
		port, err := strconv.ParseUint(f[1], 10, 16)
		if err != nil || len(f) != 4 {
			panic(fmt.Sprintf("dissect: usual_ports.tsv: %q", line)) // a test reads it
		}
		all = append(all, Usual{Port{f[0], uint16(port)}, f[2], f[3]})
	}
	return all
}
