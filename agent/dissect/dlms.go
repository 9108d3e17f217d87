package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "dlms",
		Over:     []string{"tcp", "udp"},
		Tier:     1,
		Ports:    append(TCP(4059), UDP(4059)...),
		Match:    matchDLMS,
		New:      func() Dissector { return &dlms{} },
		OT:       true,
		Reads:    "manufacturer, logical device name, serial number and firmware of meters, authentication and ciphering, operations",
		Standard: "IEC 62056-47 (wrapper), IEC 62056-46 (HDLC), IEC 62056-5-3 (xDLMS, COSEM), DLMS UA 1000-2 Green Book",
	})
}

// dlms reads the protocol of meters in its two frames, HDLC (dlms_hdlc.go) and
// the wrapper of IEC 62056-47 clause 5:
//
//	0         2        4             6        8
//	+---------+--------+-------------+--------+------
//	| version | source | destination | length | APDU
//	|    1    | wPort  | wPort       |        |
//	+---------+--------+-------------+--------+------
type dlms struct {
	claimed bool
	mode    ot.SecurityMode
	asked   [16]dlmsIdentity // by the invoke identifier of a GET, of what is worth telling
	text    scratch
}

const (
	dlmsHead    = 8
	dlmsVersion = 1
)

// matchDLMS claims whole frames whose content fits.
func matchDLMS(b []byte) bool {
	if len(b) > 0 && b[0] == hdlcFlag {
		f, err := readHDLC(b)
		return err == nil && f.known()
	}
	apdu, size, err := readWrapper(b)
	return err == nil && size == len(b) && dlmsFits(apdu)
}

// readWrapper reads one frame of the wrapper: ErrShort when it may go on.
func readWrapper(b []byte) (apdu []byte, size int, err error) {
	c := wire.New(b)
	version := c.U16()
	if c.OK() && version != dlmsVersion || !c.OK() && len(b) > 0 && b[0] != 0 {
		return nil, 0, ErrNotMine
	}
	from, to, n := c.U16(), c.U16(), int(c.U16())
	if c.OK() && (from == 0 || to == 0 || n == 0) {
		return nil, 0, ErrNotMine
	}
	if tag := c.Peek(1); tag != nil && dlmsTags[tag[0]].is == dlmsNoTag {
		return nil, 0, ErrNotMine
	}
	apdu = c.Bytes(n)
	if !c.OK() {
		return nil, 0, ErrShort
	}
	return apdu, dlmsHead + n, nil
}

func (d *dlms) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	d.text.reset()
	first := uint8(0)
	if len(m.Data) > 0 {
		c := wire.New(m.Data)
		first = c.U8()
	}
	if first == hdlcFlag || d.claimed && first&0xf0 == hdlcFormat {
		return d.hdlc(m, out)
	}
	apdu, size, err := readWrapper(m.Data)
	if err == nil && !d.claimed && !dlmsFits(apdu) {
		err = ErrNotMine
	}
	if err != nil {
		return 0, d.failure(m, err)
	}
	d.claimed = true
	d.apdu(apdu, out)
	return size, nil
}

// failure makes of what a reader said what the engine is to do.
func (d *dlms) failure(m *Message, err error) error {
	if err == ErrShort && (m.Stream || m.Cut) { //nolint:errorlint // of its own, never wrapped
		return ErrShort
	}
	return notMine(d.claimed)
}

// Resync finds the next frame of a stream.
func (d *dlms) Resync(b []byte) int {
	for i := range b {
		if b[i] != hdlcFlag && b[i] != 0 {
			continue
		}
		if b[i] == hdlcFlag {
			if f, err := readHDLC(b[i:]); err == nil && f.known() {
				return i
			}
		} else if apdu, _, err := readWrapper(b[i:]); err == nil && dlmsFits(apdu) {
			return i
		}
	}
	return -1
}
