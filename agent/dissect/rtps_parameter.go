package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// Parameters of discovery, table 9.14.
const (
	rtpsEnd        = 0x0001
	rtpsTopic      = 0x0005
	rtpsDomainID   = 0x000f
	rtpsProperties = 0x0059
	rtpsEntityName = 0x0062
	rtpsProduct    = 0x8000 // of RTI: version of the product
)

// rtpsParameter reads the next parameter of a list: identifier 16, length 16,
// value. It reports false at the end of the list.
func rtpsParameter(c *wire.Cursor, little bool) (id uint16, v wire.Cursor, ok bool) {
	id = rtps16(c, little)
	v = c.Sub(int(rtps16(c, little)))
	return id, v, c.OK() && id != rtpsEnd
}

// participant reads what a participant says of itself, clause 8.5.3.
func (d *rtps) participant(c *wire.Cursor, little bool, out Out) {
	for range maxRTPSLists {
		id, v, ok := rtpsParameter(c, little)
		if !ok {
			return
		}
		switch id {
		case rtpsDomainID:
			if n := rtps32(&v, little); v.OK() {
				out.Fact(Sender, rtpsDomain, d.text.uint(uint64(n)), "rtps.participant.domain_id", ot.Content)
			}
		case rtpsEntityName:
			rtpsText(rtpsParticipant, rtpsString(&v, little), "rtps.participant.entity_name", ot.Content, out)
		case rtpsProperties:
			d.properties(&v, little, out)
		case rtpsProduct:
			d.product(&v, out)
		}
	}
}

// properties reads pairs of name and value, and takes those by which
// middleware names the machine that it runs on.
func (d *rtps) properties(c *wire.Cursor, little bool, out Out) {
	count := rtps32(c, little)
	for n := uint32(0); n < min(count, maxRTPSLists) && c.OK(); n++ {
		name, value := rtpsString(c, little), rtpsString(c, little)
		switch string(trim(name)) {
		case "dds.sys_info.hostname", "fastdds.physical_data.host", "__Hostname":
			// The second is a name with a number behind it, "host:ab:cd".
			for i, x := range value {
				if x == ':' {
					value = value[:i]
					break
				}
			}
			rtpsText(ot.Name, value, "rtps.participant.property.host", ot.Identity, out)
		case "dds.sys_info.target":
			rtpsText(ot.OS, value, "rtps.participant.property.target", ot.Content, out)
		}
	}
}

// product reads the version that RTI's middleware tells, four numbers.
func (d *rtps) product(v *wire.Cursor, out Out) {
	b := v.Bytes(4)
	if b == nil || zero(b) {
		return
	}
	at := d.text.mark()
	for i, x := range b {
		if i > 0 {
			d.text.byte('.')
		}
		d.text.uint(uint64(x))
	}
	out.Fact(Sender, rtpsVersion, d.text.since(at), "rtps.participant.product_version", ot.Identity)
}

// endpoint reads the topic of one writer or reader, clause 8.5.4.
func (d *rtps) endpoint(c *wire.Cursor, little, reader bool, out Out) {
	if reader {
		out.Operation(ot.Subscribe, 1)
	}
	for range maxRTPSLists {
		id, v, ok := rtpsParameter(c, little)
		switch {
		case !ok:
			return
		case id != rtpsTopic:
		case reader:
			rtpsText(rtpsSubscribes, rtpsString(&v, little), "rtps.subscription.topic_name", ot.Content, out)
		default:
			rtpsText(rtpsPublishes, rtpsString(&v, little), "rtps.publication.topic_name", ot.Content, out)
		}
	}
}

// rtpsString reads a string of CDR: a length with the closing NUL, padded to
// four octets.
func rtpsString(c *wire.Cursor, little bool) []byte {
	n := int(rtps32(c, little))
	if n < 0 || n > c.Len() {
		c.Skip(c.Len() + 1)
		return nil
	}
	v := c.Bytes(n)
	c.Skip(min(-n&3, c.Len()))
	return v
}

func rtpsText(a ot.Attribute, v []byte, source string, g ot.Grade, out Out) {
	const most = 255
	if v = trim(v); len(v) > 0 && len(v) <= most && printable(v) {
		out.Fact(Sender, a, v, source, g)
	}
}

// rtpsVendors are the identifiers that OMG's list of DDS vendors gives out,
// from 01.01 on; what they stand for is a product.
var rtpsVendors = [...][]byte{
	1:  []byte("RTI Connext DDS"),
	2:  []byte("ADLINK OpenSplice DDS"),
	3:  []byte("OpenDDS"),
	4:  []byte("MilSoft DDS"),
	5:  []byte("Kongsberg InterCOM DDS"),
	6:  []byte("Twin Oaks CoreDX DDS"),
	9:  []byte("ETRI Diamond DDS"),
	10: []byte("RTI Connext DDS Micro"),
	11: []byte("ADLINK Vortex Cafe"),
	13: []byte("ADLINK Vortex Lite"),
	15: []byte("eProsima Fast DDS"),
	16: []byte("Eclipse Cyclone DDS"),
	17: []byte("GurumNetworks GurumDDS"),
	18: []byte("Atostek RustDDS"),
	20: []byte("S2E Software Dust DDS"),
}

// sender tells what every message says of its sender.
func (d *rtps) sender(vendor uint16, out Out) {
	out.Fact(Sender, rtpsVendor, d.text.word16(vendor), "rtps.header.vendor_id", ot.Content)
	if n := int(vendor & 0xff); vendor>>8 == 1 && n < len(rtpsVendors) && rtpsVendors[n] != nil {
		out.Fact(Sender, ot.Product, rtpsVendors[n], "rtps.header.vendor_id", ot.Content)
	}
}
