package propose

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	demarcv1 "demarc/proto/demarc/v1"
)

// purposes are what many use from one place, by protocol. Directory members
// speak more protocols with the same server: those follow it.
var purposes = map[string]string{
	"dns": "dns", "ntp": "time", "ptp": "time", "kerberos": "directory", "ldap": "directory", "radius": "sign-in", "tacacs": "sign-in",
	"syslog": "syslog", "dhcp": "dhcp", "rsync": "backup", "ndmp": "backup",
}

// follows are protocols that go with a directory where the same server offers
// both.
var follows = []string{"smb", "dcerpc"}

var purposeWords = map[string]string{
	"dns": "Name resolution", "time": "Time", "directory": "Directory and sign-in of domain members", "sign-in": "Sign-in to devices",
	"syslog": "Collection of logs", "dhcp": "Address assignment", "backup": "Backup",
}

// fan is what is used from one boundary for one purpose.
type fan struct{ provider, purpose string }

// fewConsumers is how many devices elsewhere make a service a shared one; two
// boundaries do, too.
const fewConsumers = 3

// shared drafts a SharedService for what several use from one place, and takes
// its flows out of the rest.
func (d *draft) shared() {
	offers := map[string]map[string]bool{} // purposes of a server
	server := func(f *flow) string { return f.server + " " + f.serverAddress.String() }
	for _, f := range d.flow {
		if p := purposes[f.GetConnection().GetProtocol()]; p != "" && identified(f) {
			if offers[server(f)] == nil {
				offers[server(f)] = map[string]bool{}
			}
			offers[server(f)][p] = true
		}
	}
	fans := map[fan][]*flow{}
	for _, f := range d.flow {
		p := f.GetConnection().GetProtocol()
		purpose := purposes[p]
		if slices.Contains(follows, p) && offers[server(f)]["directory"] {
			purpose = "directory"
		}
		if purpose != "" && identified(f) {
			k := fan{f.server, purpose}
			fans[k] = append(fans[k], f)
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(fans), func(a, b fan) int {
		return cmp.Or(strings.Compare(a.provider, b.provider), strings.Compare(a.purpose, b.purpose))
	}) {
		d.sharedService(k, fans[k])
	}
}

func (d *draft) sharedService(k fan, all []*flow) {
	consumers := map[string]map[netip.Addr]bool{}
	providers := map[netip.Addr]string{}
	devices, seen := map[netip.Addr]bool{}, span{}
	for _, f := range all {
		if consumers[f.client] == nil {
			consumers[f.client] = map[netip.Addr]bool{}
		}
		consumers[f.client][f.clientAddress] = true
		providers[f.serverAddress] = f.serverWords
		devices[f.clientAddress] = true
		seen.add(f.GetConnection().GetFirstSeen(), f.GetConnection().GetLastSeen())
	}
	if len(consumers) < 2 && len(devices) < fewConsumers {
		return
	}
	for _, f := range all {
		f.used = true
	}
	names := slices.Sorted(maps.Keys(consumers))
	out := &demarcv1.Candidate{Kind: SharedService, Name: d.name(SharedService, k.provider, k.purpose), Connections: uint32(len(all)), Devices: uint32(len(devices) + len(providers))}
	var counts []string
	for _, n := range names {
		counts = append(counts, fmt.Sprintf("%d of %s", len(consumers[n]), n))
	}
	out.Evidence = []string{
		fmt.Sprintf("used by %s (%s), %s, %s", of(len(devices), "device"), strings.Join(counts, ", "), of(len(all), "connection"), seen.words()),
		"provided by " + some(sortedWords(providers)),
	}
	if len(providers) > 4 {
		out.Doubts = append(out.Doubts, fmt.Sprintf("%d providers: not all of them may be meant to be", len(providers)))
	}
	var addresses []string
	for _, a := range slices.SortedFunc(maps.Keys(providers), netip.Addr.Compare) {
		addresses = append(addresses, a.String())
	}
	t := &text{}
	t.head(out)
	t.line("apiVersion: demarc/v1", "kind: SharedService", "metadata: {name: "+out.GetName()+"}", "spec:")
	t.line("  purpose: "+quoted("TODO: "+purposeWords[k.purpose]), "  # owner: {name: TODO, contact: TODO}")
	t.line("  provider: {boundary: " + k.provider + ", addresses: [" + quotedList(addresses) + "]}   # under: TODO, the authorization that lends it")
	t.line("  consumers: ["+strings.Join(names, ", ")+"]", "  services:")
	t.line(servicesOf(all).lines(false)...)
	t.line("  # sides: TODO, each boundary's official decides on its own")
	out.Text = t.String()
	d.add(out, seen)
}

func quotedList(all []string) string {
	words := make([]string, len(all))
	for i, s := range all {
		words[i] = quoted(s)
	}
	return strings.Join(words, ", ")
}
