package dissect

import (
	_ "embed" // the table of vendor IDs
	"encoding/hex"
	"fmt"
	"strings"
)

//go:embed ipsec_vendors.txt
var ipsecVendorsText string

// ipsecVendor is a product that a vendor ID names.
type ipsecVendor struct {
	front           string // the first octets
	vendor, product []byte
}

var ipsecVendors = func() []ipsecVendor {
	t, err := readIPsecVendors(ipsecVendorsText)
	if err != nil {
		panic(err) // a fault of the embedded file; a test reads it too
	}
	return t
}()

// readIPsecVendors reads lines of "HEX TAB VENDOR TAB PRODUCT", with a comment.
func readIPsecVendors(text string) (t []ipsecVendor, err error) {
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimRight(line, "\t "); line == "" {
			continue
		}
		col := strings.Split(line, "\t")
		if len(col) != 3 {
			return nil, fmt.Errorf("ipsec_vendors.txt line %d: want octets, vendor and product between tabs", i+1)
		}
		front, err := hex.DecodeString(col[0])
		if err != nil || len(front) < 8 {
			return nil, fmt.Errorf("ipsec_vendors.txt line %d: want eight octets or more in hexadecimal", i+1)
		}
		t = append(t, ipsecVendor{string(front), []byte(col[1]), []byte(col[2])})
	}
	return t, nil
}

// ipsecVendorOf finds the product that a vendor ID names.
func ipsecVendorOf(id []byte) *ipsecVendor {
	for i := range ipsecVendors {
		if startsLike(id, ipsecVendors[i].front) && len(id) >= len(ipsecVendors[i].front) {
			return &ipsecVendors[i]
		}
	}
	return nil
}
