package sheet

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"demarc/collector/boundary"
)

// text puts a cell into a field as it is, control characters taken out, and the
// apostrophe by which exports keep a spreadsheet from taking text for a formula.
func text(to func(*boundary.Row) *string) func(*boundary.Row, string) error {
	return func(r *boundary.Row, cell string) error {
		cell = strings.Join(strings.FieldsFunc(cell, func(c rune) bool { return unicode.IsControl(c) || !unicode.IsPrint(c) && !unicode.IsSpace(c) }), " ")
		cell = strings.TrimSpace(strings.ToValidUTF8(cell, "?"))
		if len(cell) > 1 && cell[0] == '\'' && strings.IndexByte("=+-@", cell[1]) >= 0 {
			cell = cell[1:]
		}
		*to(r) = cell
		return nil
	}
}

// several cuts a cell that lists more than one value.
func several(cell string) []string {
	return strings.FieldsFunc(cell, func(c rune) bool { return c == ',' || c == ';' || c == '|' || unicode.IsSpace(c) })
}

func macs(r *boundary.Row, cell string) error {
	for _, s := range several(cell) {
		m, err := boundary.ParseMAC(s)
		if err != nil {
			return err
		}
		r.MACs = append(r.MACs, m)
	}
	return nil
}

func ips(r *boundary.Row, cell string) error {
	for _, s := range several(cell) {
		a, err := boundary.ParseAddress(s)
		if err != nil {
			return err
		}
		r.IPs = append(r.IPs, a)
	}
	return nil
}

// protocol takes the name of a protocol: "OPC UA" is opcua, and what no protocol
// is called is refused rather than never matched.
func protocol(r *boundary.Row, cell string) error {
	name, err := boundary.ParseProtocol(cell)
	r.Protocol = name
	return err
}

// ports takes "4840", "TCP/4840", "80, 443", "49152-65535" and "any".
func ports(r *boundary.Row, cell string) error {
	if strings.EqualFold(cell, "any") || strings.EqualFold(cell, "all") {
		r.Ports.Any = true
		return nil
	}
	for _, s := range several(cell) {
		if transport, port, cut := strings.Cut(s, "/"); cut {
			if _, err := strconv.Atoi(transport); err == nil {
				s = transport // "4840/tcp"
			} else {
				s = port
			}
		}
		if strings.EqualFold(s, "tcp") || strings.EqualFold(s, "udp") {
			continue
		}
		p, err := boundary.ParsePorts(s)
		if err != nil {
			return fmt.Errorf("%w", err)
		}
		r.Ports.Ranges = append(r.Ports.Ranges, p)
	}
	return nil
}

func boundaryName(to func(*boundary.Row) *string) func(*boundary.Row, string) error {
	return func(r *boundary.Row, cell string) error {
		*to(r) = strings.ToLower(strings.TrimSpace(cell))
		return boundary.CheckName(*to(r))
	}
}
