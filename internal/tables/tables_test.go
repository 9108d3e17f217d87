package tables

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every file in data has a table, and the table reads its head and every row.
func TestEveryFile(t *testing.T) {
	files, err := filepath.Glob("data/*")
	if err != nil || len(files) != len(All()) {
		t.Fatalf("%d files, %d tables, %v", len(files), len(All()), err)
	}
	for _, x := range All() {
		l := x.shipped()
		if h := l.head; h.Source == "" || h.Date == "" || h.Licence == "" || len(l.rows) == 0 {
			t.Errorf("%s: %d rows, head %+v", x.Name, len(l.rows), h)
		}
		if _, err := os.Stat(filepath.Join("data", x.Name+".tsv")); err != nil {
			t.Error(err)
		}
		for i := 1; i < len(l.rows); i++ {
			if compareRows(l.rows[i-1], l.rows[i]) == 0 {
				t.Errorf("%s: two rows of one key: %+v", x.Name, l.rows[i])
			}
		}
		for _, r := range l.rows {
			if rest, ok := x.Find(r.key); !x.form.numbers && (!ok || rest != r.rest) {
				t.Errorf("%s: %q gives %q", x.Name, r.key, rest)
			}
			if x.form.numbers && string(x.Number(r.number)) != r.rest {
				t.Errorf("%s: %d gives %q", x.Name, r.number, x.Number(r.number))
			}
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		t    *Table
		n    uint64
		want string
	}{
		{CIPVendors, 1, "Rockwell Automation"},
		{CIPVendors, 283, "Hilscher"},
		{CIPDeviceTypes, 14, "Programmable Logic Controller"},
		{BACnetVendors, 5, "Johnson Controls, Inc."},
		{HARTManufacturers, 0x26, "Rosemount"},
		{HARTManufacturers, 0xf9, "FieldComm Group"},
		{HARTManufacturers, 24665, "Emerson"},
		{HARTDeviceTypes, 0xf9fd, "FieldComm Group HART-IP FlowDevice"},
		{PROFINETVendors, 0x2a, "Siemens"},
		{SNMPEnterprises, 9, "Cisco"},
		{SNMPEnterprises, 4346, "Phoenix Contact"},
		{SNMPEnterprises, 1 << 31, ""},
	} {
		if got := string(c.t.Number(c.n)); got != c.want {
			t.Errorf("%s: %d is %q, want %q", c.t.Name, c.n, got, c.want)
		}
	}
}

func TestOrder(t *testing.T) {
	for _, c := range []struct{ number, vendor, want string }{
		{"6ES7 315-2EH14-0AB0", "", "Siemens S7-300 plc"},
		{"6ES7315-6FF04-0AB0", "Siemens", "Siemens S7-300F safety-controller"},
		{"6es7 155-6au01-0bn0", "", "Siemens ET 200SP io-device"},
		{"6ES7 315-2EH14-0AB0", "Rockwell Automation", ""},
		{"6ES7 317-6TK13-0AB0", "", "Siemens S7-300 plc"}, // technology, not fail-safe
		{"6ES7 512-1CK01-0AB0", "", "Siemens S7-1500 plc"},
		{"6ES7 512-1SK01-0AB0", "", "Siemens ET 200SP CPU safety-controller"},
		{"6MD85", "Siemens", "Siemens SIPROTEC ied"},
		{"1756-L61/B", "", "Rockwell Automation ControlLogix 5560 plc"},
		{"1756-L61S/B", "", "Rockwell Automation GuardLogix 5560 safety-controller"},
		{"BMX P34 2020", "", "Schneider Electric Modicon M340 plc"},
		{"750-8202", "", "WAGO PFC200 plc"},
		{"CP 1543-1", "", ""}, // a short front beside no vendor
		{"CP1L-EM40DR-D", "Omron", "Omron SYSMAC CP1 plc"},
		{"6GK7 343-1EX30-0XE0", "Siemens", "Siemens SIMATIC communication processor "},
		{"", "", ""},
		{strings.Repeat("9", 400), "", ""},
	} {
		f, ok := Order(c.number, c.vendor)
		got := ""
		if ok {
			got = f.Vendor + " " + f.Product + " " + string(f.Role)
		}
		if got != c.want {
			t.Errorf("Order(%.30q, %q) = %q, want %q", c.number, c.vendor, got, c.want)
		}
	}
	for _, r := range OrderNumbers.shipped().rows { // a family is of a vendor's one name
		if vendor, _, _ := strings.Cut(r.rest, "\t"); Vendor(vendor) != vendor {
			t.Errorf("%s: vendor %q is called %q", r.key, vendor, Vendor(vendor))
		}
	}
}

// folder writes files to a new folder, and takes away again what Use lays over
// the shipped tables.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, x := range All() {
			x.user.Store(nil)
		}
	})
	return dir
}

const (
	manufacturerTable = `<?xml version="1.0" encoding="ISO-8859-1"?>
<Manufacturer_ID_Table xmlns="http://www.profibus.com/IM/2003/11/Man_ID">
<Manufacturer ID="17"><ManufacturerInfo><ManufacturerName>Made-up M` + "\xfc" + `ller</ManufacturerName></ManufacturerInfo></Manufacturer>
<Manufacturer ID="18"><ManufacturerInfo><ManufacturerName> </ManufacturerName></ManufacturerInfo></Manufacturer>
</Manufacturer_ID_Table>`
	enterpriseNumbers = "PRIVATE ENTERPRISE NUMBERS\n\n(last updated 2026-11-01)\n\nDecimal\n| Organization\n\n0\n  Reserved\n    IANA\n61234\n  Made-up Works\n    Somebody\n      somebody&example.org\n"
	ouiListing        = "Registry,Assignment,Organization Name,Organization Address\r\nMA-L,FCFFFC,\"Made-up, Inc.\",Somewhere\r\nMA-L,FCFFFE,Private,\r\n"
)

func TestUse(t *testing.T) {
	const head = "# source: ours\n# date: 2026-11-01\n"
	dir := folder(t, map[string]string{
		"cip-vendors.tsv":      head + "0x1\tRenamed\n60000\tMade-up\n",
		"bacnet-vendors.tsv":   head + "# mode: replace\n5\tOnly this\n",
		"domains.tsv":          head + "remote.example.org\tremote-access\tOurs\tourselves\n",
		"Man_ID_Table.xml":     manufacturerTable,
		"enterprise-numbers":   enterpriseNumbers,
		"oui.csv":              ouiListing,
		"order-numbers.tsv":    head + "ZZTOP\tMade-up\tZZ\tplc\n",
		".hidden":              "x",
		"vendor-names.tsv":     head + "made up works\tMade-up\n",
		"profinet-vendors.tsv": head + "18\tOurs\n",
	})
	heads, err := Use(dir)
	if err != nil || len(heads) != 9 {
		t.Fatalf("%v, %v", heads, err)
	}
	for _, c := range []struct{ what, got, want string }{
		{"renamed", string(CIPVendors.Number(1)), "Renamed"},
		{"added", string(CIPVendors.Number(60000)), "Made-up"},
		{"shipped", string(CIPVendors.Number(283)), "Hilscher"},
		{"replaced", string(BACnetVendors.Number(5)), "Only this"},
		{"gone", string(BACnetVendors.Number(6)), ""},
		{"PROFINET as published", string(PROFINETVendors.Number(17)), "Made-up Müller"},
		{"PROFINET beside it", string(PROFINETVendors.Number(18)), "Ours"},
		{"PROFINET shipped", string(PROFINETVendors.Number(0x2a)), "Siemens"},
		{"IANA as published", string(SNMPEnterprises.Number(61234)), "Made-up Works"},
		{"a spelling", Vendor("Made-up Works, Inc."), "Made-up"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.what, c.got, c.want)
		}
	}
	if v, ok := MACPrefixes.Bytes([]byte("fcfffc")); !ok || v != "Made-up, Inc." {
		t.Errorf("IEEE as published: %q", v)
	}
	if f, ok := Order("ZZTOP-1", ""); !ok || f.Product != "ZZ" {
		t.Errorf("an order number: %+v", f)
	}
}

func TestUseRefuses(t *testing.T) {
	const head = "# source: ours\n# date: 2026-11-01\n"
	for name, c := range map[string]struct{ file, text, want string }{
		"no table":        {"vendors.tsv", head, "no table has this name"},
		"no source":       {"cip-vendors.tsv", "# date: 2026-11-01\n1\tA\n", "# source:"},
		"no date":         {"cip-vendors.tsv", "# source: x\n1\tA\n", "# date:"},
		"bad date":        {"cip-vendors.tsv", "# source: x\n# date: today\n", "cip-vendors.tsv:2: date"},
		"bad mode":        {"cip-vendors.tsv", head + "# mode: add\n", "cip-vendors.tsv:3: mode"},
		"no number":       {"cip-vendors.tsv", head + "one\tA\n", "cip-vendors.tsv:3: \"one\" is not a number"},
		"no tab":          {"cip-vendors.tsv", head + "1 A\n", "want 2 columns"},
		"two meanings":    {"cip-vendors.tsv", head + "1\tA\n0x1\tB\n", "stands twice"},
		"too long":        {"cip-vendors.tsv", head + "1\t" + strings.Repeat("A", 2000) + "\n", "cip-vendors.tsv:3: a line of"},
		"not text":        {"cip-vendors.tsv", head + "1\t\xff\n", "UTF-8"},
		"a control":       {"cip-vendors.tsv", head + "1\tA\x1b[2J\n", "plain text"},
		"a prefix":        {"mac-prefixes.tsv", head + "00:0e:8c\tA\n", "hexadecimal"},
		"a domain's kind": {"domains.tsv", head + "a.example\tclown\tA\tb\n", "kind"},
		"a domain's case": {"domains.tsv", head + "A.example\tcloud\tA\tb\n", "lower case"},
		"a spelling":      {"vendor-names.tsv", head + "A.B.\tAB\n", `write it as "a b"`},
		"a role":          {"order-numbers.tsv", head + "AB12\tA\tB\tplx\n", "role"},
		"a UUID":          {"dcerpc-interfaces.tsv", head + "12\tA\n", "UUID"},
		"no XML":          {"Man_ID_Table.xml", "<html>", "Man_ID_Table.xml"},
		"nothing in it":   {"enterprise-numbers", "404\n", "nothing in it"},
		"no listing":      {"oui.csv", "a,b,c\nMA-L,xyz,A,B\n", "line 2"},
	} {
		if _, err := Use(folder(t, map[string]string{c.file: c.text})); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
	}
	if _, err := Use(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a folder that is not there is taken")
	}
}

// TestByteOrderMark: some editors put one in front of what they save.
func TestByteOrderMark(t *testing.T) {
	l, err := parse("f.tsv", "\ufeff# source: x\n# date: 2026-11-01\n1\tA\n", form{columns: 1, numbers: true}, false)
	if err != nil || l.number(1) == nil {
		t.Error(err)
	}
}

func TestLookupsAllocateNothing(t *testing.T) {
	key, domain := []byte("000e8c"), []byte("teamviewer.com")
	if n := testing.AllocsPerRun(100, func() {
		CIPVendors.Number(1)
		SNMPEnterprises.Number(4346)
		MACPrefixes.Bytes(key)
		Domains.Row(domain)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("# source: x\n# date: 2026-11-01\n1\tA\n")
	f.Add(manufacturerTable)
	f.Add(enterpriseNumbers)
	f.Add(ouiListing)
	f.Fuzz(func(t *testing.T, text string) {
		for _, x := range All() {
			if l, err := parse("f", text, x.form, false); err == nil {
				for _, r := range l.rows {
					if x.form.numbers && l.number(r.number) == nil || !x.form.numbers && l.find(r.key) == nil {
						t.Fatalf("%s: row %+v is not found", x.Name, r)
					}
				}
			}
			for _, read := range x.form.foreign {
				_, _ = read([]byte(text))
			}
		}
	})
}
