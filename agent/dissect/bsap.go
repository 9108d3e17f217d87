package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "bsap",
		Over:     []string{"udp", "tcp"},
		Tier:     2,
		Ports:    UDP(1234, 1235),
		Match:    matchBSAP,
		New:      func() Dissector { return &bsap{} },
		OT:       true,
		Reads:    "who asks whom, node addresses of serial lines, operations",
		Standard: "Emerson D301401X012 BSAP Communications Application Programmer's Reference, D5052 Network 3000 Communications Configuration Guide; BSAP over IP by the frame layout that CISA publishes with ICSNPP-BSAP",
	})
}

// bsapNode is the address of a node on its serial line, or in the whole network.
const bsapNode ot.Attribute = "bsap.node_address"

// bsap reads the two forms of the protocol of Bristol's controllers: frames of a
// serial line, carried in datagrams or streams (bsap_serial.go), and BSAP over IP; numbers
// little endian:
//
//	0        2          4          6          10     14 (or 22)
//	+--------+----------+----------+----------+------+----------
//	| header | messages | function | sequence | ack  | messages: length 4 (of itself, too), 0C, sequence 4, ...
//	| size   |          |          |          |      |
//	+--------+----------+----------+----------+------+----------
//	request:  application function 1, node status 1, data
//	response: status 1, data
type bsap struct {
	claimed bool
	text    scratch
	recent  recent
	told    bool
	kept    [bsapMost]byte // content of the frame at hand
}

// Functions of the header.
const (
	bsapPoll        = 0x00
	bsapResponseNew = 0x01
	bsapResponse    = 0x05
	bsapRequest     = 0x06
	bsapRequestNew  = 0x84
	bsapRequestMore = 0x86
)

const (
	bsapShort    = 14 // header
	bsapLong     = 22 // header with another eight octets
	bsapMessage  = 0x0c
	bsapMessages = 32 // of a datagram
)

// matchBSAP claims whole frames that carry a message.
func matchBSAP(b []byte) bool {
	if len(b) > 1 && b[0] == bsapDLE && b[1] == bsapSTX {
		var d bsap
		f, err := d.frame(b)
		return err == nil && f.bears()
	}
	c := wire.New(b)
	_, n, ok := bsapHeader(&c)
	return ok && n > 0 && bsapChain(c, n, nil)
}

func bsapHeader(c *wire.Cursor) (function uint16, messages int, ok bool) {
	size := int(c.U16LE())
	messages, function = int(c.U16LE()), c.U16LE()
	c.Skip(8)
	if size == bsapLong {
		c.Skip(bsapLong - bsapShort)
	}
	switch function {
	case bsapPoll:
		ok = messages == 0
	case bsapResponseNew, bsapResponse, bsapRequest, bsapRequestNew, bsapRequestMore:
		ok = true
	}
	return function, messages, ok && c.OK() && (size == bsapShort || size == bsapLong) && messages <= bsapMessages
}

// bsapChain walks the messages, which must fill c; of requests it tells out the
// classes unless that is nil.
func bsapChain(c wire.Cursor, n int, out Out) bool {
	for range n {
		size := c.U32LE()
		if size < 10 || size > 1500 {
			return false
		}
		m := c.Sub(int(size) - 4)
		if m.U8() != bsapMessage || !m.OK() {
			return false
		}
		m.Skip(4)
		if out != nil {
			application := m.U8()
			m.Skip(1)
			bsapAsked(application, &m, out)
		}
	}
	return c.OK() && c.Len() == 0
}

func (d *bsap) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	d.text.reset()
	if len(m.Data) > 0 && m.Data[0] == bsapDLE {
		return d.serial(m, out)
	}
	c := wire.New(m.Data)
	function, n, ok := bsapHeader(&c)
	if !ok || m.Stream || n == 0 && c.Len() > 0 || !bsapChain(c, n, nil) {
		return 0, notMine(d.claimed)
	}
	d.first(out)
	if n == 0 { // each side acknowledges so
		return len(m.Data), nil
	}
	request := function >= bsapRequest
	out.Sender(roleOf(request))
	if request {
		bsapChain(c, n, out)
	}
	return len(m.Data), nil
}

// first tells once that nothing of this protocol is protected.
func (d *bsap) first(out Out) {
	d.claimed = true
	if !d.told {
		d.told = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
}

// Application functions (D301401X012, table of message exchanges).
const (
	bsapDiagnose      = 0x48
	bsapFlash         = 0x68
	bsapFlashSettings = 0x6a
	bsapDownload      = 0x78
	bsapTimeSync      = 0x88 // with the table of the network's nodes
	bsapTimeAsked     = 0x89
	bsapDatabase      = 0xa0
	bsapExtended      = 0xa1
	bsapExceptions    = 0xa2 // report by exception, to 0xa3
	bsapAlarm         = 0xa8 // to 0xaa
)

// bsapAsked tells the class of a request; c stands behind the node status.
func bsapAsked(application uint8, c *wire.Cursor, out Out) {
	switch {
	case application == bsapDatabase:
		bsapAccess(c.U8(), c.OK(), out)
	case application == bsapExtended:
		bsapExtension(c.U16LE(), c.OK(), out)
	case application == bsapDiagnose:
		out.Operation(ot.Diagnose, 1)
	case application == bsapFlash:
		out.Operation(ot.Firmware, 1)
	case application == bsapDownload:
		out.Operation(ot.Program, 1)
	case application == bsapFlashSettings, application == bsapTimeSync, application == bsapTimeAsked:
		out.Operation(ot.Configure, 1)
	case application == bsapExceptions, application == bsapExceptions+1:
		out.Operation(ot.Subscribe, 1)
	case application >= bsapAlarm && application <= bsapAlarm+2:
		out.Operation(ot.Alarm, 1)
	}
}

// bsapAccess is a request to the remote database: bit 7 writes.
func bsapAccess(function uint8, ok bool, out Out) {
	switch {
	case !ok:
	case function < 0x10:
		out.Operation(ot.Read, 1)
	case function&0xf0 == 0x80:
		out.Operation(ot.Write, 1)
	}
}

// bsapExtension is a request to the extension of gas flow computers.
func bsapExtension(function uint16, ok bool, out Out) {
	switch {
	case !ok:
	case function == 0x0101: // restarts the system
		out.Operation(ot.Control, 1)
	case function == 0x0102:
		out.Operation(ot.Diagnose, 1)
	case function>>8 == 0x02 && function&0x80 == 0:
		out.Operation(ot.Read, 1)
	case function>>8 == 0x02, function == 0x0400:
		out.Operation(ot.Configure, 1)
	}
}
