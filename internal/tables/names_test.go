package tables

import "testing"

func TestVendor(t *testing.T) {
	for told, want := range map[string]string{
		"Rockwell Automation/Allen-Bradley":    "Rockwell Automation",
		"Rockwell Automation, Inc.":            "Rockwell Automation",
		"ALLEN-BRADLEY COMPANY":                "Rockwell Automation",
		"Siemens AG":                           "Siemens",
		"SIEMENS AG Industrial Automation EWA": "Siemens",
		"Siemens, AG, Automation & Drives":     "Siemens",
		"PHOENIX CONTACT GmbH & Co. KG":        "Phoenix Contact",
		"WAGO Kontakttechnik GmbH":             "WAGO",
		"Beckhoff Automation GmbH":             "Beckhoff",
		"B&R Industrial Automation GmbH":       "B&R",
		"TELEMECANIQUE ELECTRIQUE":             "Schneider Electric",
		"Schweitzer Engineering Laboratories":  "Schweitzer Engineering Laboratories",
		"Endress+Hauser":                       "Endress+Hauser",
		"Cisco Systems, Inc":                   "Cisco",
		"Hewlett Packard Enterprise":           "Hewlett Packard Enterprise",
		"Hewlett-Packard Company":              "HP",
		"Dell Inc.":                            "Dell",
		"Delta Electronics, Inc.":              "Delta Electronics",
		"Delta Controls":                       "Delta Controls",
		"DELTA COMPUTER SYSTEMS":               "DELTA COMPUTER SYSTEMS",
		"General Dynamics":                     "General Dynamics",
		"Gehr Industries":                      "Gehr Industries",
		"Bosch Rexroth AG":                     "Bosch Rexroth",
		"Robert Bosch GmbH":                    "Bosch",
		"  Some Maker  of\tThings,  ":          "Some Maker of Things",
		"Sa":                                   "Sa",
		"":                                     "",
		"制御盤":                                  "制御盤",
	} {
		if got := Vendor(told); got != want {
			t.Errorf("Vendor(%q) = %q, want %q", told, got, want)
		}
		if again := Vendor(want); again != want {
			t.Errorf("Vendor(%q) = %q: the one name has another", want, again)
		}
	}
}

func TestEveryVendorNameIsItsOwn(t *testing.T) {
	for _, r := range VendorNames.shipped().rows {
		if got := Vendor(r.rest); got != r.rest {
			t.Errorf("Vendor(%q) = %q", r.rest, got)
		}
	}
	for _, r := range ProductNames.shipped().rows {
		if got := Product(r.rest); got != r.rest {
			t.Errorf("Product(%q) = %q", r.rest, got)
		}
	}
}

func TestProduct(t *testing.T) {
	for told, want := range map[string]string{
		"SIMATIC S7-300": "S7-300", "s7-300": "S7-300", "ET200SP": "ET 200SP", "CPU 315-2 PN/DP": "CPU 315-2 PN/DP", "BMX P34 2020": "BMX P34 2020",
	} {
		if got := Product(told); got != want {
			t.Errorf("Product(%q) = %q, want %q", told, got, want)
		}
	}
}
