package boundary

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"demarc/internal/ot"
)

// RowKeys says by what a row of a list is known.
func RowKeys(list string) string { return rowKeys[list] }

// Identifies reports whether r says which thing of a list it is.
func (r *Row) Identifies(list string) bool { return r.names(list) }

// ParseMAC reads a hardware address as a list writes it.
func ParseMAC(s string) (MAC, error) {
	plain := strings.Map(func(c rune) rune {
		if strings.ContainsRune(":-. ", c) {
			return -1
		}
		return c
	}, s)
	if len(plain) == 12 {
		var b []string
		for i := 0; i < 12; i += 2 {
			b = append(b, plain[i:i+2])
		}
		s = strings.Join(b, ":")
	}
	var m MAC
	err := told(m.parse(s))
	return m, err
}

// ParseAddress reads an IP address; a prefix length behind it says no more.
func ParseAddress(s string) (Address, error) {
	s, _, _ = strings.Cut(s, "/")
	var a Address
	err := told(a.parse(s))
	return a, err
}

// ParsePorts reads a port or a range.
func ParsePorts(s string) (PortRange, error) {
	var p PortRange
	err := told(p.parse(s))
	return p, err
}

// CheckName refuses what is not the name of a document.
func CheckName(s string) error { return told(nameProblem(s)) }

// ParseProtocol finds the protocol that a list means: "OPC UA", "Modbus/TCP".
func ParseProtocol(s string) (string, error) {
	fold := func(s string) string {
		return strings.NewReplacer(" ", "", "-", "", "/", "", "_", "", ".", "").Replace(strings.ToLower(s))
	}
	name := fold(s)
	if alias := protocolAliases[name]; alias != "" {
		return alias, nil
	}
	for _, p := range ot.Protocols() {
		if fold(p) == name || fold(p)+"tcp" == name || fold(p)+"ip" == name {
			return p, nil
		}
	}
	return "", errors.New(quote(s) + " is no protocol that Demarc names; " + unknown(name, ot.Protocols()))
}

// protocolAliases are names that lists use for what the vocabulary calls otherwise.
var protocolAliases = map[string]string{
	"https": "tls", "ssl": "tls", "ethernetip": "enip", "iec608705101": "iec101", "iec608705103": "iec103", "iec608705104": "iec104", "iec61850mms": "mms", "mssql": "tds", "sqlserver": "tds", "oracle": "tns",
	"postgres": "postgresql", "s7": "s7comm", "profinet": "profinet-io", "activedirectory": "ldap", "ldaps": "ldap", "cifs": "smb", "rpc": "dcerpc", "msrpc": "dcerpc", "sftp": "ssh",
}

func told(what, cure string) error {
	if what == "" {
		return nil
	}
	return errors.New(what + ": " + cure)
}

// Text writes v as the document that apply reads.
func (v *Inventory) Text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "apiVersion: demarc/v1\nkind: Inventory\nmetadata: {name: %s}\nspec:\n  list: %s\n", v.Name, v.List)
	for _, f := range []struct{ key, value string }{
		{"boundary", v.Boundary.Name}, {"source", v.Source}, {"asOf", dateText(v.AsOf)}, {"approvedBy", v.ApprovedBy}, {"file", v.File},
	} {
		if f.value != "" {
			fmt.Fprintf(&b, "  %s: %s\n", f.key, quoted(f.value))
		}
	}
	b.WriteString("  rows:\n")
	for i := range v.Rows {
		b.WriteString("    - {" + strings.Join(v.Rows[i].pairs(), ", ") + "}\n")
	}
	return b.Bytes()
}

func dateText(d Date) string {
	if d.Time.IsZero() {
		return ""
	}
	return d.day()
}

// quoted writes text as a double-quoted scalar, which is JSON's form of it.
func quoted(s string) string {
	text, err := json.Marshal(strings.ToValidUTF8(s, "?"))
	if err != nil {
		panic("boundary: " + err.Error()) // a string always marshals
	}
	return string(text)
}

// pairs are the keys of a row that say something.
func (r *Row) pairs() []string {
	var all []string
	for _, f := range []struct{ key, value string }{
		{"name", r.Name},
		{"vendor", r.Vendor},
		{"model", r.Model},
		{"serial", r.Serial},
		{"firmware", r.Firmware},
		{"version", r.Version},
		{"location", r.Location},
		{"owner", r.Owner},
		{"protocol", r.Protocol},
		{"from", r.From},
		{"to", r.To},
	} {
		if f.value != "" {
			all = append(all, f.key+": "+quoted(f.value))
		}
	}
	var macs, ips, ports []string
	for _, m := range r.MACs {
		macs = append(macs, quoted(m.MAC))
	}
	for _, a := range r.IPs {
		ips = append(ips, quoted(a.Addr.String()))
	}
	for _, p := range r.Ports.Ranges {
		text := strconv.Itoa(int(p.First))
		if p.Last != p.First {
			text = quoted(text + "-" + strconv.Itoa(int(p.Last)))
		}
		ports = append(ports, text)
	}
	for _, l := range []struct {
		key    string
		values []string
	}{{"macs", macs}, {"ips", ips}, {"ports", ports}} {
		if len(l.values) > 0 {
			all = append(all, l.key+": ["+strings.Join(slices.Compact(l.values), ", ")+"]")
		}
	}
	if r.Ports.Any {
		all = append(all, "ports: any")
	}
	return all
}

// ReadInventory reads one document of kind Inventory by itself; the error is
// Problems. References are not looked up.
func ReadInventory(f File) (*Inventory, error) {
	nodes, parts, problems := documentsOf(f)
	docs := &Documents{}
	for i, n := range nodes {
		d := &decoder{file: f.Path, line: parts[i].line}
		d.document(n, docs)
		problems = append(problems, d.problems...)
	}
	if len(problems) > 0 {
		return nil, sorted(problems)
	}
	if len(docs.Inventories) != 1 {
		return nil, fmt.Errorf("%s: %d inventories where one belongs", f.Path, len(docs.Inventories))
	}
	return docs.Inventories[0], nil
}
