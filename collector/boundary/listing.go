package boundary

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"demarc/collector/inventory"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// Device is what is known of a device by which a hardware list may name it.
type Device struct {
	Serials []string // from messages of identity
	MACs    []string
	Names   []string
	Addrs   []Placed
}

// Placed is an address of a device, and the boundary that it stands in.
type Placed struct {
	Addr     netip.Addr
	Boundary string
}

// Listing is a hardware list, ready to be asked.
type Listing struct {
	Document string // "Inventory/line4-hw"
	Rows     []Row
	by       [4]map[string][]int // serial, MAC, IP, name -> rows, in their order
}

// The keys of a row, the surest first.
const (
	onSerial = iota
	onMAC
	onIP
	onName
)

var keyWords = [...]string{"serial", "mac", "ip", "name"}

// NewListing makes a hardware list ready to be asked.
func NewListing(v *Inventory) *Listing {
	l := &Listing{Document: v.Meta.String(), Rows: v.Rows}
	for key := range l.by {
		l.by[key] = make(map[string][]int)
	}
	for i := range v.Rows {
		for key, values := range v.Rows[i].device().keys() {
			for _, s := range values {
				l.by[key][s] = append(l.by[key][s], i)
			}
		}
	}
	return l
}

// device is what a row says of its device.
func (r *Row) device() Device {
	d := Device{}
	if r.Serial != "" {
		d.Serials = []string{r.Serial}
	}
	if r.Name != "" {
		d.Names = []string{r.Name}
	}
	for _, m := range r.MACs {
		d.MACs = append(d.MACs, m.MAC)
	}
	for _, a := range r.IPs {
		d.Addrs = append(d.Addrs, Placed{Addr: a.Addr})
	}
	return d
}

// keys are the values of each key in the form in which they are compared.
func (d Device) keys() [4][]string {
	var k [4][]string
	for _, s := range d.Serials {
		k[onSerial] = append(k[onSerial], plain(s))
	}
	for _, s := range d.MACs {
		k[onMAC] = append(k[onMAC], strings.ToLower(s))
	}
	for _, a := range d.Addrs {
		k[onIP] = append(k[onIP], a.Addr.Unmap().WithZone("").String())
	}
	for _, s := range d.Names {
		k[onName] = append(k[onName], strings.ToLower(s))
	}
	return k
}

// plain takes out of a serial number what people type differently.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -_./", r) {
			return -1
		}
		return r
	}, strings.ToUpper(s))
}

// Match finds the row that names d, by serial, MAC, IP and name in this order,
// and the word of the key that found it; -1 without one. taken, nil for none,
// tells rows that name another device already.
func (l *Listing) Match(d Device, taken func(row int) bool) (row int, key string) {
	for key, values := range d.keys() {
		for _, s := range values {
			for _, i := range l.by[key][s] {
				if taken == nil || !taken(i) {
					return i, keyWords[key]
				}
			}
		}
	}
	return -1, ""
}

// holds says why d is on no row of l; empty when it is on one. An address or a
// name is easily taken: a row that tells more is another device's where that
// differs, and a name counts only where a row tells nothing else.
func (l *Listing) holds(d Device) string {
	have := d.keys()
	why := ""
	for key, values := range have {
		for _, s := range values {
			for _, i := range l.by[key][s] {
				r := &l.Rows[i]
				against := r.against(have, key)
				if against == "" {
					return ""
				}
				if why == "" {
					why = fmt.Sprintf("%s has its %s, %s (%s)", r.words(), keyWords[key], against, r.At)
				}
			}
		}
	}
	if why == "" {
		return "it is on no row of " + l.Document
	}
	return "it is on no row of " + l.Document + ": " + why
}

// against says in what surer key than the one that matched a device differs
// from r.
func (r *Row) against(have [4][]string, matched int) string {
	want := r.device().keys()
	if matched == onName && len(want[onSerial])+len(want[onMAC])+len(want[onIP]) > 0 {
		return "and a name alone says not that it is the same"
	}
	for key := range min(matched, onIP) {
		if len(want[key]) > 0 && len(have[key]) > 0 && !slices.ContainsFunc(want[key], func(s string) bool { return slices.Contains(have[key], s) }) {
			return "but another " + keyWords[key]
		}
	}
	return ""
}

// words name a row.
func (r *Row) words() string {
	switch {
	case r.Name != "":
		return r.Name
	case r.Serial != "":
		return "serial " + r.Serial
	case len(r.MACs) > 0:
		return r.MACs[0].MAC
	case len(r.IPs) > 0:
		return r.IPs[0].Addr.String()
	case r.From != "":
		return r.From + " to " + r.To
	}
	return r.Protocol + " on " + r.Ports.String()
}

// Words name a row: by its name, else by what else it tells.
func (r *Row) Words() string { return r.words() }

func (p *Policy) addListings(d *Documents) {
	for _, v := range d.Inventories {
		if v.List == "hardware" {
			p.lists[v.Name] = NewListing(v)
		}
	}
	for _, b := range d.Boundaries {
		if b.Components != nil && p.lists[b.Components.Inventory.Name] != nil {
			p.listings[b.Name] = p.lists[b.Components.Inventory.Name]
		}
	}
	p.addHardware(d)
}

// Listing returns the hardware list that was authorized for a boundary: its own,
// else that of the nearest boundary that it is a part of. Nil when none is given.
func (p *Policy) Listing(name string) *Listing {
	for i := p.boundaries[name]; i != nil && len(p.listings) > 0; i = p.boundaries[i.Parent] {
		if l := p.listings[i.Name]; l != nil {
			return l
		}
		if i.Isolated {
			break
		}
	}
	return nil
}

// Unlisted says why a device in a boundary stands on no list that was
// authorized for it, or roams where it may not; empty when neither is so. Its
// addresses elsewhere do not count: a number means another device there.
func (p *Policy) Unlisted(name string, d Device) string {
	why, _ := p.UnlistedBy(name, d)
	return why
}

// UnlistedBy is Unlisted with the document that says so.
func (p *Policy) UnlistedBy(name string, d Device) (why, document string) {
	if why, document = p.astray(name, &d); why != "" {
		return why, document
	}
	l := p.Listing(name)
	if l == nil {
		return "", ""
	}
	d.Addrs = slices.DeleteFunc(slices.Clone(d.Addrs), func(a Placed) bool { return p.Listing(a.Boundary) != l })
	return l.holds(d), l.Document
}

// Listed reports whether devices in a boundary are held against a list: its
// hardware, or where those that roam may stand.
func (p *Policy) Listed(name string) bool {
	return name != "" && len(p.roamers) > 0 || p.Listing(name) != nil
}

// DeviceOf is what an asset is known by, its addresses placed by p.
func (p *Policy) DeviceOf(site string, k inventory.Known) Device {
	d := Device{Serials: k.Serials, Names: k.Names, MACs: k.MACs}
	for _, e := range k.Ends {
		if e.Addr.IsValid() {
			d.Addrs = append(d.Addrs, Placed{e.Addr, p.Place(site, e).Boundary})
		}
	}
	return d
}

// DeviceShown is the same of an asset as it is listed.
func DeviceShown(a *demarcv1.Asset) Device {
	d := Device{MACs: a.GetMacs(), Names: a.GetNames()}
	for _, f := range a.GetFacts() {
		if f.GetAttribute() == string(ot.Serial) && f.GetGrade() == ot.Identity.String() {
			d.Serials = append(d.Serials, f.GetValue())
		}
	}
	for _, at := range a.GetPlaces() {
		if addr, err := netip.ParseAddr(at.GetAddress()); err == nil {
			d.Addrs = append(d.Addrs, Placed{addr, at.GetBoundary()})
		}
	}
	return d
}
