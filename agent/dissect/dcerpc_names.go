package dissect

import (
	_ "embed" // the table of names
	"fmt"
	"strconv"
	"strings"
)

//go:embed dcerpc_names.txt
var rpcNamesText string

// rpcNames gives interfaces their names.
var rpcNames = func() map[uint64][]byte {
	t, err := readRPCNames(rpcNamesText)
	if err != nil {
		panic(err) // a fault of the embedded file; a test reads it too
	}
	return t
}()

// readRPCNames reads lines of "UUID NAME".
func readRPCNames(text string) (map[uint64][]byte, error) {
	t := map[uint64][]byte{}
	for i, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		uuid, name, _ := strings.Cut(line, " ")
		n := rpcUUID(uuid)
		if n == 0 || name == "" || t[n] != nil {
			return t, fmt.Errorf("dissect: dcerpc_names.txt line %d: %q is not a new \"UUID NAME\"", i+1, line)
		}
		t[n] = []byte(name)
	}
	return t, nil
}

// rpcUUID is the tag of an interface, from the text of its UUID: both halves
// folded together, since families of interfaces share the one or the other. It
// is 0 for what is no UUID.
func rpcUUID(text string) uint64 {
	digits := strings.ReplaceAll(text, "-", "")
	if len(text) != 36 || len(digits) != 32 {
		return 0
	}
	front, err := strconv.ParseUint(digits[:16], 16, 64)
	if err != nil {
		return 0
	}
	back, err := strconv.ParseUint(digits[16:], 16, 64)
	if err != nil {
		return 0
	}
	return front ^ back
}
