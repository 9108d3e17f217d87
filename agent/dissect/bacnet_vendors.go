package dissect

import (
	_ "embed" // the table of names
	"fmt"
	"strconv"
	"strings"
)

//go:embed bacnet_vendors.txt
var bacnetVendorsText string

// bacnetVendors gives vendor identifiers their names.
var bacnetVendors = func() map[uint64][]byte {
	t, err := readBACnetVendors(bacnetVendorsText)
	if err != nil {
		panic(err) // a fault of the embedded file; a test reads it too
	}
	return t
}()

// readBACnetVendors reads lines of "NUMBER NAME", in ascending order.
func readBACnetVendors(text string) (map[uint64][]byte, error) {
	t := map[uint64][]byte{}
	last := int64(-1)
	for i, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		number, name, _ := strings.Cut(line, " ")
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || name == "" || int64(n) <= last {
			return t, fmt.Errorf("dissect: bacnet_vendors.txt line %d: %q is not \"NUMBER NAME\" behind a smaller number", i+1, line)
		}
		last = int64(n)
		t[n] = []byte(name)
	}
	return t, nil
}
