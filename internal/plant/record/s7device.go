package main

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
)

// controller is a small S7 controller: one data block with moving process
// values, its identity in SZL 0x0011 and 0x001c, block up- and download.
type controller struct {
	station, module, serial, model, order, firmware string
	block                                           []byte
	reads                                           int
}

func s7Device(_ context.Context, f *flag.FlagSet, args []string) error {
	var c controller
	listen := f.String("listen", ":102", "address")
	f.StringVar(&c.station, "station", "SIMATIC 300(1)", "name of the automation system")
	f.StringVar(&c.module, "module", "PLC", "name of the module")
	f.StringVar(&c.serial, "serial", "S X-000000000000", "serial number")
	f.StringVar(&c.model, "model", "CPU 315-2 PN/DP", "module type name")
	f.StringVar(&c.order, "order", "6ES7 315-2EH14-0AB0", "order number")
	f.StringVar(&c.firmware, "firmware", "3.2.6", "firmware, three numbers")
	if err := f.Parse(args); err != nil {
		return err
	}
	c.block = dataBlock(1, 96)
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		if err := c.serve(newS7Link(conn)); err != nil && !errors.Is(err, io.EOF) {
			log.Print(err)
		}
	}
}

func (c *controller) serve(l *s7Link) error {
	defer func() { _ = l.Close() }()
	cr, err := l.tpkt()
	if err != nil {
		return err
	}
	cc := append([]byte(nil), cr...) // connection confirm: the request's parameters, our reference
	cc[1], cc[2], cc[3], cc[4], cc[5] = 0xd0, cr[4], cr[5], 0x44, 0x31
	if err := l.putTPKT(cc); err != nil {
		return err
	}
	for {
		m, err := l.read()
		if err != nil {
			return err
		}
		if err := c.answer(l, m); err != nil {
			return err
		}
	}
}

func (c *controller) answer(l *s7Link, m s7Message) error {
	if m.kind == s7UserData {
		return l.write(c.userData(m))
	}
	a := s7Message{kind: s7AckData, ref: m.ref}
	switch m.param[0] {
	case 0xf0: // setup communication: 240 byte PDUs
		a.param = []byte{0xf0, 0, 0, 1, 0, 1, 0, 240}
	case 0x04:
		a.param, a.data = []byte{0x04, m.param[1]}, c.values(m.param)
	case 0x05:
		a.param = []byte{0x05, m.param[1]}
		for range m.param[1] {
			a.data = append(a.data, 0xff)
		}
	case 0x1d: // start upload: the length in seven decimal digits
		a.param = append([]byte{0x1d, 0, 1, 0, 0, 0, 0, 7, 7}, fmt.Sprintf("%07d", len(c.block))...)
	case 0x1e:
		a.param, a.data = []byte{0x1e, 0}, part(c.block)
	case 0x1f, 0x28:
		a.param = []byte{m.param[0]}
	case 0x1a:
		if err := l.write(s7Message{kind: s7AckData, ref: m.ref, param: []byte{0x1a}}); err != nil {
			return err
		}
		return c.fetch(l, m.param[8:18])
	default:
		return fmt.Errorf("function 0x%02x is not known", m.param[0])
	}
	return l.write(a)
}

// fetch takes a block from the engineering tool: the controller asks for it.
func (c *controller) fetch(l *s7Link, name []byte) error {
	for i, function := range []byte{0x1b, 0x1c} {
		ask := append([]byte{function, 0, 0, 0, 0, 0, 0, 0}, name...)
		if err := l.write(s7Message{kind: s7Job, ref: 0x8000 + uint16(i), param: ask}); err != nil {
			return err
		}
		if _, err := l.read(); err != nil {
			return err
		}
	}
	return nil
}

// values answers a read: bytes that move a little from read to read.
func (c *controller) values(param []byte) []byte {
	c.reads++
	var out []byte
	for i := range int(param[1]) {
		item := param[2+12*i:]
		n := int(binary.BigEndian.Uint16(item[4:]))
		if len(out)%2 == 1 {
			out = append(out, 0)
		}
		out = append(out, 0xff, 4, byte(n*8>>8), byte(n*8))
		for j := range n {
			out = append(out, byte(j*7+c.reads*(1+j%3)))
		}
	}
	return out
}

// part wraps block bytes as they travel: length, 0x00fb, bytes.
func part(b []byte) []byte {
	return append([]byte{byte(len(b) >> 8), byte(len(b)), 0, 0xfb}, b...)
}

// userData answers the reading of a system status list (SZL).
func (c *controller) userData(m s7Message) s7Message {
	id, index := binary.BigEndian.Uint16(m.data[4:]), binary.BigEndian.Uint16(m.data[6:])
	list := c.szl(id, index)
	a := s7Message{kind: s7UserData, ref: m.ref, param: []byte{0, 1, 0x12, 8, 0x12, 0x84, 1, 1, 0, 0, 0, 0}}
	if list == nil {
		a.param[10], a.param[11], a.data = 0xd4, 0x01, []byte{0x0a, 0, 0, 0} // not available
		return a
	}
	a.data = append([]byte{0xff, 9, byte(len(list) >> 8), byte(len(list))}, list...)
	return a
}

func (c *controller) szl(id, index uint16) []byte {
	var rows [][]byte
	switch id {
	case 0x0011:
		var v [3]byte
		fmt.Sscanf(c.firmware, "%d.%d.%d", &v[0], &v[1], &v[2]) //nolint:errcheck // a bad flag shows as V0.0.0
		rows = [][]byte{
			append(append([]byte{0, 1}, padded(c.order, 20)...), 0, 0xc0, 0, 4, 0, 1),
			append(append([]byte{0, 6}, padded(c.order, 20)...), 0, 0xc0, 0, 4, 0, 1),
			append(append([]byte{0, 7}, padded("", 20)...), 0, 0xc0, 'V', v[0], v[1], v[2]),
		}
	case 0x001c:
		for i, text := range []string{c.station, c.module, "", "Original Siemens Equipment", c.serial, "", c.model} {
			if i != 5 {
				rows = append(rows, append([]byte{0, byte(i + 1)}, zeroed(text, 32)...))
			}
		}
	case 0x0424: // operating mode: run
		rows = [][]byte{{0x51, 0x08, 0xff, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 0x26, 0x03, 0x10, 0x05, 0x11, 0x09, 0x28, 0x13}}
	default:
		return nil
	}
	out := []byte{byte(id >> 8), byte(id), byte(index >> 8), byte(index), 0, byte(len(rows[0])), 0, byte(len(rows))}
	for _, r := range rows {
		out = append(out, r...)
	}
	return out
}

func padded(s string, n int) []byte { return fmt.Appendf(nil, "%-*s", n, s)[:n] }
func zeroed(s string, n int) []byte { return append([]byte(s), make([]byte, n)...)[:n] }

// dataBlock is an offline block as tools load it: header, data, footer.
func dataBlock(number uint16, size int) []byte {
	b := make([]byte, 36+size+36)
	copy(b, []byte{'p', 'p', 1, 1, 5, 0x0a})
	binary.BigEndian.PutUint16(b[6:], number)
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)))
	binary.BigEndian.PutUint16(b[34:], uint16(size))
	for i := range size {
		b[36+i] = byte(i * 11)
	}
	copy(b[36+size:], "HOUSTON FILLER  DB_RECIP")
	return b
}
