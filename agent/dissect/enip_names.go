package dissect

import (
	_ "embed" // the table of names
	"fmt"
	"strconv"
	"strings"
)

//go:embed enip_names.txt
var cipNamesText string

// cipNames gives CIP vendor identifiers and device types their names.
var cipNames = func() cipNameTables {
	t, err := readCIPNames(cipNamesText)
	if err != nil {
		panic(err) // a fault of the embedded file; a test reads it too
	}
	return t
}()

type cipNameTables struct{ vendors, types map[uint16][]byte }

// readCIPNames reads lines of "vendor NUMBER NAME" and "type NUMBER NAME".
func readCIPNames(text string) (cipNameTables, error) {
	t := cipNameTables{map[uint16][]byte{}, map[uint16][]byte{}}
	for i, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		kind, rest, _ := strings.Cut(line, " ")
		number, name, _ := strings.Cut(rest, " ")
		n, err := strconv.ParseUint(number, 10, 16)
		to := map[string]map[uint16][]byte{"vendor": t.vendors, "type": t.types}[kind]
		if err != nil || to == nil || name == "" || to[uint16(n)] != nil {
			return t, fmt.Errorf("dissect: enip_names.txt line %d: %q is not a new \"vendor|type NUMBER NAME\"", i+1, line)
		}
		to[uint16(n)] = []byte(name)
	}
	return t, nil
}
