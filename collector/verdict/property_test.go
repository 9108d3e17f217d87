package verdict

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"demarc/collector/boundary"
	"demarc/collector/inventory"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

func TestJudgeIsPureAndTotal(t *testing.T) {
	policies := []*boundary.Policy{
		nil,
		compile(t, plan),
		compile(t, plan+agreement("a", opc+`, initiator: to, schedule: {from: "08:00", until: "10:00"}`)+agreement("b", `services: [{protocol: http, over: tls, security: {tls: "1.2"}}], agreement: {type: isa, expires: 2026-11-22}`)+shared),
		compile(t, plan+agreement("a", opc)+lent("names", "plant-ato")+paper("plant-ato", plantATO+", expires: 2026-11-22")+
			paper("line4-ato", lineATO+", leverages: [{authorization: plant-ato, services: [names]}], connect: [{to: dmz, decision: atc, granted: 2026-11-23}]")),
	}
	rounds := make([]*Round, len(policies))
	for i, p := range policies[1:] {
		rounds[i+1] = NewRound(p)
	}
	verdicts := []string{Internal, Authorized, OutOfTerms, Lapsed, Unauthorized, Undecided}
	rapid.Check(t, func(t *rapid.T) {
		which := rapid.IntRange(0, len(policies)-1).Draw(t, "policy")
		p := policies[which]
		c := connections().Draw(t, "connection")
		before, _ := proto.Marshal(c.Data)
		now := start.Add(time.Duration(rapid.Int64Range(-1e16, 1e16).Draw(t, "now")))
		a, b := Judge(p, c, now), Judge(p, c, now)
		if !proto.Equal(a.Verdict, b.Verdict) {
			t.Fatalf("two verdicts:\n%v\n%v", a.Verdict, b.Verdict)
		}
		if r := rounds[which]; r != nil { // what others had in common changes nothing
			if x := r.Judge(c, now); !proto.Equal(a.Verdict, x.Verdict) {
				t.Fatalf("alone and in a round:\n%v\n%v", a.Verdict, x.Verdict)
			}
		}
		a.Verdict, b.Verdict = nil, a.Verdict
		v := b.Verdict
		b.Verdict = nil
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("two judgements:\n%+v\n%+v", a, b)
		}
		if !slices.Contains(verdicts, v.Verdict) || v.Reason == "" || strings.ContainsAny(v.Reason, "\n\r\x00") {
			t.Fatalf("verdict %q because %q", v.Verdict, v.Reason)
		}
		if v.Verdict == Authorized && len(v.Documents) == 0 || v.Verdict == OutOfTerms && len(a.Broken) == 0 {
			t.Fatalf("%s without what it stands on: %+v", v.Verdict, a)
		}
		if !a.Again.IsZero() && !a.Again.After(now) {
			t.Fatalf("judge again at %s, which is not after %s", a.Again, now)
		}
		if after, _ := proto.Marshal(c.Data); c.Data != nil && len(after) != len(before) {
			t.Fatal("the connection was changed")
		}
	})
}

func connections() *rapid.Generator[inventory.Connection] {
	addresses := []string{"", "10.20.4.10", "10.20.4.130", "10.20.5.7", "10.30.0.5", "10.50.1.5", "10.60.0.1", "10.99.0.1", "198.51.100.1", "224.0.0.1", "239.192.4.1", "255.255.255.255", "0.0.0.0", "fe80::1", "2001:db8::1", "::ffff:10.20.4.10", "10.20.4.255"}
	end := rapid.Custom(func(t *rapid.T) inventory.End {
		e := inventory.End{
			Segment: rapid.SampledFrom([]string{"", "line4", "x"}).Draw(t, "segment"),
			MAC:     rapid.SampledFrom([]string{"", "00:0e:8c:00:00:01", "ff:ff:ff:ff:ff:ff", "z"}).Draw(t, "mac"),
			VLANs:   rapid.SliceOfN(rapid.Uint32Range(0, 5000), 0, 2).Draw(t, "vlans"),
			OwnLink: rapid.Bool().Draw(t, "own"),
		}
		if a := rapid.SampledFrom(addresses).Draw(t, "address"); a != "" {
			e.Addr = netip.MustParseAddr(a)
		}
		return e
	})
	word := func(names ...string) *rapid.Generator[string] {
		return rapid.OneOf(rapid.SampledFrom(names), rapid.String())
	}
	return rapid.Custom(func(t *rapid.T) inventory.Connection {
		c := inventory.Connection{Site: rapid.SampledFrom([]string{"houston", "nowhere"}).Draw(t, "site"), Client: end.Draw(t, "client"), Server: end.Draw(t, "server")}
		if rapid.IntRange(0, 20).Draw(t, "nil") == 0 {
			return c
		}
		operations := make(map[string]uint64)
		for _, o := range rapid.SliceOfN(word(ot.OperationNames()...), 0, 3).Draw(t, "operations") {
			operations[o] = rapid.Uint64().Draw(t, "n")
		}
		c.Data = &demarcv1.Connection{
			Transport: word("tcp", "udp", "icmp", "ethernet").Draw(t, "transport"), Port: rapid.SampledFrom([]uint32{0, 53, 443, 4840, 50000, 70000}).Draw(t, "port"),
			Protocol: word("", "unknown", "opcua", "tls", "http", "dns", "cotp").Draw(t, "protocol"), Grade: word("", "hint", "content").Draw(t, "grade"),
			DirectionBasis: word("syn", "port").Draw(t, "basis"), OpenedBy: word("client", "server", "unknown").Draw(t, "opener"),
			Outcome: word("exchanged", "refused", "unanswered").Draw(t, "outcome"), RelatedTo: rapid.SampledFrom([]string{"", "x"}).Draw(t, "related"),
			Security: word("", "none", "sign-and-encrypt").Draw(t, "security"), Operations: operations,
		}
		if rapid.Bool().Draw(t, "facts") {
			c.Data.SecurityFacts = &demarcv1.SecurityFacts{Tls: word("1.2").Draw(t, "tls"), ServerName: rapid.String().Draw(t, "name")}
		}
		if rapid.Bool().Draw(t, "dated") {
			c.Data.FirstSeen = timestamppb.New(start.Add(-3 * time.Second))
			c.Data.LastSeen = timestamppb.New(start)
		}
		return c
	})
}
