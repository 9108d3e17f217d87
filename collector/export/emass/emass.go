// Package emass writes the lists of a system as CSV: the hardware and software
// baselines with the fields of the eMASS REST API, and ports, protocols and
// services in the columns of a FedRAMP security plan, since that API has no form
// to bring those. What is written was heard; what only people know stays empty,
// and is listed. `import` reads each of them again.
package emass

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strings"

	"demarc/collector/export/oscal"
	"demarc/collector/export/plain"
	"demarc/collector/paper"
	"demarc/collector/paper/sheet"
	demarcv1 "demarc/proto/demarc/v1"
)

// Lists are those that Write makes.
var Lists = []string{"hardware", "software", "services"}

// Facts are what a list is made of.
type Facts struct {
	Boundaries  []string // of the system
	Assets      []*demarcv1.Asset
	Connections []*demarcv1.JudgedConnection // each once
	Agreements  []*demarcv1.Agreement
}

// maxCell is how long a cell may be that `import` reads again, in bytes.
const maxCell = 4000

// grid is a list that is being written: the columns in their order, and rows by
// column.
type grid struct {
	columns []string
	rows    []map[string]string
	missing []string
	cut     int
}

// Write makes a list. missing says which columns a person must fill in, and what
// could not be written.
func Write(list string, f *Facts) (text []byte, missing []string, err error) {
	var s grid
	switch list {
	case "hardware":
		s.hardware(f.Assets)
	case "software":
		s.software(f.Assets)
	case "services":
		s.services(f)
	default:
		return nil, nil, fmt.Errorf("list %q is not one of %s", list, strings.Join(Lists, ", "))
	}
	if len(s.rows) == 0 {
		return nil, nil, fmt.Errorf("nothing was heard that belongs on a %s list", list)
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	record := make([]string, len(s.columns))
	filled := map[string]bool{}
	copy(record, s.columns)
	for i := -1; ; {
		if err := w.Write(record); err != nil {
			return nil, nil, err
		}
		if i++; i == len(s.rows) {
			break
		}
		for j, c := range s.columns {
			record[j] = s.cell(s.rows[i][c])
			filled[c] = filled[c] || record[j] != ""
		}
	}
	w.Flush()
	empty := slices.DeleteFunc(slices.Clone(s.columns), func(c string) bool { return filled[c] })
	if len(empty) > 0 {
		s.missing = append([]string{"Columns that are empty: " + strings.Join(empty, ", ")}, s.missing...)
	}
	if s.cut > 0 {
		s.missing = append(s.missing, fmt.Sprintf("%d cells were longer than %d bytes, and end there", s.cut, maxCell))
	}
	return b.Bytes(), s.missing, w.Error()
}

// cell is text that no spreadsheet takes for a formula: an apostrophe stands
// before what begins like one, which `import` takes away again.
func (s *grid) cell(text string) string {
	text = plain.Line(text)
	if len(text) > maxCell {
		s.cut++
		text = plain.Line(strings.ToValidUTF8(text[:maxCell], ""))
	}
	if text != "" && strings.ContainsRune("=+-@", rune(text[0])) {
		return "'" + text
	}
	return text
}

// hardware has the fields of the hardware baseline (eMASS REST API 3.22).
func (s *grid) hardware(assets []*demarcv1.Asset) {
	s.columns = []string{
		"assetName", "componentType", "nickname", "assetIpAddress", "publicFacing", "publicFacingFqdn", "publicFacingIpAddress", "publicFacingUrls", "virtualAsset",
		"manufacturer", "modelNumber", "serialNumber", "OsIosFwVersion", "memorySizeType", "location", "approvalStatus", "criticalAsset",
	}
	others := map[string]bool{}
	for _, a := range assets {
		if a.GetParent() != "" {
			continue // part of a device that is on the list
		}
		kind, known := componentType(a)
		if !known && kind != "" {
			others[kind] = true
		}
		names := slices.DeleteFunc(append(said(a, "name"), a.GetNames()...), func(n string) bool { return !sheet.Says(plain.Line(n)) })
		nickname := ""
		if len(names) > 1 {
			nickname = names[1]
		}
		s.rows = append(s.rows, map[string]string{
			"assetName": cmp.Or(first(names), first(a.GetIps()), first(a.GetMacs()), a.GetId()), "nickname": nickname, "componentType": kind, "assetIpAddress": strings.Join(a.GetIps(), "; "),
			"manufacturer": a.GetVendor(), "modelNumber": cmp.Or(a.GetModel(), a.GetProduct()), "serialNumber": a.GetSerial(),
			"OsIosFwVersion": strings.TrimSpace(a.GetOs() + " " + a.GetFirmware()), "location": first(said(a, "place")),
		})
	}
	if len(others) > 0 {
		s.missing = append(s.missing, "componentType: eMASS documents none for "+strings.Join(slices.Sorted(maps.Keys(others)), ", ")+", so that the role stands there")
	}
}

// componentTypes are those that eMASS documents, for the roles that are one of
// them for certain.
var componentTypes = map[string]string{
	"firewall": "Firewall", "workstation": "Workstation", "engineering-workstation": "Workstation",
	"server": "Server", "scada-server": "Server", "dcs-server": "Server", "opc-server": "Server", "historian": "Server", "database": "Server", "domain-controller": "Server",
}

func componentType(a *demarcv1.Asset) (kind string, known bool) {
	role := oscal.Role(a)
	switch {
	case componentTypes[role] != "":
		return componentTypes[role], true
	case a.GetKind() == "router":
		return "Router", true
	}
	return role, false
}

// software has the fields of the software baseline (eMASS REST API 3.22).
func (s *grid) software(assets []*demarcv1.Asset) {
	s.columns = []string{
		"softwareVendor", "softwareName", "version", "softwareType", "parentSystem", "subsystem", "network", "hostingEnvironment", "softwareDependencies", "cryptographicHash", "inServiceData",
		"itBudgetUii", "fiscalYear", "popEndDate", "licenseOrContract", "licenseTerm", "costPerLicense", "totalLicenses", "totalLicenseCost", "licensesUsed", "licensePoc", "licenseRenewalDate",
		"licenseExpirationDate", "approvalStatus", "approvalDate", "releaseDate", "maintenanceDate", "retirementDate", "endOfLifeSupportDate", "extendedEndOfLifeSupportDate", "criticalAsset",
	}
	seen := map[paper.Program]bool{}
	var all []paper.Program
	for _, a := range assets {
		for _, p := range paper.ProgramsOf(a) {
			if !seen[p] && sheet.Says(plain.Line(p.Name)) {
				seen[p] = true
				all = append(all, p)
			}
		}
	}
	slices.SortFunc(all, func(a, b paper.Program) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Version, b.Version), strings.Compare(a.Vendor, b.Vendor))
	})
	unversioned := 0
	for _, p := range all {
		if p.Version == "" {
			unversioned++
		}
		s.rows = append(s.rows, map[string]string{"softwareVendor": p.Vendor, "softwareName": p.Name, "version": p.Version})
	}
	if unversioned > 0 {
		s.missing = append(s.missing, fmt.Sprintf("version: %d of %d told none, and eMASS wants one", unversioned, len(all)))
	}
}

// usage is what was seen of a service.
type usage struct {
	purposes         []string
	sealed, readable bool // of all its connections
}

// maxLeftOut is how many services that could not be written are named.
const maxLeftOut = 20

// services has the columns of the table of ports, protocols and services in a
// FedRAMP security plan. Tries that came to nothing are no service.
func (s *grid) services(f *Facts) {
	s.columns = []string{"Direction", "Boundary Crossing", "Source", "Destination", "Ports", "Protocols", "Services", "Purpose", "Encrypted", "Data Sensitivity"}
	purpose := map[string]string{}
	for _, a := range f.Agreements {
		purpose[a.GetDocument()] = a.GetPurpose()
	}
	seen := map[paper.Service]*usage{}
	for _, c := range f.Connections {
		if !paper.Exchanged(c) {
			continue
		}
		k := paper.ServiceOf(c)
		u := seen[k]
		if u == nil {
			u = &usage{sealed: true, readable: true}
			seen[k] = u
		}
		d := c.GetConnection()
		u.sealed = u.sealed && (d.GetSecurity() == "sign-and-encrypt" || d.GetSecurityFacts().GetTls() != "")
		u.readable = u.readable && (d.GetSecurity() == "none" || d.GetSecurity() == "sign")
		for _, document := range c.GetVerdict().GetDocuments() {
			if p := purpose[document]; p != "" && !slices.Contains(u.purposes, p) {
				u.purposes = append(u.purposes, p)
			}
		}
	}
	var left []string
	for _, k := range sorted(seen) {
		if k.Protocol == "" {
			left = append(left, fmt.Sprintf("%s/%d from %s to %s", k.Transport, k.Port, cmp.Or(k.From, "no boundary"), cmp.Or(k.To, "no boundary")))
			continue
		}
		s.rows = append(s.rows, serviceRow(k, seen[k], f.Boundaries))
	}
	if n := len(left); n > 0 {
		if n > maxLeftOut {
			left = append(left[:maxLeftOut], fmt.Sprintf("and %d more", n-maxLeftOut))
		}
		s.missing = append(s.missing, "Left out, since their protocol is not identified: "+strings.Join(left, "; "))
	}
}

func serviceRow(k paper.Service, u *usage, ours []string) map[string]string {
	from, to := slices.Contains(ours, k.From), slices.Contains(ours, k.To)
	slices.Sort(u.purposes)
	row := map[string]string{
		"Direction": map[bool]string{true: "Outbound", false: "Inbound"}[from], "Boundary Crossing": "Y", "Source": k.From, "Destination": k.To,
		"Protocols": strings.ToUpper(k.Transport), "Services": k.Protocol, "Purpose": strings.Join(u.purposes, "; "),
	}
	if from && to {
		row["Direction"] = "Internal"
	}
	if k.From == k.To {
		row["Boundary Crossing"] = "N"
	}
	if k.Port != 0 {
		row["Ports"] = fmt.Sprint(k.Port)
	}
	switch {
	case u.sealed:
		row["Encrypted"] = "Y"
	case u.readable:
		row["Encrypted"] = "N"
	}
	return row
}

func sorted(seen map[paper.Service]*usage) []paper.Service {
	return slices.SortedFunc(maps.Keys(seen), func(a, b paper.Service) int {
		return cmp.Or(strings.Compare(a.To, b.To), strings.Compare(a.From, b.From), cmp.Compare(a.Port, b.Port), strings.Compare(a.Protocol, b.Protocol), strings.Compare(a.Transport, b.Transport))
	})
}

// said is what people wrote of an asset.
func said(a *demarcv1.Asset, field string) (all []string) {
	for _, x := range a.GetAnnotations() {
		if x.GetField() == field && x.GetValue() != "" {
			all = append(all, x.GetValue())
		}
	}
	return all
}

func first(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return all[0]
}
