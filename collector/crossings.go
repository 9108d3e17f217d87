package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/internal/table"
	demarcv1 "demarc/proto/demarc/v1"
)

// crossingListings are what `get` lists of how boundaries hang together.
func crossingListings(at *place) []*cobra.Command {
	return []*cobra.Command{crossingsCommand(at), remoteAccessCommand(at), secondPathsCommand(at), agreementsCommand(at), calendarCommand(at)}
}

func crossingsCommand(at *place) *cobra.Command {
	r, matrix := &demarcv1.ListCrossingsRequest{}, false
	c := &cobra.Command{
		Use: "crossings", Short: "List which boundary speaks with which: the matrix of zones",
		Long: "FROM is where clients stand, TO where servers do; none is what stands in no boundary. LIVE counts the connections that\n" +
			"still happen, IN VAIN those that were refused or not answered. --matrix lays the pairs out with a row for each FROM and\n" +
			"a column for each TO: the number of connections, and how many of them are neither authorized nor internal.",
		Example: "  demarc-collector get crossings --matrix\n  demarc-collector get crossings --boundary line4 -o csv\n  demarc-collector get connections --from corporate --to line4",
	}
	c = listCommand(at, c, r, func(conn grpc.ClientConnInterface) ask[*demarcv1.ListCrossingsRequest, *demarcv1.ListCrossingsResponse] {
		return demarcv1.NewPaperServiceClient(conn).ListCrossings
	}, func(a *demarcv1.ListCrossingsResponse) table.Table {
		if matrix {
			return matrixTable(a.GetCrossings())
		}
		return crossingTable(a.GetCrossings())
	})
	f := c.Flags()
	f.StringVar(&r.Boundary, "boundary", "", "only with this boundary on either side")
	f.StringVar(&r.From, "from", "", "only of clients in this boundary")
	f.StringVar(&r.To, "to", "", "only to servers in this boundary")
	f.StringVar(&r.Verdict, "verdict", "", "only pairs with a connection of this verdict")
	f.StringVar(&r.Protocol, "protocol", "", "only pairs that speak this")
	f.BoolVar(&r.Inside, "inside", false, "what stays inside one boundary as well")
	f.BoolVar(&matrix, "matrix", false, "as a matrix, FROM by TO")
	return c
}

func crossingTable(all []*demarcv1.Crossing) table.Table {
	t := table.Table{
		Head:  []string{"FROM", "TO", "DOMAINS", "CONNECTIONS", "LIVE", "IN VAIN", "VERDICTS", "PROTOCOLS", "OPERATIONS", "CLIENTS", "SERVERS", "AGREEMENTS", "FINDINGS", "FIRST SEEN", "LAST SEEN"},
		Right: []bool{3: true, 4: true, 5: true, 9: true, 10: true, 12: true},
	}
	for _, x := range all {
		t.Rows = append(t.Rows, []string{
			x.GetFrom(), x.GetTo(), orDash(x.GetFromDomain()) + " to " + orDash(x.GetToDomain()), count(x.GetConnections()), count(x.GetLive()), some(x.GetInVain()), counted(x.GetVerdicts()), counted(x.GetProtocols()),
			counted(x.GetOperations()), count(x.GetClients()), count(x.GetServers()), documentNames(x.GetAgreements()), some(uint32(len(x.GetFindings()))), moment(x.GetFirstSeen()), moment(x.GetLastSeen()),
		})
	}
	return t
}

// matrixTable lays pairs out.
func matrixTable(all []*demarcv1.Crossing) table.Table {
	var from, to []string
	cells := map[[2]string]string{}
	for _, x := range all {
		from, to = append(from, x.GetFrom()), append(to, x.GetTo())
		bad := x.GetConnections() - x.GetVerdicts()["authorized"] - x.GetVerdicts()["internal"]
		cells[[2]string{x.GetFrom(), x.GetTo()}] = count(x.GetConnections()) + map[bool]string{true: fmt.Sprintf(" (%d)", bad)}[bad > 0]
	}
	slices.Sort(from)
	slices.Sort(to)
	from, to = slices.Compact(from), slices.Compact(to)
	t := table.Table{Head: append([]string{"FROM \\ TO"}, to...)}
	for _, a := range from {
		row := []string{a}
		for _, b := range to {
			row = append(row, cmp.Or(cells[[2]string{a, b}], "."))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// counted writes "3 authorized, 1 unauthorized", the most first.
func counted[N uint32 | uint64](m map[string]N) string {
	names := slices.SortedFunc(maps.Keys(m), func(a, b string) int { return cmp.Or(cmp.Compare(m[b], m[a]), strings.Compare(a, b)) })
	for i, name := range names {
		names[i] = fmt.Sprintf("%d %s", m[name], name)
	}
	return strings.Join(names, ", ")
}

// some is a count, empty for none.
func some(n uint32) string {
	if n == 0 {
		return ""
	}
	return count(n)
}

// documentNames are documents without their kind.
func documentNames(all []string) string {
	names := make([]string, len(all))
	for i, d := range all {
		names[i] = d[strings.IndexByte(d, '/')+1:]
	}
	return strings.Join(names, " ")
}

func remoteAccessCommand(at *place) *cobra.Command {
	r := &demarcv1.ListRemoteAccessRequest{}
	c := &cobra.Command{
		Use: "remote-access", Short: "List who can act from afar on what, and by which way",
		Long: "Interactive sessions (RDP, VNC, SSH, ...), tools and tunnels (TeamViewer, OpenVPN, IPsec, ...) that cross boundaries, by the\n" +
			"boundary and device that is reached. WAY is jump-host where the session comes from one (BEHIND: who came to that),\n" +
			"direct, outbound where the device called out, and asked-for where it asked for the tool by name and no session showed. A\n" +
			"tool with ? is known by its port alone.",
		Example: "  demarc-collector get remote-access --boundary line4\n  demarc-collector get remote-access --way direct -o csv",
	}
	c = listCommand(at, c, r, func(conn grpc.ClientConnInterface) ask[*demarcv1.ListRemoteAccessRequest, *demarcv1.ListRemoteAccessResponse] {
		return demarcv1.NewPaperServiceClient(conn).ListRemoteAccess
	}, remoteAccessTable)
	f := c.Flags()
	f.StringVar(&r.Boundary, "boundary", "", "only what is reached in this boundary")
	f.StringVar(&r.Tool, "tool", "", "only by this: rdp, ssh, TeamViewer, ...")
	f.StringVar(&r.Way, "way", "", "only by this way: outbound, direct, jump-host or asked-for")
	f.StringVar(&r.Verdict, "verdict", "", "only with this verdict")
	return c
}

func remoteAccessTable(a *demarcv1.ListRemoteAccessResponse) table.Table {
	t := table.Table{
		Head:  []string{"BOUNDARY", "DEVICE", "TOOL", "WAY", "PEER", "PEER BOUNDARY", "VIA", "BEHIND", "VERDICT", "AGREEMENT", "STILL", "SESSIONS", "FIRST SEEN", "LAST SEEN", "FINDINGS", "CONNECTIONS"},
		Right: []bool{11: true},
	}
	for _, x := range a.GetRemoteAccess() {
		peer := strings.Join(x.GetPeers(), " ")
		if n := int(x.GetPeerCount()) - len(x.GetPeers()); n > 0 {
			peer += fmt.Sprintf(" and %d more", n)
		}
		if x.GetPeerName() != "" {
			peer += " (" + x.GetPeerName() + ")"
		}
		t.Rows = append(t.Rows, []string{
			x.GetBoundary(), x.GetDevice(), x.GetTool(), x.GetWay(), peer, x.GetPeerBoundary(), x.GetVia(), strings.Join(x.GetBehind(), ", "), x.GetVerdict(),
			agreementNames(x.GetDocuments()), still(x.GetActivity()), count(x.GetSessions()), moment(x.GetFirstSeen()), moment(x.GetLastSeen()), strings.Join(x.GetFindings(), " "), strings.Join(x.GetConnections(), " "),
		})
	}
	return t
}

// agreementNames are the agreements among documents.
func agreementNames(all []string) string {
	return documentNames(slices.DeleteFunc(slices.Clone(all), func(d string) bool {
		return !strings.HasPrefix(d, "Interconnection/") && !strings.HasPrefix(d, "SharedService/")
	}))
}

// still answers whether something still happens.
func still(state string) string {
	return map[string]string{"live": "yes", "silent": "no", "not-observable": "not observable"}[state]
}

func secondPathsCommand(at *place) *cobra.Command {
	r := &demarcv1.ListSecondPathsRequest{}
	c := &cobra.Command{
		Use: "second-paths", Short: "List devices that are a way between boundaries, those first that no document names",
		Long: "dual-homed is a host that stands in two boundaries, router a device through which packets of others pass; NAMED is the\n" +
			"access point that documents name it as. What is not named is a way around the access points.",
		Example: "  demarc-collector get second-paths --unnamed",
	}
	c = listCommand(at, c, r, func(conn grpc.ClientConnInterface) ask[*demarcv1.ListSecondPathsRequest, *demarcv1.ListSecondPathsResponse] {
		return demarcv1.NewPaperServiceClient(conn).ListSecondPaths
	}, secondPathTable)
	f := c.Flags()
	f.StringVar(&r.Boundary, "boundary", "", "only what stands in this boundary")
	f.StringVar(&r.Kind, "kind", "", "only of this kind: dual-homed, router or access-point")
	f.BoolVar(&r.Unnamed, "unnamed", false, "only what no document names as an access point")
	return c
}

func secondPathTable(a *demarcv1.ListSecondPathsResponse) table.Table {
	t := table.Table{Head: []string{"KIND", "ADDRESSES", "NAME", "BOUNDARIES", "SEGMENT", "NAMED", "FINDINGS", "FIRST SEEN", "LAST SEEN", "WHY", "ID"}}
	for _, x := range a.GetSecondPaths() {
		t.Rows = append(t.Rows, []string{
			x.GetKind(), strings.Join(x.GetAddresses(), " "), strings.Join(x.GetNames(), " "), cmp.Or(strings.Join(x.GetBoundaries(), " "), "none"), x.GetSegment(), cmp.Or(x.GetNamed(), "none"),
			strings.Join(x.GetFindings(), " "), moment(x.GetFirstSeen()), moment(x.GetLastSeen()), strings.Join(x.GetWhy(), "; "), x.GetId(),
		})
	}
	return t
}

func agreementsCommand(at *place) *cobra.Command {
	r := &demarcv1.ListAgreementsRequest{}
	c := &cobra.Command{
		Use: "agreements", Short: "List what is agreed to, by whom and why, and what was seen of it",
		Long: "Interconnections and shared services, the latter once for each consumer. SEEN counts the connections whose verdict names\n" +
			"the agreement; UNUSED says how long nothing used it in sight.",
		Example: "  demarc-collector get agreements --boundary line4\n  demarc-collector get agreements --state lapsed",
	}
	c = listCommand(at, c, r, func(conn grpc.ClientConnInterface) ask[*demarcv1.ListAgreementsRequest, *demarcv1.ListAgreementsResponse] {
		return demarcv1.NewPaperServiceClient(conn).ListAgreements
	}, agreementTable)
	c.Flags().StringVar(&r.Boundary, "boundary", "", "only with this boundary on either side")
	c.Flags().StringVar(&r.State, "state", "", `only in this state: "in force", lapsed or "not in force"`)
	return c
}

func agreementTable(a *demarcv1.ListAgreementsResponse) table.Table {
	t := table.Table{
		Head:  []string{"AGREEMENT", "FROM", "TO", "PURPOSE", "OWNER", "PAPER", "UNTIL", "STATE", "WHY", "SIDES", "SERVICES", "SEEN", "LIVE", "LAST SEEN", "UNUSED", "FINDINGS"},
		Right: []bool{12: true},
	}
	for _, x := range a.GetAgreements() {
		var sides []string
		for _, s := range x.GetSides() {
			sides = append(sides, s.GetBoundary()+" "+s.GetApproval()+" by "+orDash(s.GetOfficial()))
		}
		t.Rows = append(t.Rows, []string{
			x.GetName(), x.GetFrom(), x.GetTo(), x.GetPurpose(), x.GetOwner(), strings.TrimSpace(x.GetType() + " " + x.GetReference()), lastDay(x.GetUntil()), x.GetState(), x.GetWhy(), strings.Join(sides, ", "),
			strings.Join(x.GetServices(), ", "), counted(x.GetVerdicts()), some(x.GetLive()), moment(x.GetLastSeen()), x.GetUnused(), strings.Join(x.GetFindings(), " "),
		})
	}
	return t
}

func calendarCommand(at *place) *cobra.Command {
	r, ahead := &demarcv1.ListCalendarRequest{}, ""
	c := &cobra.Command{
		Use: "calendar", Short: "List what ends or is due, the first first, and what falls then",
		Long: "Ends of authorizations, agreements, approvals, connections (ATC), accepted risks and findings, surveys and windows; reviews,\n" +
			"attestations and plans that are due. What is overdue comes first.",
		Example: "  demarc-collector get calendar --ahead 90d",
	}
	c = listCommand(at, c, r, func(conn grpc.ClientConnInterface) ask[*demarcv1.ListCalendarRequest, *demarcv1.ListCalendarResponse] {
		return demarcv1.NewPaperServiceClient(conn).ListCalendar
	}, calendarTable)
	list := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if ahead != "" {
			until, err := readAhead(ahead, time.Now())
			if err != nil {
				return fmt.Errorf("--ahead: %w", err)
			}
			r.Until = timestamppb.New(until)
		}
		return list(c, args)
	}
	c.Flags().StringVar(&ahead, "ahead", "", "only to this time: 2027-01-31, or how far ahead: 90d")
	c.Flags().StringVar(&r.Kind, "kind", "", "only of this kind: ended, review-due, attestation-due, acceptance-ended, plan-due, survey-ends, ...")
	return c
}

func calendarTable(a *demarcv1.ListCalendarResponse) table.Table {
	t := table.Table{Head: []string{"DUE", "OVERDUE", "KIND", "WHAT", "BOUNDARIES", "THEN", "LIVE CONNECTIONS", "DOCUMENT"}, Right: []bool{6: true}}
	for _, x := range a.GetEntries() {
		word := ""
		if x.GetOverdue() {
			word = "yes"
		}
		t.Rows = append(t.Rows, []string{
			dueWords(x), word, x.GetKind(), x.GetWhat(), strings.Join(x.GetBoundaries(), " "), x.GetConsequence(), some(x.GetConnections()), x.GetDocument(),
		})
	}
	return t
}

// dueWords is the last day of what ends with it, else the moment.
func dueWords(x *demarcv1.CalendarEntry) string {
	at := x.GetDue().AsTime()
	if k := x.GetKind(); (k == "ended" || k == "acceptance-ended" || k == "plan-due" || k == "survey-ends") && at.Equal(at.Truncate(24*time.Hour)) {
		return lastDay(x.GetDue())
	}
	return moment(x.GetDue())
}
