package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "ads",
		Over:     []string{"tcp", "udp"},
		Tier:     2,
		Ports:    append(TCP(adsPort), UDP(adsDiscoveryPort)...),
		Match:    matchADS,
		New:      func() Dissector { return &ads{} },
		OT:       true,
		Reads:    "AMS net identifiers, names and versions of ADS devices, computer name, TwinCAT and system version, operations",
		Standard: "Beckhoff Information System: TwinCAT ADS/AMS specification (TE1000), AdsDef.h of Beckhoff/ADS",
	})
}

// Default ports of the AMS router.
const (
	adsPort          = 48898
	adsDiscoveryPort = 48899
)

// Attributes of ADS devices.
const (
	adsNetID   ot.Attribute = "ads.ams_net_id"
	adsTwinCAT ot.Attribute = "ads.twincat_version"
)

// ads reads AMS messages over TCP, all numbers little endian ("AMS/TCP
// packet", "AMS header"):
//
//	 0     2        6           12     14          20     22    24    26     30     34     38
//	+-----+--------+-----------+------+-----------+------+-----+-----+------+------+------+------
//	| 0   | length | target    | port | source    | port | cmd |state|length|error |invoke| data
//	|     |from 6  | net id    |      | net id    |      |     |flags|      |      | id   |
//	+-----+--------+-----------+------+-----------+------+-----+-----+------+------+------+------
//	state flags: bit 0 response, bit 2 ADS command
//
// and the datagrams by which routers are found and routes added (datagram).
type ads struct {
	sides   sides
	claimed bool
	paths   paths
	text    scratch
}

const (
	adsPrefix      = 6
	adsHeader      = 38
	adsMaxMessage  = 64 << 20
	adsMaxRead     = 64 // bytes behind the header that are looked at
	adsResponse    = 0x0001
	adsCommandFlag = 0x0004
	adsFlags       = 0x80ff // those that are named
)

// adsFrame is one AMS message.
type adsFrame struct {
	size    int // of the message; 0 while the header is not whole
	source  []byte
	port    uint16 // source port
	target  uint16 // target port
	command uint16
	state   uint16
	code    uint32 // error
	length  int    // of the data
	data    []byte // as far as it has come, adsMaxRead at most
}

func (f *adsFrame) response() bool { return f.state&adsResponse != 0 }

// readAMS reads a message; a beginning of one, for which nothing speaks
// against it, is ok and has no size.
func readAMS(b []byte) (f adsFrame, ok bool) {
	c := wire.New(b)
	if c.U16LE() != 0 {
		return f, false
	}
	n := c.U32LE()
	if !c.OK() {
		return f, len(b) > 0 && b[0] == 0
	}
	if n < adsHeader-adsPrefix || n > adsMaxMessage {
		return f, false
	}
	c.Skip(6)
	f.target = c.U16LE()
	f.source, f.port = c.Bytes(6), c.U16LE()
	f.command, f.state = c.U16LE(), c.U16LE()
	length := c.U32LE()
	f.code = c.U32LE()
	c.Skip(4)
	if !c.OK() {
		return f, true
	}
	if length != n-(adsHeader-adsPrefix) || f.state&adsCommandFlag == 0 || f.state&^adsFlags != 0 {
		return f, false
	}
	f.length = int(length)
	if !f.plausible() {
		return f, false
	}
	f.size = adsHeader + f.length
	f.data = c.Bytes(min(f.length, adsMaxRead, c.Len()))
	return f, true
}

// matchADS claims ADS anywhere: by the two lengths that agree, the command and
// its size, and a datagram by its magic.
func matchADS(b []byte) bool {
	if f, ok := readAMS(b); ok && f.size > 0 {
		return true
	}
	d, ok := readADSDatagram(b)
	return ok && d.known()
}

func (d *ads) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	d.text.reset()
	if !m.Stream {
		return d.datagram(m, out)
	}
	if n, err := d.local(m.Data); n > 0 || err != nil {
		return n, err
	}
	f, ok := readAMS(m.Data)
	if !ok {
		return 0, notMine(d.claimed)
	}
	if f.size == 0 || len(f.data) < min(f.length, adsMaxRead) && !m.Cut {
		return 0, ErrShort
	}
	d.learn(m, &f, out)
	if m.Cut && len(m.Data) < f.size {
		return 0, ErrShort
	}
	d.claim(out)
	return f.size, nil
}

// local passes over what programs say to the router of their own computer:
// port connect and close, notifications, its net identifier. Nothing of it
// proves the protocol.
func (d *ads) local(b []byte) (int, error) {
	c := wire.New(b)
	kind, n := c.U16LE(), c.U32LE()
	if !c.OK() || kind != 1 && (kind < 0x1000 || kind > 0x1002) || !d.claimed || n > 64 {
		return 0, nil
	}
	if c.Len() < int(n) {
		return 0, ErrShort
	}
	return adsPrefix + int(n), nil
}

// claim tells once what holds for the whole conversation.
func (d *ads) claim(out Out) {
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
}

// learn tells what one message says. A notification is the server's, though it
// has the form of a request.
func (d *ads) learn(m *Message, f *adsFrame, out Out) {
	request := !f.response()
	out.Sender(roleOf(request != (f.command == adsNotification)))
	d.netID(f.source, "ads.source_net_id", out)
	if f.command != adsNotification && d.sides.counts(m, request) {
		out.Operation(f.class(), 1)
	}
	if !request && f.code == 0 && f.command == adsDeviceInfo {
		d.deviceInfo(f, out)
	}
}

// netID tells an AMS net identifier of the sender: six numbers.
func (d *ads) netID(id []byte, source string, out Out) {
	if zero(id) {
		return
	}
	at := d.text.mark()
	for i, x := range id {
		if i > 0 {
			d.text.byte('.')
		}
		d.text.uint(uint64(x))
	}
	out.Fact(Sender, adsNetID, d.text.since(at), source, ot.Content)
}

// deviceInfo reads the answer to ReadDeviceInfo: result, version, revision,
// build, and a name of 16 bytes. It is about the device behind an AMS port.
func (d *ads) deviceInfo(f *adsFrame, out Out) {
	c := wire.New(f.data)
	result, major, minor, build := c.U32LE(), c.U8(), c.U8(), c.U16LE()
	name := trim(c.Bytes(16))
	if !c.OK() || result != 0 || len(name) == 0 || !printable(name) {
		return
	}
	at := d.text.mark()
	d.text.adds("port/")
	d.text.uint(uint64(f.port))
	of := Part(Sender, d.paths.of(d.text.since(at)))
	out.Fact(of, ot.Product, name, "ads.device_info.name", ot.Identity)
	out.Fact(of, ot.FirmwareRev, d.version(major, minor, build), "ads.device_info.version", ot.Identity)
}

// version keeps "3.1.4024".
func (d *ads) version(major, minor uint8, build uint16) []byte {
	at := d.text.mark()
	d.text.uint(uint64(major))
	d.text.byte('.')
	d.text.uint(uint64(minor))
	d.text.byte('.')
	d.text.uint(uint64(build))
	return d.text.since(at)
}

// Resync finds the next message behind a gap.
func (d *ads) Resync(b []byte) int {
	for i := 0; i+adsHeader <= len(b); i++ {
		if f, ok := readAMS(b[i:]); ok && f.size > 0 {
			return i
		}
	}
	return -1
}
