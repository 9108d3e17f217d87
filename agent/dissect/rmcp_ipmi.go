package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// Network functions of IPMI, table 5-1, and commands, appendix G.
const (
	ipmiChassis  = 0x00
	ipmiSensor   = 0x04
	ipmiApp      = 0x06
	ipmiFirmware = 0x08
	ipmiStorage  = 0x0a
	ipmiDevice   = 0x01 // Get Device ID
	ipmiPower    = 0x02 // Chassis Control
	ipmiActivate = 0x3a // Activate Session
)

// ipmi reads a message, clause 13.8: address, function 6 and unit 2, check,
// address, sequence, command, data, check. An odd function answers.
func (d *rmcp) ipmi(b []byte, out Out) {
	c := wire.New(b)
	c.Skip(1)
	function := c.U8() >> 2
	c.Skip(3)
	command := c.U8()
	data := c.Sub(c.Len() - 1)
	if !c.OK() {
		return
	}
	if function&1 != 0 {
		out.Sender(Server)
		if function == ipmiApp+1 && command == ipmiDevice {
			d.device(&data, out)
		}
		return
	}
	out.Sender(Client)
	switch {
	case function == ipmiChassis && command == ipmiPower:
		out.Operation(ot.Control, 1)
	case function == ipmiApp && (command == 0x39 || command == ipmiActivate):
		out.Operation(ot.Authenticate, 1)
	case function == ipmiApp && command >= 0x43 && command <= 0x47: // user access, names, passwords
		out.Operation(ot.Configure, 1)
	case function == ipmiFirmware:
		out.Operation(ot.Firmware, 1)
	case function == ipmiSensor, function == ipmiStorage:
		out.Operation(ot.Read, 1)
	default:
		out.Operation(ot.Diagnose, 1)
	}
}

// device reads an answer to Get Device ID, table 20-2: completion, device,
// revision, firmware 7 bits and two BCD digits, version, support,
// manufacturer 24, product 16, all little endian.
func (d *rmcp) device(c *wire.Cursor, out Out) {
	completion := c.U8()
	c.Skip(2)
	major, minor, version := c.U8()&0x7f, c.U8(), c.U8()
	c.Skip(1)
	low, high := c.U16LE(), c.U8()
	product := c.U16LE()
	if !c.OK() || completion != 0 {
		return
	}
	const source = "rmcp.get_device_id"
	d.maker(uint32(high&0x0f)<<16|uint32(low), source, out)
	out.Fact(Sender, rmcpProduct, d.text.word16(product), source, ot.Identity)
	at := d.text.mark()
	d.text.uint(uint64(major))
	d.text.byte('.')
	d.bcd(minor)
	out.Fact(Sender, ot.FirmwareRev, d.text.since(at), source, ot.Identity)
	at = d.text.mark()
	d.text.uint(uint64(version & 15))
	d.text.byte('.')
	d.text.uint(uint64(version >> 4))
	out.Fact(Sender, rmcpVersion, d.text.since(at), source, ot.Identity)
}

// bcd appends two digits.
func (d *rmcp) bcd(v uint8) {
	d.text.byte('0' + v>>4%10)
	d.text.byte('0' + v&15%10)
}
