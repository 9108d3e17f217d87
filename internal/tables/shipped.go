package tables

import (
	_ "embed" // the lists
	"errors"
	"fmt"
	"slices"
	"strings"
)

//go:embed data/mac-prefixes.tsv
var macPrefixes string

//go:embed data/cip-vendors.tsv
var cipVendors string

//go:embed data/cip-device-types.tsv
var cipDeviceTypes string

//go:embed data/bacnet-vendors.tsv
var bacnetVendors string

//go:embed data/hart-manufacturers.tsv
var hartManufacturers string

//go:embed data/hart-device-types.tsv
var hartDeviceTypes string

//go:embed data/profinet-vendors.tsv
var profinetVendors string

//go:embed data/snmp-enterprises.tsv
var snmpEnterprises string

//go:embed data/dcerpc-interfaces.tsv
var rpcInterfaces string

//go:embed data/order-numbers.tsv
var orderNumbers string

//go:embed data/domains.tsv
var domainNames string

//go:embed data/vendor-names.tsv
var vendorNames string

//go:embed data/product-names.tsv
var productNames string

// The one name of vendors and products, by spelling; see Vendor and Product.
var (
	VendorNames  = add("vendor-names", vendorNames, form{columns: 1, check: spelling})
	ProductNames = add("product-names", productNames, form{columns: 1, check: spelling})
)

// Numbers and what they stand for.
var (
	CIPVendors        = add("cip-vendors", cipVendors, form{columns: 1, numbers: true})
	CIPDeviceTypes    = add("cip-device-types", cipDeviceTypes, form{columns: 1, numbers: true})
	BACnetVendors     = add("bacnet-vendors", bacnetVendors, form{columns: 1, numbers: true})
	HARTManufacturers = add("hart-manufacturers", hartManufacturers, form{columns: 1, numbers: true})
	HARTDeviceTypes   = add("hart-device-types", hartDeviceTypes, form{columns: 1, numbers: true})
	PROFINETVendors   = add("profinet-vendors", profinetVendors, form{columns: 1, numbers: true, foreign: foreign{"Man_ID_Table.xml": manufacturers}})
	SNMPEnterprises   = add("snmp-enterprises", snmpEnterprises, form{columns: 1, numbers: true, foreign: foreign{"enterprise-numbers": enterprises}})
)

// Keys that are text. MAC prefixes are 6, 7 or 9 lower-case hexadecimal digits,
// interfaces UUIDs in lower case.
var (
	MACPrefixes   = add("mac-prefixes", macPrefixes, form{columns: 1, check: prefix, foreign: foreign{"oui.csv": assignments(6), "mam.csv": assignments(7), "oui36.csv": assignments(9)}})
	RPCInterfaces = add("dcerpc-interfaces", rpcInterfaces, form{columns: 1, check: uuid})
)

// Domains are the domains of remote tools and clouds: kind, tool and source of
// each. Package domains reads them.
var Domains = add("domains", domainNames, form{columns: 3, check: domain})

// DomainKinds are the kinds that a domain may have.
var DomainKinds = []string{"remote-access", "cloud"}

func domain(key, rest string) error {
	kind, _, _ := strings.Cut(rest, "\t")
	if !slices.Contains(DomainKinds, kind) {
		return fmt.Errorf("kind %q: want %s", kind, strings.Join(DomainKinds, " or "))
	}
	if strings.ToLower(key) != key || strings.HasPrefix(key, ".") || strings.HasSuffix(key, ".") || len(key) > 253 {
		return fmt.Errorf("domain %q: want lower case, without a dot at either end", key)
	}
	return nil
}

func prefix(key, _ string) error {
	if n := len(key); n != 6 && n != 7 && n != 9 || strings.Trim(key, "0123456789abcdef") != "" {
		return fmt.Errorf("prefix %q: want 6, 7 or 9 lower-case hexadecimal digits", key)
	}
	return nil
}

func uuid(key, _ string) error {
	if digits := strings.ReplaceAll(key, "-", ""); len(key) != 36 || len(digits) != 32 || strings.Trim(digits, "0123456789abcdef") != "" {
		return fmt.Errorf("interface %q: want a UUID in lower case", key)
	}
	return nil
}

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
