package decode

// Types and bits of an IEEE 802.11 frame control field (IEEE 802.11-2020 clause 9.2.4.1).
const (
	wlanManagement = 0
	wlanData       = 2

	wlanQoS    = 0x8 // subtypes of data
	wlanNoData = 0x4

	wlanToDS      = 0x01
	wlanFromDS    = 0x02
	wlanMore      = 0x04
	wlanProtected = 0x40
	wlanOrder     = 0x80
)

// readRadiotap reads a radiotap header, of which the length counts and, where
// it has one, the flags field: that the frame's check sequence was kept.
//
//	version 0 (8) pad (8) length (16) present (32, more while bit 31 is set); little endian
func readRadiotap(c *reader, p *Packet) layer {
	h := c.Peek(8)
	if h == nil {
		c.Skip(8) // short
		return done
	}
	length, present := int(h[2])|int(h[3])<<8, h[4]
	at := 8
	for more := h[7]; more&0x80 != 0; at += 4 {
		w := c.Peek(at + 4)
		if w == nil {
			break
		}
		more = w[at+3]
	}
	if present&1 != 0 { // time of 64 bits, aligned
		at = (at+7)&^7 + 8
	}
	flags := byte(0)
	if f := c.Peek(at + 1); present&2 != 0 && f != nil && at < length {
		flags = f[at]
	}
	if c.Skip(length); h[0] != 0 || length < 8 {
		p.Fault = Malformed
		return done
	}
	if n := c.Len() + c.missing - 4; flags&0x10 != 0 && n > 0 {
		c.limit(n)
	}
	return wlan
}

// readWLAN reads an IEEE 802.11 frame: who sent it to whom, and in a data frame
// that is not ciphered what it carries. Control frames name no sender that
// counts.
//
//	control (16) duration (16) address 1 | address 2 | address 3 | sequence (16) | address 4, QoS, HT where announced
func readWLAN(c *reader, p *Packet) layer {
	control, bits := c.U8(), c.U8()
	c.Skip(2)
	kind, sub := control>>2&3, control>>4
	if !c.OK() || kind != wlanManagement && kind != wlanData {
		return done
	}
	a1, a2, a3 := c.Bytes(6), c.Bytes(6), c.Bytes(6)
	fragment := c.U16() // little endian: the first four bits are the high byte's low ones
	if !c.OK() {
		return done
	}
	dst, src := a1, a2
	switch bits & (wlanToDS | wlanFromDS) {
	case wlanFromDS:
		src = a3
	case wlanToDS:
		dst = a3
	case wlanToDS | wlanFromDS:
		dst, src = a3, c.Bytes(6)
	}
	var qos byte
	if kind == wlanData && sub&wlanQoS != 0 {
		qos = c.U8()
		c.Skip(1)
		if bits&wlanOrder != 0 {
			c.Skip(4)
		}
	}
	if !c.OK() {
		return done
	}
	p.SrcMAC, p.DstMAC = MAC(src), MAC(dst)
	p.Has |= HasMAC
	p.Carrier = WLAN
	// Aggregates (bit 7 of QoS) and pieces of frames are told as frames only.
	if kind != wlanData || sub&wlanNoData != 0 || bits&(wlanProtected|wlanMore) != 0 || qos&0x80 != 0 || fragment>>8&0xf != 0 {
		return done
	}
	p.Carrier = NoCarrier
	return llc
}
