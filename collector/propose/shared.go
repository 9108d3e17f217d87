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
// speak more protocols with the same server: those follow it. Monitoring turns
// the other way: what polls is the provider, and opens.
var purposes = map[string]string{
	"dns": "dns", "ntp": "time", "ptp": "time", "kerberos": "directory", "ldap": "directory", "radius": "sign-in", "tacacs": "sign-in",
	"syslog": "syslog", "dhcp": "dhcp", "rsync": "backup", "ndmp": "backup", "snmp": "monitoring",
}

// trapPort is where devices tell a monitoring station something by themselves
// (RFC 3417, 3.2); at every other port the station polls them.
const trapPort = 162

// polls reports whether the client is who provides: a monitoring station that
// reads a device.
func (f *flow) polls() bool {
	return f.GetConnection().GetProtocol() == "snmp" && f.GetConnection().GetPort() != trapPort
}

// provider is the boundary and address that offer a service, consumer the other
// end.
func (f *flow) provider() (name, words string, at netip.Addr) {
	if f.polls() {
		return f.client, f.clientWords, f.clientAddress
	}
	return f.server, f.serverWords, f.serverAddress
}

func (f *flow) consumer() (name string, at netip.Addr) {
	if f.polls() {
		return f.server, f.serverAddress
	}
	return f.client, f.clientAddress
}

// follows are protocols that go with a directory where the same server offers
// both.
var follows = []string{"smb", "dcerpc"}

var purposeWords = map[string]string{
	"dns": "Name resolution", "time": "Time", "directory": "Directory and sign-in of domain members", "sign-in": "Sign-in to devices",
	"syslog": "Collection of logs", "dhcp": "Address assignment", "backup": "Backup", "monitoring": "Monitoring of devices",
}

// fan is what is used from one boundary for one purpose; of monitoring, by one
// station.
type fan struct {
	provider, purpose string
	station           netip.Addr
}

// fewConsumers is how many devices elsewhere make a service a shared one; two
// boundaries do, too.
const fewConsumers = 3

// shared drafts a SharedService for what several use from one place, and takes
// its flows out of the rest.
func (d *draft) shared() {
	offers := map[string]map[string]bool{} // purposes of a server
	server := func(f *flow) string {
		name, _, at := f.provider()
		return name + " " + at.String()
	}
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
			name, _, at := f.provider()
			k := fan{provider: name, purpose: purpose}
			if purpose == "monitoring" {
				k.station = at
			}
			fans[k] = append(fans[k], f)
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(fans), func(a, b fan) int {
		return cmp.Or(strings.Compare(a.provider, b.provider), strings.Compare(a.purpose, b.purpose), a.station.Compare(b.station))
	}) {
		d.sharedService(k, fans[k])
	}
}

func (d *draft) sharedService(k fan, all []*flow) {
	consumers := map[string]map[netip.Addr]bool{}
	providers := map[netip.Addr]string{}
	devices, seen := map[netip.Addr]bool{}, span{}
	for _, f := range all {
		name, at := f.consumer()
		if consumers[name] == nil {
			consumers[name] = map[netip.Addr]bool{}
		}
		consumers[name][at], devices[at] = true, true
		_, words, provider := f.provider()
		providers[provider] = words
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
		fmt.Sprintf("%s %s (%s), %s, %s", cmp.Or(map[string]string{"monitoring": "monitors"}[k.purpose], "used by"), of(len(devices), "device"), strings.Join(counts, ", "), of(len(all), "connection"), seen.words()),
		"provided by " + some(sortedWords(providers)),
	}
	if len(providers) > 4 {
		out.Doubts = append(out.Doubts, fmt.Sprintf("%d providers: not all of them may be meant to be", len(providers)))
	}
	if n := writes(all); k.purpose == "monitoring" && n > 0 {
		out.Doubts = append(out.Doubts, fmt.Sprintf("it writes to devices as well, on %s: monitoring reads", of(n, "connection")))
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
	polled := slices.DeleteFunc(slices.Clone(all), func(f *flow) bool { return !f.polls() })
	used := slices.DeleteFunc(slices.Clone(all), (*flow).polls)
	t.line(servicesOf(used).lines(false, "")...)
	t.line(servicesOf(polled).lines(false, ", opens: provider")...)
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

// writes counts the flows on which something was written.
func writes(all []*flow) (n int) {
	for _, f := range all {
		if f.GetConnection().GetOperations()["write"] > 0 {
			n++
		}
	}
	return n
}
