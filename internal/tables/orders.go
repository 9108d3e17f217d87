package tables

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"demarc/internal/ot"
)

// OrderNumbers are families of products by the front of their order numbers;
// see Order.
var OrderNumbers = add("order-numbers", orderNumbers, form{columns: 3, check: order})

// Family is what an order number tells.
type Family struct {
	Front           string // of the order number, as the table has it
	Vendor, Product string
	Role            ot.Role // "" where the number tells none
}

// weak is the length below which a front tells a family only beside its vendor:
// other makers' order numbers begin with the same characters.
const weak = 5

// Order finds the family of an order number, the longest front first. vendor is
// the maker's one name as known otherwise, or ""; a family of another maker is
// none.
func Order(number, vendor string) (Family, bool) {
	key := strings.ToUpper(strings.Join(strings.Fields(number), ""))
	for n := min(len(key), maxFront); n > 0; n-- {
		rest, ok := OrderNumbers.Find(key[:n])
		if !ok {
			continue
		}
		col := strings.SplitN(rest, "\t", 3)
		if vendor == "" && n < weak || vendor != "" && vendor != col[0] {
			return Family{}, false
		}
		f := Family{Front: key[:n], Vendor: col[0], Product: col[1]}
		if col[2] != "-" {
			f.Role = ot.Role(col[2])
		}
		return f, true
	}
	return Family{}, false
}

// maxFront is the longest front that a table may have.
const maxFront = 16

func order(key, rest string) error {
	if len(key) > maxFront || key != strings.ToUpper(strings.Join(strings.Fields(key), "")) {
		return fmt.Errorf("front %q: want upper case without spaces, at most %d characters", key, maxFront)
	}
	col := strings.SplitN(rest, "\t", 3)
	if slices.Contains(col, "") {
		return errors.New("a column is empty: write - where the order number tells no role")
	}
	if col[2] != "-" && !ot.IsRole(ot.Role(col[2])) {
		return fmt.Errorf("role %q is not known: want one of the roles, or -", col[2])
	}
	return nil
}
