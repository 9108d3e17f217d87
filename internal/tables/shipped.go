package tables

import (
	_ "embed" // the lists
	"errors"
	"fmt"
	"strings"
)

//go:embed data/vendor-names.tsv
var vendorNames string

//go:embed data/product-names.tsv
var productNames string

// The one name of vendors and products, by spelling; see Vendor and Product.
var (
	VendorNames  = add("vendor-names", vendorNames, form{columns: 1, check: spelling})
	ProductNames = add("product-names", productNames, form{columns: 1, check: spelling})
)

// spelling holds a key of names to the form in which it is looked up.
func spelling(key, _ string) error {
	want := strings.Join(fold(key), " ")
	if strings.HasSuffix(key, " *") {
		want += " *"
	}
	if want == "" || want == " *" {
		return errors.New("the spelling has no word")
	}
	if key != want {
		return fmt.Errorf("spelling %q: write it as %q", key, want)
	}
	return nil
}
