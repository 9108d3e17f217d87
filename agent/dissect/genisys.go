package dissect

import (
	"errors"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "genisys",
		Over:     []string{"tcp"},
		Tier:     2,
		Ports:    TCP(10001),
		Match:    matchGenisys,
		New:      func() Dissector { return &genisys{} },
		OT:       true,
		Reads:    "station addresses of wayside controllers, who commands and who indicates, operations",
		Standard: "Genisys of Union Switch & Signal (railway signalling), message form as CISA publishes it with ICSNPP-Genisys",
	})
}

// genisysStation is the address of a field station.
const genisysStation ot.Attribute = "genisys.station"

// genisys reads the messages between a railway's office and its wayside
// stations:
//
//	header F1..FE | station 1 | address and data, in pairs | check 2, low octet first | F6
//
// An octet from F0 up is sent as F0 and its low half, so F6 ends a message and
// nothing else. The check is CRC-16 from the header on; an acknowledgement and
// a plain poll have none. Devices start it at 0 or at all ones.
type genisys struct {
	claimed bool
	recent  recent
	text    scratch
}

// Headers. F4 to F8 are not used.
const (
	genisysAck        = 0xf1 // of the station: nothing to tell
	genisysIndication = 0xf2
	genisysCheckback  = 0xf3
	genisysCommon     = 0xf9 // controls to all
	genisysAckPoll    = 0xfa
	genisysPoll       = 0xfb
	genisysControl    = 0xfc
	genisysRecall     = 0xfd
	genisysExecute    = 0xfe

	genisysEscape = 0xf0
	genisysEnd    = 0xf6
	genisysMost   = 600 // octets of a message, escapes and all
)

type genisysMessage struct {
	size    int
	header  uint8
	station uint8
	checked bool // it has a check, and that is right
}

// readGenisys reads one message: ErrShort when it may go on.
func readGenisys(b []byte) (x genisysMessage, err error) {
	c := wire.New(b)
	x.header = c.U8()
	if !c.OK() {
		return x, ErrShort
	}
	if x.header < genisysAck || x.header > genisysExecute || x.header > genisysCheckback && x.header < genisysCommon {
		return x, ErrNotMine
	}
	// Both checks run over all that came but the last two octets.
	ones, zeros := genisysStep(0xffff, x.header), genisysStep(0, x.header)
	var last [2]uint8
	n := 0 // octets behind the header
	for range genisysMost {
		v := c.U8()
		if v == genisysEscape {
			v = c.U8()
			if c.OK() && v > 0x0f {
				return x, ErrNotMine
			}
			v |= genisysEscape
		} else if v == genisysEnd && c.OK() {
			x.size = c.Off()
			check := uint16(last[0]) | uint16(last[1])<<8
			x.checked = n >= 3 && (check == ones || check == zeros)
			return x, x.whole(n)
		} else if v > genisysEscape {
			return x, ErrNotMine
		}
		if !c.OK() {
			return x, ErrShort
		}
		if n == 0 {
			x.station = v
		}
		if n >= 2 {
			ones, zeros = genisysStep(ones, last[0]), genisysStep(zeros, last[0])
		}
		last[0], last[1] = last[1], v
		n++
	}
	return x, ErrNotMine
}

// whole checks the form of a message of n octets between header and end.
func (x *genisysMessage) whole(n int) error {
	plain := n == 1 && (x.header == genisysAck || x.header == genisysPoll)
	pairs := x.header == genisysIndication || x.header == genisysCheckback || x.header == genisysCommon || x.header == genisysControl
	if plain || x.checked && (n == 3 || pairs && n%2 == 1) {
		return nil
	}
	return ErrNotMine
}

func genisysStep(crc uint16, x uint8) uint16 { return crc>>8 ^ serialTable[byte(crc)^x] }

// matchGenisys claims a message with a check.
func matchGenisys(b []byte) bool {
	x, err := readGenisys(b)
	return err == nil && x.checked
}

func (d *genisys) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	d.text.reset()
	x, err := readGenisys(m.Data)
	switch {
	case errors.Is(err, ErrNotMine), err == nil && !x.checked && !d.claimed:
		return 0, notMine(d.claimed)
	case err != nil:
		return 0, err
	}
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	fromStation := x.header <= genisysCheckback
	out.Sender(roleOf(!fromStation))
	if d.recent.fresh(m.Time, uint64(x.station)) {
		of := Receiver
		if fromStation {
			of = Sender
		}
		out.Fact(of, genisysStation, d.text.uint(uint64(x.station)), "genisys.station", ot.Content)
	}
	switch x.header {
	case genisysPoll, genisysAckPoll, genisysRecall:
		out.Operation(ot.Read, 1)
	case genisysCommon, genisysControl, genisysExecute:
		out.Operation(ot.Control, 1)
	}
	return x.size, nil
}

// Resync finds the next message with a check.
func (d *genisys) Resync(b []byte) int {
	for i := range b {
		if b[i] >= genisysAck && matchGenisys(b[i:]) {
			return i
		}
	}
	return -1
}
