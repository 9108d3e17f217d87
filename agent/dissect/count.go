package dissect

import (
	"fmt"
	"strings"
)

// FromText stands in the Standard of a protocol of which no public capture was
// found: it was built from the text alone and has met no real traffic yet.
const FromText = "from the text alone"

// TextAlone reports whether p was built without a public capture to check it by.
func (p *Protocol) TextAlone() bool { return strings.Contains(p.Standard, FromText) }

// Count says how many protocols there are and how many of them carry
// operational technology, each proved by its bytes and never by its port.
type Count struct{ All, OT, TextAlone int }

// CountProtocols counts a registry.
func CountProtocols(all []Protocol) Count {
	c := Count{All: len(all)}
	for i := range all {
		if all[i].OT {
			c.OT++
		}
		if all[i].TextAlone() {
			c.TextAlone++
		}
	}
	return c
}

// String is the sentence that heads the table of protocols.
func (c Count) String() string {
	s := fmt.Sprintf("%d protocols are read from their bytes, whatever the port; %d of them are of operational technology (OT).", c.All, c.OT)
	if c.TextAlone > 0 {
		s += fmt.Sprintf(" Of %d no public capture was found: they are built %s.", c.TextAlone, FromText)
	}
	return s
}
