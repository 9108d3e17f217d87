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

// maxEnds is how many addresses an end of a draft lists; with more it is the
// whole boundary.
const maxEnds = 16

// way is which way information moves, by what was asked.
type way int

const (
	unseen way = iota
	toClient
	toServer
	both
)

func wayOf(operations map[string]uint64) way {
	w := unseen
	for o, n := range operations {
		switch o {
		case "read", "subscribe", "alarm", "diagnose":
			if n > 0 {
				w |= toClient
			}
		case "write", "control", "program", "firmware", "configure":
			if n > 0 {
				w |= toServer
			}
		}
	}
	return w
}

// pair is what one agreement would be on.
type pair struct {
	client, server string
	way            way
}

// interconnections drafts an agreement for each pair of boundaries, by who opens
// and which way information moves.
func (d *draft) interconnections() {
	by := map[pair][]*flow{}
	ways := map[[3]string]way{} // of a protocol between two boundaries: connections without a word go with the others
	for _, f := range d.flow {
		ways[protocolOf(f)] |= wayOf(f.GetConnection().GetOperations())
	}
	for _, f := range d.flow {
		if !f.used {
			k := pair{f.client, f.server, ways[protocolOf(f)]}
			by[k] = append(by[k], f)
		}
	}
	keys := slices.SortedFunc(maps.Keys(by), func(a, b pair) int {
		return cmp.Or(strings.Compare(a.client, b.client), strings.Compare(a.server, b.server), cmp.Compare(a.way, b.way))
	})
	for _, k := range keys {
		if !slices.ContainsFunc(by[k], identified) {
			d.left["connections between boundaries whose protocol no bytes proved, with nothing that was beside them"] += len(by[k])
			continue
		}
		d.interconnection(k, by[k])
	}
	slices.SortStableFunc(d.out, func(a, b *demarcv1.Candidate) int {
		return cmp.Or(cmp.Compare(rank(a.GetKind()), rank(b.GetKind())), strings.Compare(a.GetName(), b.GetName()))
	})
}

func rank(kind string) int {
	return slices.Index([]string{Site, Boundary, SharedService, Interconnection}, kind)
}

func protocolOf(f *flow) [3]string {
	if !identified(f) {
		return [3]string{f.client, f.server, ""}
	}
	return [3]string{f.client, f.server, f.GetConnection().GetProtocol()}
}

func (d *draft) interconnection(k pair, all []*flow) {
	from, to, initiator := k.client, k.server, "from"
	if k.way == toClient {
		from, to, initiator = k.server, k.client, "to"
	}
	s, seen, sessions := servicesOf(all), span{}, uint64(0)
	clients, servers := map[netip.Addr]string{}, map[netip.Addr]string{}
	doubtful := 0
	for _, f := range all {
		x := f.GetConnection()
		seen.add(x.GetFirstSeen(), x.GetLastSeen())
		sessions += x.GetSessions()
		clients[f.clientAddress], servers[f.serverAddress] = f.clientWords, f.serverWords
		if x.GetDirectionBasis() == "" || x.GetDirectionBasis() == "port" || x.GetDirectionBasis() == "unknown" {
			doubtful++
		}
	}
	protocols := slices.Sorted(maps.Keys(s.counts))
	words := []string{from, "to", to}
	if d.names[Interconnection+"/"+slug(strings.Join(words, "-"))] {
		words = append(words, protocols[0])
	}
	out := &demarcv1.Candidate{Kind: Interconnection, Name: d.name(Interconnection, words...), Connections: uint32(len(all)), Devices: uint32(len(clients) + len(servers))}
	out.Evidence = []string{
		fmt.Sprintf("%s, %s, %s", of(len(all), "connection"), of(int(sessions), "session"), seen.words()),
		fmt.Sprintf("opened by %s (%s: %s) to %s (%s: %s)", k.client, of(len(clients), "address"), some(sortedWords(clients)), k.server, of(len(servers), "address"), some(sortedWords(servers))),
	}
	out.Doubts = d.dangers(k, protocols)
	switch k.way {
	case both:
		out.Doubts = append(out.Doubts, "information moves both ways, by what was asked: from and to say one of them")
	case unseen:
		out.Doubts = append(out.Doubts, "which way information moves was not seen (encrypted, or nothing that says so): from is who opens")
	}
	if doubtful > 0 {
		out.Doubts = append(out.Doubts, fmt.Sprintf("who opens %d of them is known from a port alone or not at all", doubtful))
	}
	if n := sum(s.unidentified); n > 0 {
		out.Doubts = append(out.Doubts, "the protocol of "+of(n, "connection")+" is not identified: such stand as comments")
	}
	if len(clients) > maxEnds || len(servers) > maxEnds {
		out.Doubts = append(out.Doubts, "an end with so many addresses is the whole boundary: name those that need it")
	}
	ends := map[string]string{k.client: cidrs(clients), k.server: cidrs(servers)}
	t := &text{}
	t.head(out)
	t.line("apiVersion: demarc/v1", "kind: Interconnection", "metadata: {name: "+out.GetName()+"}", "spec:")
	t.line("  purpose: " + quoted("TODO: what "+some(protocols)+" between "+from+" and "+to+" is for"))
	t.line("  # owner: {name: TODO, contact: TODO}")
	t.line("  from: {boundary: "+from+ends[from]+"}", "  to: {boundary: "+to+ends[to]+"}")
	if doubtful < len(all) {
		t.line("  initiator: " + initiator)
	} else {
		t.line("  # initiator: " + initiator + "   # from a port alone")
	}
	t.line("  services:")
	t.line(s.lines(true, "")...)
	t.line("  # agreement: {type: TODO, reference: TODO, signed: TODO, expires: TODO}", "  # sides: TODO, each boundary's official decides on its own")
	out.Text = t.String()
	d.add(out, seen)
}

// remote are protocols by which people work on a machine from elsewhere.
var remote = []string{"rdp", "vnc", "ssh", "telnet", "teamviewer", "anydesk"}

// dangers says why a person should ask whether an exchange is to be there at
// all, before agreeing to it.
func (d *draft) dangers(k pair, protocols []string) (all []string) {
	client, server := d.domain(k.client), d.domain(k.server)
	apart := func(a, b string) bool { return a == "ot" && (b == "it" || b == "external") }
	if apart(client, server) || apart(server, client) {
		all = append(all, "it joins "+client+" and "+server+" directly: should it be there at all?")
	}
	if server == "ot" && k.way&toServer != 0 {
		all = append(all, "it changes devices in "+k.server+" from outside: should it be there at all?")
	}
	for _, p := range protocols {
		if slices.Contains(remote, p) && server == "ot" {
			all = append(all, p+" is remote access into "+k.server+": an agreement that opens per window may fit better")
		}
	}
	return all
}

// domain is that of a boundary of the documents, or of a candidate.
func (d *draft) domain(name string) string {
	for _, c := range d.clusters {
		if c.name == name {
			return c.domain
		}
	}
	return d.Policy.Domain(name)
}

func sum(m map[string]int) (n int) {
	for _, x := range m {
		n += x
	}
	return n
}

// sortedWords names addresses in their order.
func sortedWords(m map[netip.Addr]string) (all []string) {
	for _, a := range slices.SortedFunc(maps.Keys(m), netip.Addr.Compare) {
		all = append(all, m[a])
	}
	return all
}

// cidrs are the addresses of an end, "" where there are too many.
func cidrs(m map[netip.Addr]string) string {
	if len(m) > maxEnds {
		return ""
	}
	var all []string
	for _, a := range slices.SortedFunc(maps.Keys(m), netip.Addr.Compare) {
		all = append(all, yamlPrefix(netip.PrefixFrom(a, a.BitLen())))
	}
	return ", cidrs: [" + strings.Join(all, ", ") + "]"
}

// yamlPrefix quotes what has colons.
func yamlPrefix(p netip.Prefix) string {
	if p.Addr().Is6() {
		return quoted(p.String())
	}
	return p.String()
}
