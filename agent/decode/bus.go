package decode

import "demarc/internal/bus"

// BACnet MS/TP frames (ANSI/ASHRAE 135-2020 clause 9.3).
//
//	0x55 0xff type destination source length (16) header CRC (8), data, data CRC (16)
const (
	mstpPoll         = 1   // for a master: asks whether anybody has an address
	mstpExpecting    = 5   // data, a reply is expected
	mstpNotExpecting = 6   // data
	mstpBroadcast    = 255 // as destination
	maxNPDU          = 501 // bytes of data in a frame that is not extended
)

// llcBACnet is the header that BACnet messages have on links with IEEE 802.2
// (clause 7). MS/TP has none; it is put before, so that a message is the same
// whatever link it came over.
var llcBACnet = [...]byte{sapBACnet, sapBACnet, 3}

const sapBACnet = 0x82

// readMSTP reads an MS/TP frame: token and poll frames show who is there, data
// frames carry BACnet.
func (d *Decoder) readMSTP(c *reader, p *Packet) layer {
	h := c.Bytes(8)
	if h == nil {
		return done
	}
	n := int(h[5])<<8 | int(h[6])
	if h[0] != 0x55 || h[1] != 0xff || mstpHeaderCRC(h[2:8]) != 0x55 || h[4] == mstpBroadcast {
		p.Fault = Malformed
		return done
	}
	p.SrcMAC, p.DstMAC = bus.MSTP(h[4]), bus.MSTP(h[3])
	if h[3] == mstpBroadcast || h[2] == mstpPoll { // mostly nobody has it: a call to all
		p.DstMAC = broadcast
	}
	p.Has |= HasMAC
	p.Carrier = MSTP
	if h[2] != mstpExpecting && h[2] != mstpNotExpecting || n == 0 || n > maxNPDU {
		return done
	}
	c.limit(n)
	p.SAP = sapBACnet
	b := append(d.npdu[:0], llcBACnet[:]...)
	b = append(b, c.Rest()...)
	p.Payload, p.PayloadLen, p.CutShort = b, len(b)+c.missing, c.missing > 0
	return done
}

var broadcast = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// mstpHeaderCRC is the register behind the bytes of a header, its CRC included:
// 0x55 when they are right (clause G.1, X^8 + X^7 + 1).
func mstpHeaderCRC(b []byte) byte {
	sum := uint16(0xff)
	for _, x := range b {
		v := sum ^ uint16(x)
		v ^= v<<1 ^ v<<2 ^ v<<3 ^ v<<4 ^ v<<5 ^ v<<6 ^ v<<7
		sum = v&0xfe ^ v>>8&1
	}
	return byte(sum)
}

// System codes of ARCNET packets (ATA 878.1; RFC 1051, RFC 1201).
const (
	arcnetBACnet = 0xcd
	arcnetOldIP  = 0xf0
	arcnetOldARP = 0xf1
	arcnetIP     = 0xd4
	arcnetARP    = 0xd5
	arcnetIPv6   = 0xc4
)

// readARCNET reads an ARCNET packet: source, destination, what the driver put
// between, system code. RFC 1201 packets then say whether they are a piece of
// a longer one; such are told without their content.
func readARCNET(c *reader, p *Packet, between int) layer {
	src, dst := c.U8(), c.U8()
	c.Skip(between)
	code := c.U8()
	if !c.OK() || src == 0 {
		p.Fault = Malformed
		return done
	}
	p.SrcMAC, p.DstMAC = bus.ARCNET(src), bus.ARCNET(dst)
	if dst == 0 {
		p.DstMAC = broadcast
	}
	p.Has |= HasMAC
	switch code {
	case arcnetBACnet:
		return llc
	case arcnetOldIP:
		return ipv4
	case arcnetOldARP:
		p.EtherType = etherARP
		return c.payload(p)
	case arcnetIP, arcnetARP, arcnetIPv6:
		split := c.U8()
		c.Skip(2)
		if split != 0 || !c.OK() {
			return done
		}
	}
	switch code {
	case arcnetIP:
		return ipv4
	case arcnetIPv6:
		return ipv6
	case arcnetARP:
		p.EtherType = etherARP
	}
	return c.payload(p)
}
