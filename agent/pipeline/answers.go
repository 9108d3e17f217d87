package pipeline

import (
	"net/netip"
	"time"

	"demarc/agent/decode"
	"demarc/agent/flow"
)

// answers measures how long TCP servers take: from a client's data to the next
// data of the server.
type answers struct{ asked map[*flow.Conversation]int64 }

const (
	maxAsked   = 4096             // conversations that wait for an answer; with more it begins anew
	longAnswer = 10 * time.Second // what comes later answers something else
	protoTCP   = 6
)

func (a *answers) packet(c *flow.Conversation, side flow.Side, p *decode.Packet, tell func(client, server netip.Addr, took, at time.Duration)) {
	if c.Transport != protoTCP || p.PayloadLen == 0 || !c.Directed {
		return
	}
	if side == c.Client {
		if a.asked == nil || len(a.asked) >= maxAsked {
			a.asked = map[*flow.Conversation]int64{}
		}
		a.asked[c] = p.Time
		return
	}
	at, asked := a.asked[c]
	if !asked {
		return
	}
	delete(a.asked, c)
	if took := time.Duration(p.Time - at); took >= 0 && took < longAnswer {
		tell(p.Dst, p.Src, took, time.Duration(p.Time))
	}
}
