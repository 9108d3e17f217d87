package tables

import (
	"slices"
	"strings"
	"unicode"
)

// Vendor returns the one name of a vendor that goes by many spellings:
// "Rockwell Automation/Allen-Bradley" and "Rockwell Automation, Inc." are both
// Rockwell Automation. A vendor that the table does not know keeps its spelling,
// without white space and commas around it.
func Vendor(told string) string {
	words := fold(told)
	for len(words) > 1 && slices.Contains(legalForms, words[len(words)-1]) {
		words = words[:len(words)-1]
	}
	if name, ok := VendorNames.Find(strings.Join(words, " ")); ok {
		return name
	}
	for n := len(words) - 1; n > 0; n-- {
		if name, ok := VendorNames.Find(strings.Join(words[:n], " ") + " *"); ok {
			return name
		}
	}
	return tidy(told)
}

// Product is Vendor for the name of a product.
func Product(told string) string {
	if name, ok := ProductNames.Find(strings.Join(fold(told), " ")); ok {
		return name
	}
	return tidy(told)
}

// legalForms are the words behind a company's name that do not tell it from
// another.
var legalForms = strings.Fields("inc incorporated corp corporation co company ltd limited llc lp gmbh mbh ag kg kgaa se sa sas spa srl s p r l a bv nv b v n oy ab as aps kk k pty pte plc sia")

// fold makes the lower-case words of s.
func fold(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

func tidy(s string) string { return strings.Trim(strings.Join(strings.Fields(s), " "), ", ") }
