package identity

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"demarc/internal/ot"
	"demarc/internal/role"
)

// uses sums up what an asset does, by part played and protocol.
func (b *Book) uses(a *asset) []role.Use {
	type key struct {
		as       role.As
		protocol string
	}
	type sum struct {
		use   role.Use
		peers map[string]bool
	}
	sums := map[key]*sum{}
	seen := map[*link]bool{}
	for _, o := range a.observations() {
		for _, raw := range o.conns {
			l := raw.link
			if seen[l] {
				continue
			}
			seen[l] = true
			m := l.merge()
			client, server := l.ends()
			for _, end := range [...]*observation{client, server} {
				as, peer := role.Client, server
				if end == server {
					as, peer = role.Server, client
				}
				if end.assetOf() != a || as == role.Server && m.count.serverPackets == 0 {
					continue
				}
				if m.basis == ot.BasisUnknown {
					as = role.Peer
				}
				k := key{as, m.protocol.name.Value()}
				s := sums[k]
				if s == nil {
					s = &sum{use: role.Use{As: as, Protocol: k.protocol}, peers: map[string]bool{}}
					sums[k] = s
				}
				if as == role.Server && len(s.use.Ports) < maxServed {
					if port := raw.key.transport.Value() + "/" + strconv.FormatUint(uint64(raw.key.port), 10); !slices.Contains(s.use.Ports, port) {
						s.use.Ports = append(s.use.Ports, port)
					}
				}
				s.use.Grade = max(s.use.Grade, m.protocol.grade)
				s.use.Outcome = max(s.use.Outcome, m.outcome)
				for i, n := range m.operations {
					s.use.Operations[i] += n
				}
				if peer.key.canSend() && m.outcome != ot.Unanswered && m.outcome != ot.Refused {
					s.peers[peer.endKey()] = true
				}
			}
		}
	}
	uses := make([]role.Use, 0, len(sums))
	for _, s := range sums {
		s.use.Peers = len(s.peers)
		uses = append(uses, s.use)
	}
	slices.SortFunc(uses, func(x, y role.Use) int {
		return cmp.Or(strings.Compare(x.Protocol, y.Protocol), cmp.Compare(x.As, y.As))
	})
	return uses
}
