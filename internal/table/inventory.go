package table

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/internal/ot"

	demarcv1 "demarc/proto/demarc/v1"
)

// Inventory prints captures, assets, connections and losses in width cells
// (0: no limit).
func Inventory(w io.Writer, inv *demarcv1.Inventory, width int) error {
	p := printer{w: w, width: width}
	for _, c := range inv.GetCaptures() {
		p.line(captureLine(c))
	}
	p.section("ASSETS", assetTable(inv.GetAssets()), "No asset: no device that can be named sent a frame.")
	p.section("CONNECTIONS", connectionTable(inv.GetConnections()), "No connection.")
	if s := legend(inv); s != "" {
		p.line(s)
	}
	if len(inv.GetLosses()) > 0 {
		p.section("LOSSES: not seen, or not kept", lossTable(inv.GetLosses()), "")
	}
	return p.err
}

// printer stops at the first error.
type printer struct {
	w     io.Writer
	width int
	any   bool
	err   error
}

func (p *printer) line(s string) {
	if p.err == nil {
		if p.width > 0 {
			s = cut(s, p.width)
		}
		_, p.err = fmt.Fprintln(p.w, s)
		p.any = true
	}
}

// section prints a title with the number of rows, and a sentence when there is
// none.
func (p *printer) section(title string, t Table, empty string) {
	if p.any {
		p.line("")
	}
	if len(t.Rows) == 0 {
		p.line(empty)
		return
	}
	name, rest, _ := strings.Cut(title, ":")
	if rest != "" {
		rest = ":" + rest
	}
	p.line(fmt.Sprintf("%s (%d)%s", name, len(t.Rows), rest))
	if p.err == nil {
		p.err = t.Write(p.w, p.width)
	}
}

func captureLine(c *demarcv1.Capture) string {
	s := fmt.Sprintf("%s: %s, %s", plain(c.GetFile()), count(c.GetPackets(), "packet"), Size(c.GetBytes()))
	if c.FirstSeen == nil {
		return s
	}
	first, last := c.FirstSeen.AsTime(), c.LastSeen.AsTime()
	return fmt.Sprintf("%s, %s, %s", s, first.Format("2006-01-02 15:04:05 UTC"), span(last.Sub(first)))
}

func assetTable(assets []*demarcv1.Asset) Table {
	t := Table{Head: []string{"ADDRESS", "MAC", "NAME", "DEVICE", "ROLE", "LEVEL", "PROTOCOLS", "VLAN"}}
	under := map[string]bool{}
	for _, a := range assets {
		under[a.GetId()] = true
		address := address(a)
		if a.GetParent() != "" && under[a.GetParent()] {
			address = "  └ " + first(a.GetNames())
		}
		t.Rows = append(t.Rows, []string{address, mac(a), strings.Join(ownNames(a), ", "), device(a), roles(a), level(a), protocols(a), vlans(a.GetVlans())})
	}
	return t
}

// address is the smallest IP and how many more there are, or the MAC.
func address(a *demarcv1.Asset) string {
	ips := a.GetIps()
	if len(ips) == 0 {
		return first(a.GetMacs())
	}
	return ips[0] + more(len(ips)-1)
}

func mac(a *demarcv1.Asset) string {
	if len(a.GetIps()) == 0 {
		return ""
	}
	return first(a.GetMacs()) + more(len(a.GetMacs())-1)
}

func more(n int) string {
	if n < 1 {
		return ""
	}
	return " +" + strconv.Itoa(n)
}

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

// ownNames leaves out the path that stands for a part's name.
func ownNames(a *demarcv1.Asset) []string {
	if a.GetKind() == "part" {
		return nil
	}
	return a.GetNames()
}

// device is vendor, product, model and firmware, each word once; a question
// mark stands behind a vendor that the MAC prefix alone names.
func device(a *demarcv1.Asset) string {
	var s string
	for i, x := range [...]string{a.GetVendor(), a.GetProduct(), a.GetModel()} {
		x = strings.TrimSpace(x)
		if x == "" || strings.Contains(strings.ToLower(s), strings.ToLower(x)) {
			continue
		}
		s += " " + x
		if i == 0 && vendorHinted(a) {
			s += "?"
		}
	}
	if f := strings.TrimSpace(a.GetFirmware()); f != "" {
		s += " " + f
	}
	if s == "" {
		s = a.GetOs()
	}
	return strings.TrimSpace(s)
}

func vendorHinted(a *demarcv1.Asset) bool {
	hinted := false
	for _, f := range a.GetFacts() {
		if f.GetAttribute() == string(ot.Vendor) && f.GetValue() == a.GetVendor() {
			if doubt(f.GetGrade()) == "" {
				return false
			}
			hinted = true
		}
	}
	return hinted
}

// roles lists names, the best founded first; a question mark stands behind
// what is only hinted at.
func roles(a *demarcv1.Asset) string {
	var out []string
	for _, r := range a.GetRoles() {
		out = append(out, r.GetRole()+doubt(r.GetGrade()))
	}
	return strings.Join(out, ", ")
}

func doubt(grade string) string {
	if ot.ParseGrade(grade) <= ot.Hint {
		return "?"
	}
	return ""
}

func level(a *demarcv1.Asset) string {
	if a.Level == nil {
		return ""
	}
	return strconv.Itoa(int(a.GetLevel()))
}

// protocols lists what a serves, then what it uses.
func protocols(a *demarcv1.Asset) string {
	by := map[string][]string{}
	for _, p := range a.GetProtocols() {
		if p.GetName() == "arp" { // everyone does
			continue
		}
		by[p.GetAs()] = append(by[p.GetAs()], p.GetName())
	}
	var out []string
	for _, as := range [...]struct{ as, word string }{{"server", "serves "}, {"client", "uses "}, {"peer", "speaks "}} {
		if names := by[as.as]; len(names) > 0 {
			out = append(out, as.word+strings.Join(names, " "))
		}
	}
	return strings.Join(out, "; ")
}

func vlans(v []uint32) string {
	out := make([]string, len(v))
	for i, x := range v {
		out[i] = strconv.Itoa(int(x))
	}
	return strings.Join(out, " ")
}

func connectionTable(all []*demarcv1.Connection) Table {
	t := Table{
		Head:  []string{"CLIENT", "", "SERVER", "PORT", "PROTOCOL", "OPERATIONS", "SECURITY", "OUTCOME", "PACKETS", "BYTES"},
		Right: []bool{8: true, 9: true},
	}
	for _, c := range all {
		arrow := "->"
		if b := ot.ParseBasis(c.GetDirectionBasis()); b == ot.BasisUnknown {
			arrow = "--"
		} else if b == ot.BasisPort {
			arrow = "->?"
		}
		t.Rows = append(t.Rows, []string{
			c.GetClient(), arrow, c.GetServer(), port(c), protocol(c), operations(c), security(c), c.GetOutcome(),
			strconv.FormatUint(c.GetClientPackets()+c.GetServerPackets(), 10), Size(c.GetClientBytes() + c.GetServerBytes()),
		})
	}
	return t
}

// legend explains the signs that occur.
func legend(inv *demarcv1.Inventory) string {
	var hinted, undirected bool
	for _, c := range inv.GetConnections() {
		b := ot.ParseBasis(c.GetDirectionBasis())
		hinted = hinted || b == ot.BasisPort || strings.HasSuffix(protocol(c), "?")
		undirected = undirected || b == ot.BasisUnknown
	}
	for _, a := range inv.GetAssets() {
		hinted = hinted || strings.Contains(roles(a), "?") || vendorHinted(a)
	}
	var s []string
	if hinted {
		s = append(s, "? only a hint")
	}
	if undirected {
		s = append(s, "-- direction not known")
	}
	return strings.Join(s, "; ")
}

func port(c *demarcv1.Connection) string {
	switch t := c.GetTransport(); {
	case t == "ethernet":
		return fmt.Sprintf("eth 0x%04x", c.GetPort())
	case t == "tcp" || t == "udp" || t == "sctp":
		if c.GetPort() == 0 {
			return t + " any"
		}
		return t + " " + strconv.Itoa(int(c.GetPort()))
	default:
		return t
	}
}

func protocol(c *demarcv1.Connection) string {
	if p := c.GetProtocol(); p != "" && p != "unknown" {
		return p + doubt(c.GetGrade())
	}
	return ""
}

// operations lists counts in the order of the vocabulary.
func operations(c *demarcv1.Connection) string {
	var out []string
	for _, name := range ot.OperationNames() {
		if n := c.GetOperations()[name]; n > 0 {
			out = append(out, name+" "+strconv.FormatUint(n, 10))
		}
	}
	return strings.Join(out, " ")
}

func security(c *demarcv1.Connection) string {
	s := []string{c.GetSecurity()}
	if f := c.GetSecurityFacts(); f != nil {
		if f.GetTls() != "" {
			s = append(s, "TLS "+f.GetTls())
		}
		s = append(s, f.GetPolicy(), f.GetServerName())
	}
	return strings.Join(slices.DeleteFunc(s, func(x string) bool { return x == "" }), " ")
}

func lossTable(all []*demarcv1.Loss) Table {
	t := Table{Head: []string{"WHEN", "REASON", "SEGMENT", "COUNT", "DETAIL"}, Right: []bool{3: true}}
	for _, l := range all {
		when := ""
		if l.From != nil {
			when = l.From.AsTime().Format("2006-01-02 15:04:05")
		}
		t.Rows = append(t.Rows, []string{when, l.GetReason(), l.GetSegment(), strconv.FormatUint(l.GetCount(), 10), l.GetDetail()})
	}
	return t
}

func count(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.FormatUint(n, 10) + " " + noun + "s"
}

// Size is bytes in decimal units, two or three digits.
func Size(n uint64) string {
	if n < 1000 {
		return strconv.FormatUint(n, 10) + " B"
	}
	f, unit := float64(n), 0
	for f >= 999.5 && unit < 5 {
		f /= 1000
		unit++
	}
	digits := 0
	if f < 9.95 {
		digits = 1
	}
	return strconv.FormatFloat(f, 'f', digits, 64) + " " + string(" kMGTP"[unit]) + "B"
}

// span is a duration to three digits or so.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	case d < 48*time.Hour:
		return d.Round(time.Second).String()
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
