package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// ecatEEPROM is what a master last wanted of a slave's EEPROM.
type ecatEEPROM struct {
	slave uint16
	word  uint32
	set   bool
}

// Words of the EEPROM, ETG.1000.6 table "Slave information interface area".
const (
	ecatWordVendor   = 0x08
	ecatWordProduct  = 0x0a
	ecatWordRevision = 0x0c
	ecatWordSerial   = 0x0e
)

// eepromAsked notes an access by station address: control, then the word.
func (d *ethercat) eepromAsked(g *ecatDatagram, out Out) {
	c := wire.New(g.data)
	control, word := c.U16LE(), c.U32LE()
	if control&ecatEEWrite != 0 {
		out.Operation(ot.Configure, 1)
		return
	}
	if !c.OK() || control&ecatEERead == 0 {
		return
	}
	out.Operation(ot.Diagnose, 1)
	if g.command != ecatFPWR {
		return
	}
	for i := range d.eeprom {
		if d.eeprom[i].set && d.eeprom[i].slave == g.slave {
			d.eeprom[i].word = word
			return
		}
	}
	d.eeprom[d.next%uint8(len(d.eeprom))] = ecatEEPROM{g.slave, word, true}
	d.next++
}

// answered reads EEPROM data that one slave gave: from the data register, or
// from the control register on, whose busy bit must be clear.
func (d *ethercat) answered(m *Message, g *ecatDatagram, out Out) {
	if g.command != ecatFPRD || g.counter != 1 {
		return
	}
	c := wire.New(g.data)
	switch g.offset {
	case ecatEEControl:
		if control := c.U16LE(); control&0xfb00 != 0 { // busy, failed or under way
			return
		}
		word := c.U32LE()
		if c.Len() >= 4 {
			d.words(m, g.slave, word, &c, out)
		}
	case ecatEEData:
		for i := range d.eeprom {
			if x := &d.eeprom[i]; x.set && x.slave == g.slave {
				d.words(m, g.slave, x.word, &c, out)
			}
		}
	}
}

// words tells what stands in the EEPROM from a word on: 4 or 8 octets.
func (d *ethercat) words(m *Message, slave uint16, word uint32, c *wire.Cursor, out Out) {
	for ; c.Len() >= 4 && word <= ecatWordSerial; word += 2 {
		v := c.U32LE()
		if v == 0 || v == 0xffffffff || word < ecatWordVendor || word%2 != 0 {
			continue
		}
		at := d.text.mark()
		d.text.adds("slave/")
		d.text.uint(uint64(slave))
		of := Part(ecatHost(m), d.paths.of(d.text.since(at)))
		value := d.text.uint(uint64(v))
		switch word {
		case ecatWordVendor:
			out.Fact(of, ecatVendor, value, "ethercat.eeprom.vendor_id", ot.Identity)
		case ecatWordProduct:
			out.Fact(of, ecatProduct, value, "ethercat.eeprom.product_code", ot.Identity)
		case ecatWordRevision:
			out.Fact(of, ecatRevision, value, "ethercat.eeprom.revision", ot.Identity)
		case ecatWordSerial:
			out.Fact(of, ot.Serial, value, "ethercat.eeprom.serial", ot.Identity)
		}
	}
}
