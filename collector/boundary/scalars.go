package boundary

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Ref names another document.
type Ref struct {
	At
	Name string
}

func (r *Ref) parse(s string) (string, string) { r.Name = s; return nameProblem(s) }

// Name is the name of a document or of a part of one.
type Name struct {
	At
	Name string
}

func (n *Name) parse(s string) (string, string) { n.Name = s; return nameProblem(s) }

// ID is what a paper calls a part of itself: "C1".
type ID struct {
	At
	Name string
}

func (i *ID) parse(s string) (string, string) {
	i.Name = s
	ok := len(s) <= 63
	for _, c := range []byte(s) {
		ok = ok && ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_')
	}
	if !ok {
		return quote(s) + " is not an id", "write up to 63 letters, digits, and - . _, such as C1"
	}
	return "", ""
}

func nameProblem(s string) (string, string) {
	ok := len(s) <= 63
	for i, c := range []byte(s) {
		letter := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		ok = ok && (letter || (c == '-' || c == '.' || c == '_') && i > 0 && i < len(s)-1)
	}
	if !ok {
		return quote(s) + " is not a name", "write up to 63 of a-z, 0-9, and - . _ between them"
	}
	return "", ""
}

// Prefix is a CIDR block.
type Prefix struct {
	At
	Prefix netip.Prefix
}

func (p *Prefix) parse(s string) (string, string) {
	if a, err := netip.ParseAddr(s); err == nil {
		return quote(s) + " has no prefix length", fmt.Sprintf("write %s/%d for this address alone", a, a.BitLen())
	}
	pre, err := netip.ParsePrefix(s)
	if err != nil {
		return quote(s) + " is not a CIDR block", "write an address and a prefix length, such as 10.20.4.0/24"
	}
	if pre.Addr().Is4In6() {
		return quote(s) + " is an IPv4 block written as IPv6", "write it as IPv4"
	}
	if pre != pre.Masked() {
		return quote(s) + " has bits set behind its prefix", fmt.Sprintf("write %s for the block or %s/%d for the address", pre.Masked(), pre.Addr(), pre.Addr().BitLen())
	}
	p.Prefix = pre
	return "", ""
}

// Block is a CIDR block or one address.
type Block struct{ Prefix }

func (b *Block) parse(s string) (string, string) {
	if a, err := netip.ParseAddr(s); err == nil && !a.Is4In6() && a.Zone() == "" {
		b.Prefix.Prefix = netip.PrefixFrom(a, a.BitLen())
		return "", ""
	}
	return b.Prefix.parse(s)
}

// Address is an IP address.
type Address struct {
	At
	Addr netip.Addr
}

func (a *Address) parse(s string) (string, string) {
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" {
		return quote(s) + " is not an IP address", "write one address such as 10.50.1.5, without prefix length"
	}
	a.Addr = addr.Unmap()
	return "", ""
}

// MAC is a whole hardware address, lower case with colons.
type MAC struct {
	At
	MAC string
}

func (m *MAC) parse(s string) (string, string) {
	hw, err := net.ParseMAC(s)
	if err != nil || len(hw) != 6 {
		return quote(s) + " is not a whole MAC address", `write six bytes such as "00:0e:8c:12:34:56"`
	}
	if hw[0]&1 != 0 {
		return quote(s) + " is a group address", "write the address of one device"
	}
	m.MAC = hw.String()
	return "", ""
}

// VLAN is a VLAN identifier, 1 to 4094 (IEEE 802.1Q).
type VLAN struct {
	At
	ID uint32
}

func (v *VLAN) parse(s string) (string, string) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n < 1 || n > 4094 {
		return quote(s) + " is not a VLAN", "write a number from 1 to 4094"
	}
	v.ID = uint32(n)
	return "", ""
}

// Date is an instant. A day without a time of day is its first instant in UTC.
type Date struct {
	At
	Time time.Time
	Day  bool // written without a time of day
}

func (d *Date) parse(s string) (string, string) {
	for i, layout := range []string{time.DateOnly, time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			d.Time, d.Day = t.UTC(), i == 0
			return "", ""
		}
	}
	return quote(s) + " is not a date", "write 2026-02-01, or 2026-02-01T08:00-05:00 with a time of day"
}

// ParseDate reads a date as documents write it.
func ParseDate(s string) (Date, error) {
	var d Date
	if what, cure := d.parse(s); what != "" {
		return Date{}, errors.New(what + ": " + cure)
	}
	return d, nil
}

// day is the date as it is told.
func (d Date) day() string { return d.Time.Format(time.DateOnly) }

// End is the first instant after the date: a day counts whole.
func (d Date) End() time.Time {
	if d.Day {
		return d.Time.AddDate(0, 0, 1)
	}
	return d.Time
}

// Period is a length of time: "90s", "15m", "8h", "30d".
type Period struct {
	At
	Duration time.Duration
}

const maxPeriodDays = 36500

func (p *Period) parse(s string) (string, string) {
	bad := func() (string, string) {
		return quote(s) + " is not a length of time", "write a number and s, m, h or d, such as 30d"
	}
	if s == "" {
		return bad()
	}
	unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[s[len(s)-1]]
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 32)
	if unit == 0 || err != nil || n == 0 || n > uint64(maxPeriodDays*24*time.Hour/unit) {
		return bad()
	}
	p.Duration = time.Duration(n) * unit
	return "", ""
}

// String is as documents write it, in the largest unit of which it is a whole
// number.
func (p Period) String() string {
	for _, u := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if p.Duration%u.of == 0 {
			return strconv.Itoa(int(p.Duration/u.of)) + u.name
		}
	}
	return p.Duration.String()
}

// Use says how often an agreement is meant to be used.
type Use struct {
	At
	Mode  string        // continuous, every, on-demand, standby
	Every time.Duration // of mode every
}

func (u *Use) parse(s string) (string, string) {
	if every, ok := strings.CutPrefix(s, "every "); ok {
		var p Period
		if what, cure := p.parse(every); what != "" {
			return what, cure
		}
		u.Mode, u.Every = "every", p.Duration
		return "", ""
	}
	if s != "continuous" && s != "on-demand" && s != "standby" {
		return quote(s) + " is not allowed", "write one of continuous, every 30d, on-demand, standby"
	}
	u.Mode = s
	return "", ""
}

// Clock is a time of day in minutes after midnight, 0 to 1440.
type Clock struct {
	At
	Minute int
	Set    bool
}

func (c *Clock) parse(s string) (string, string) {
	h, m, ok := strings.Cut(s, ":")
	hour, err1 := strconv.ParseUint(h, 10, 8)
	minute, err2 := strconv.ParseUint(m, 10, 8)
	c.Minute, c.Set = int(hour*60+minute), true
	if !ok || len(h) != 2 || len(m) != 2 || err1 != nil || err2 != nil || minute > 59 || c.Minute > 24*60 {
		return quote(s) + " is not a time of day", `write it as "22:00", from "00:00" to "24:00"`
	}
	return "", ""
}

// Level is a Purdue level in tenths: 35 is level 3.5.
type Level struct {
	At
	Tenths int
}

func (l *Level) parse(s string) (string, string) {
	for i, name := range []string{"0", "1", "2", "3", "4", "5"} {
		if s == name {
			l.Tenths = 10 * i
			return "", ""
		}
	}
	if s == "3.5" {
		l.Tenths = 35
		return "", ""
	}
	return quote(s) + " is not a Purdue level", "write 0, 1, 2, 3, 3.5, 4 or 5"
}

// SecurityLevel is a security level of IEC 62443-3-3, 0 to 4.
type SecurityLevel struct {
	At
	Level int
}

func (l *SecurityLevel) parse(s string) (string, string) {
	if len(s) != 1 || s[0] < '0' || s[0] > '4' {
		return quote(s) + " is not a security level", "write 0 to 4 (IEC 62443-3-3)"
	}
	l.Level = int(s[0] - '0')
	return "", ""
}

// AppID is an APPID of GOOSE or sampled values (IEC 61850-8-1, -9-2).
type AppID struct {
	At
	ID uint16
}

func (a *AppID) parse(s string) (string, string) {
	n, err := strconv.ParseUint(s, 0, 16)
	if err != nil {
		return quote(s) + " is not an APPID", "write 0x0000 to 0xffff"
	}
	a.ID = uint16(n)
	return "", ""
}

// PortRange is one or more server ports.
type PortRange struct {
	At
	First, Last uint16
}

func (r *PortRange) parse(s string) (string, string) {
	first, last, ranged := strings.Cut(s, "-")
	if !ranged {
		last = first
	}
	a, err1 := strconv.ParseUint(first, 10, 16)
	b, err2 := strconv.ParseUint(last, 10, 16)
	if err1 != nil || err2 != nil || a == 0 || a > b {
		return quote(s) + " is not a port", `write 1 to 65535, a range such as "49152-65535", or ports: any`
	}
	r.First, r.Last = uint16(a), uint16(b)
	return "", ""
}

// Ports are the server ports of a service: a list, or the word any.
type Ports struct {
	At
	Any    bool
	Ranges []PortRange
}

func (p *Ports) decode(d *decoder, n ast.Node, key string) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		text, ok := d.text(n, key)
		if p.Any = text == "any"; ok && !p.Any {
			d.problem(d.at(n), key+": "+quote(text)+" is neither a list nor any", "write ports: [4840] or ports: any")
		}
		return
	}
	for _, one := range seq.Values {
		text, ok := d.text(one, key)
		if !ok {
			continue
		}
		if text == "any" {
			p.Any = true
			continue
		}
		r := PortRange{At: d.at(one)}
		if what, cure := r.parse(text); what != "" {
			d.problem(r.At, key+": "+what, cure)
		}
		p.Ranges = append(p.Ranges, r)
	}
	if p.Any && len(p.Ranges) > 0 {
		d.problem(p.At, key+": any beside other ports", "write any alone, or the ports alone")
	}
	if len(seq.Values) == 0 {
		d.problem(p.At, key+" is an empty list", "write the ports, or ports: any")
	}
}

// Holds reports whether port is one of p; any holds every port.
func (p Ports) Holds(port uint32) bool {
	for _, r := range p.Ranges {
		if uint32(r.First) <= port && port <= uint32(r.Last) {
			return true
		}
	}
	return p.Any
}

func (p Ports) String() string {
	if p.Any {
		return "any port"
	}
	var s []string
	for _, r := range p.Ranges {
		if r.First == r.Last {
			s = append(s, strconv.Itoa(int(r.First)))
		} else {
			s = append(s, fmt.Sprintf("%d-%d", r.First, r.Last))
		}
	}
	return "port " + strings.Join(s, ", ")
}

// Protection is what a service's content must be protected by: a mode, a
// lowest TLS version, or neither.
type Protection struct {
	At
	Mode string // none, sign, sign-and-encrypt
	TLS  string // "1.2"
}

func (p *Protection) decode(d *decoder, n ast.Node, key string) {
	if _, ok := n.(ast.ScalarNode); ok {
		d.value(n, reflect.ValueOf(&p.Mode).Elem(), key, "none sign sign-and-encrypt")
		return
	}
	pairs, _ := d.pairs(n, key)
	for _, pair := range pairs {
		if name := keyName(pair); name != "tls" {
			d.problem(d.at(pair), key+" has no key "+quote(name), `write sign, sign-and-encrypt, none or {tls: "1.2"}`)
			continue
		}
		d.value(pair.Value, reflect.ValueOf(&p.TLS).Elem(), "tls", "1.0 1.1 1.2 1.3")
	}
}
