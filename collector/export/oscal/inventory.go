package oscal

import (
	"fmt"
	"net/netip"
	"strings"

	types "github.com/defenseunicorns/go-oscal/src/types/oscal-1-1-3"

	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// item is a device as it was heard, in the properties that OSCAL names; what
// OSCAL has no name for stands in Demarc's namespace.
func (d *document) item(a *demarcv1.Asset) types.InventoryItem {
	role := Role(a)
	i := types.InventoryItem{
		UUID: d.id("asset", a.GetId()), Description: prose(or(Words(a), a.GetId()), "Heard first "+day(a.GetFirstSeen())+" and last "+day(a.GetLastSeen())+before(": ", a.GetPresenceWhy())+"."),
		Props: told(
			property("asset-id", a.GetId()), property("asset-type", role), property("hardware-model", a.GetModel()), property("serial-number", a.GetSerial()),
			property("software-name", a.GetProduct()), property("software-version", a.GetFirmware()), property("os-name", a.GetOs()),
			own("vendor-name", a.GetVendor()), own("hardware-revision", a.GetHardware()), own("segment", a.GetSegment()), own("site", a.GetSite()), own("presence", a.GetPresence()),
		),
		Remarks: prose(a.GetConflicts()...),
	}
	for _, ip := range a.GetIps() {
		name := "ipv4-address"
		if addr, err := netip.ParseAddr(ip); err == nil && addr.Is6() {
			name = "ipv6-address"
		}
		add(&i.Props, property(name, ip))
	}
	for _, mac := range a.GetMacs() {
		add(&i.Props, property("mac-address", mac))
	}
	for _, v := range a.GetVlans() {
		add(&i.Props, property("vlan-id", fmt.Sprint(v)))
	}
	for _, n := range a.GetNames() {
		if strings.Contains(strings.Trim(n, "."), ".") && !strings.ContainsAny(n, " /") {
			add(&i.Props, property("fqdn", n))
		} else {
			add(&i.Props, own("name", n))
		}
	}
	if a.Level != nil {
		add(&i.Props, own("purdue-level", fmt.Sprint(a.GetLevel())))
	}
	for _, x := range a.GetAnnotations() {
		switch x.GetField() {
		case "place":
			add(&i.Props, property("physical-location", x.GetValue()))
		case "owner":
			add(&i.ResponsibleParties, types.ResponsibleParty{RoleId: d.role("asset-owner"), PartyUuids: []string{d.party("person", x.GetValue(), "")}})
		case "name", "criticality", "notes":
			add(&i.Props, own("said-"+x.GetField(), x.GetValue()))
		}
	}
	return i
}

// Role is what an asset does, the surest first: what people said, then what was
// heard; "" where only a hint tells.
func Role(a *demarcv1.Asset) string {
	best, role := -1, ""
	for _, r := range a.GetRoles() {
		if n := grade(r.GetGrade()); r.GetRole() != string(ot.UnknownRole) && n > best {
			best, role = n, r.GetRole()
		}
	}
	return role
}

func grade(g string) int {
	for i, name := range []string{ot.Behaviour.String(), ot.Content.String(), ot.Identity.String(), "person"} {
		if name == g {
			return i
		}
	}
	return -1
}

// Words name a device by what it says that it is.
func Words(a *demarcv1.Asset) string {
	var all []string
	for _, s := range []string{a.GetVendor(), a.GetProduct(), a.GetModel()} {
		if s != "" && (len(all) == 0 || all[len(all)-1] != s) {
			all = append(all, s)
		}
	}
	if role := Role(a); role != "" {
		all = append(all, "("+role+")")
	}
	if len(a.GetNames()) > 0 {
		all = append(all, a.GetNames()[0])
	}
	return strings.Join(all, " ")
}

func number(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
