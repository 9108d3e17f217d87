package sheet

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"demarc/collector/boundary"
)

// column is what headers of a column may say, folded to letters and digits, and
// where a cell of it goes. Sources: the field names of the eMASS REST API 3.22
// (hardware and software baseline), the headers of its exports, and those of the
// FedRAMP integrated inventory workbook.
type column struct {
	field   string
	headers string
	set     func(r *boundary.Row, cell string) error
}

var columns = map[string][]column{
	"hardware": {
		{"name", "name assetname hostname devicename machinename computername netbiosname uniqueassetidentifier nickname virtualassetname componentname dnsname fqdn", text(func(r *boundary.Row) *string { return &r.Name })},
		{"vendor", "vendor manufacturer make hardwaremakemodel hardwaremanufacturer", text(func(r *boundary.Row) *string { return &r.Vendor })},
		{"model", "model modelnumber partnumber ordernumber catalognumber hardwaremodel makemodel", text(func(r *boundary.Row) *string { return &r.Model })},
		{"serial", "serial serialnumber serialno sn serialassettag", text(func(r *boundary.Row) *string { return &r.Serial })},
		{"firmware", "firmware firmwareversion osfirmware osiosfwversion osfwversion iosfwversion softwarefirmwareversion", text(func(r *boundary.Row) *string { return &r.Firmware })},
		{"macs", "mac macaddress macaddresses hardwareaddress physicaladdress", macs},
		{"ips", "ip ipaddress ipaddresses ipv4 ipv4address ipv6address ipv4oripv6address assetipaddress networkaddress", ips},
		{"location", "location physicallocation room building site cabinet", text(func(r *boundary.Row) *string { return &r.Location })},
		{"owner", "owner systemowner systemadministratorowner applicationowner assetowner pointofcontact", text(func(r *boundary.Row) *string { return &r.Owner })},
	},
	"software": {
		{"name", "name softwarename applicationname product productname softwaredatabasenameversion title package", text(func(r *boundary.Row) *string { return &r.Name })},
		{"vendor", "vendor softwarevendor manufacturer publisher softwaredatabasevendor", text(func(r *boundary.Row) *string { return &r.Vendor })},
		{"version", "version softwareversion release releaseversion patchlevel", text(func(r *boundary.Row) *string { return &r.Version })},
		{"model", "model hardware platform", text(func(r *boundary.Row) *string { return &r.Model })},
		{"owner", "owner systemowner applicationowner pointofcontact", text(func(r *boundary.Row) *string { return &r.Owner })},
	},
	"services": {
		{"protocol", "protocol service servicename applicationprotocol dataservice datatservice services protocolservice", protocol},
		{"ports", "port ports portnumber portnumbers lowport portrange serverport destinationport", ports},
		{"from", "from source sourceboundary client clientboundary", boundaryName(func(r *boundary.Row) *string { return &r.From })},
		{"to", "to destination destinationboundary server serverboundary boundary", boundaryName(func(r *boundary.Row) *string { return &r.To })},
		{"name", "name purpose usedby description usage", text(func(r *boundary.Row) *string { return &r.Name })},
		{"owner", "owner systemowner pointofcontact", text(func(r *boundary.Row) *string { return &r.Owner })},
	},
	"interconnections": {
		{"name", "name interconnection agreement isa isatitle reference agreementreference title", text(func(r *boundary.Row) *string { return &r.Name })},
		{"from", "from source sourceboundary localsystem local", boundaryName(func(r *boundary.Row) *string { return &r.From })},
		{"to", "to destination destinationboundary remotesystem remote isaremotesystemname externalsystem", boundaryName(func(r *boundary.Row) *string { return &r.To })},
		{"protocol", "protocol service", protocol},
		{"ports", "port ports portnumber", ports},
		{"owner", "owner pointofcontact isapocremote isapoclocal", text(func(r *boundary.Row) *string { return &r.Owner })},
	},
}

// read finds the header and reads the rows below it.
func (t table) read(list string) (rows []boundary.Row, left []string, err error) {
	head, at, left := t.header(list)
	if head < 0 {
		var known []string
		for _, c := range columns[list] {
			known = append(known, c.field)
		}
		return nil, nil, fmt.Errorf("none of its first %d rows is the header of a %s list: it needs columns such as %s", headerRows, list, strings.Join(known, ", "))
	}
	for i := head + 1; i < len(t.rows); i++ {
		if empty(t.rows[i]) {
			continue
		}
		var r boundary.Row
		for _, j := range slices.Sorted(maps.Keys(at)) {
			if j >= len(t.rows[i]) {
				continue
			}
			cell := strings.TrimSpace(t.rows[i][j])
			if !Says(cell) {
				continue
			}
			if err := at[j].set(&r, cell); err != nil {
				return nil, nil, fmt.Errorf("%s (%s): %w", t.where(i, j), at[j].field, err)
			}
		}
		if !r.Identifies(list) {
			return nil, nil, fmt.Errorf("%s: a row that says not what it is: it needs %s", t.where(i, 0), boundary.RowKeys(list))
		}
		if rows = append(rows, r); len(rows) > maxRows {
			return nil, nil, fmt.Errorf("more than %d rows: split it", maxRows)
		}
	}
	if len(rows) == 0 {
		return nil, nil, errors.New("it has a header and no rows")
	}
	return rows, left, nil
}

// nothing is how people write that a cell is empty.
var nothing = []string{"n/a", "na", "none", "-", "tbd", "unknown", "not applicable"}

// Says reports whether a cell holds more than a way to write that it is empty.
func Says(cell string) bool {
	cell = strings.ToLower(strings.TrimSpace(cell))
	return cell != "" && !slices.Contains(nothing, cell)
}

// header finds the first row that names at least one column by which a row is
// known, and maps its columns.
func (t table) header(list string) (row int, at map[int]column, left []string) {
	for i := range min(len(t.rows), headerRows) {
		at, left = map[int]column{}, nil
		taken := map[string]bool{}
		for j, cell := range t.rows[i] {
			name := fold(cell)
			k := slices.IndexFunc(columns[list], func(c column) bool {
				return name != "" && (name == c.field || slices.Contains(strings.Fields(c.headers), name))
			})
			switch {
			case k >= 0 && (!taken[columns[list][k].field] || columns[list][k].field == "ips" || columns[list][k].field == "macs"):
				at[j], taken[columns[list][k].field] = columns[list][k], true
			case strings.TrimSpace(cell) != "":
				left = append(left, strings.TrimSpace(cell))
			}
		}
		if named(list, taken) {
			return i, at, left
		}
	}
	return -1, nil, nil
}

func named(list string, taken map[string]bool) bool {
	switch list {
	case "services":
		return taken["protocol"]
	case "interconnections":
		return taken["from"] && taken["to"]
	case "software":
		return taken["name"]
	}
	return len(taken) > 1 && (taken["name"] || taken["serial"] || taken["macs"] || taken["ips"])
}

// fold keeps the letters and digits of a header, lower case.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}
