package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/netip"
	"time"
)

// device is a small EtherNet/IP target: ListIdentity, the Identity object, tag
// reads and writes, and one class 1 connection. Layouts follow ODVA's
// published EtherNet/IP specification, volume 2.
type device struct {
	addr   netip.Addr
	front  product // answers ListIdentity
	cpu    product // in the rack behind it, answers messages; front itself without a rack
	tagged uint
	io     chan ioConnection
}

// product is what the Identity object says.
type product struct {
	vendor, kind, code, major, minor, serial uint
	name                                     string
}

// ioConnection is what a Forward Open of class 1 agreed.
type ioConnection struct {
	peer  netip.Addr
	toID  uint32
	size  int
	every time.Duration
}

var le = binary.LittleEndian

func enipDevice(_ context.Context, f *flag.FlagSet, args []string) error {
	d := device{io: make(chan ioConnection, 1)}
	addr := f.String("address", "127.0.0.1", "own address")
	f.UintVar(&d.front.vendor, "vendor", 1, "vendor id")
	f.UintVar(&d.front.kind, "type", 14, "device type")
	f.UintVar(&d.front.code, "code", 55, "product code")
	f.UintVar(&d.front.major, "major", 20, "major revision")
	f.UintVar(&d.front.minor, "minor", 11, "minor revision")
	f.UintVar(&d.front.serial, "serial", 0x00c0ffee, "serial number")
	f.StringVar(&d.front.name, "name", "1756-L61/B LOGIX5561", "product name")
	d.cpu = product{vendor: 1, kind: 14, major: 32, minor: 13}
	f.StringVar(&d.cpu.name, "controller", "", "product name of the controller in slot 0")
	f.UintVar(&d.cpu.code, "controller-code", 0, "its product code")
	f.UintVar(&d.cpu.serial, "controller-serial", 0, "its serial number")
	if err := f.Parse(args); err != nil {
		return err
	}
	if d.cpu.name == "" {
		d.cpu = d.front
	}
	var err error
	if d.addr, err = netip.ParseAddr(*addr); err != nil {
		return err
	}
	go d.listIdentity()
	go d.produce()
	l, err := net.Listen("tcp", net.JoinHostPort(d.addr.String(), "44818"))
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			if err := d.serve(c); err != nil && !errors.Is(err, io.EOF) {
				log.Print(err)
			}
		}()
	}
}

// identity is an item of the ListIdentity reply: socket address, identity.
func (d *device) identity() []byte {
	a := d.addr.As4()
	b := []byte{1, 0, 0, 2, 0xaf, 0x12, a[0], a[1], a[2], a[3], 0, 0, 0, 0, 0, 0, 0, 0}
	return append(append(b, d.front.attributes()...), 3) // state: operational
}

// attributes are those of the Identity object, instance 1 (CIP volume 1, 5-2).
func (p product) attributes() []byte {
	b := le.AppendUint16(nil, uint16(p.vendor))
	b = le.AppendUint16(b, uint16(p.kind))
	b = le.AppendUint16(b, uint16(p.code))
	b = append(b, byte(p.major), byte(p.minor), 0x60, 0x30)
	b = le.AppendUint32(b, uint32(p.serial))
	return append(append(b, byte(len(p.name))), p.name...)
}

func (d *device) listIdentity() {
	c, err := net.ListenPacket("udp4", ":44818")
	if err != nil {
		log.Fatal(err)
	}
	var in [512]byte
	for {
		n, peer, err := c.ReadFrom(in[:])
		if err != nil || n < 24 || le.Uint16(in[:]) != 0x63 {
			continue
		}
		item := d.identity()
		body := append([]byte{1, 0, 0x0c, 0, byte(len(item)), byte(len(item) >> 8)}, item...)
		if _, err := c.WriteTo(encapsulated(0x63, 0, in[12:20], body), peer); err != nil {
			log.Print(err)
		}
	}
}

func encapsulated(command uint16, session uint32, context, body []byte) []byte {
	b := le.AppendUint16(nil, command)
	b = le.AppendUint16(b, uint16(len(body)))
	b = le.AppendUint32(b, session)
	b = le.AppendUint32(b, 0)
	b = append(b, context...)
	return append(le.AppendUint32(b, 0), body...)
}

func (d *device) serve(c net.Conn) error {
	defer func() { _ = c.Close() }()
	in := bufio.NewReader(c)
	const session = 0x16a20005
	var toID uint32
	for {
		head := make([]byte, 24)
		if _, err := io.ReadFull(in, head); err != nil {
			return err
		}
		body := make([]byte, le.Uint16(head[2:]))
		if _, err := io.ReadFull(in, body); err != nil {
			return err
		}
		var out []byte
		switch command := le.Uint16(head); command {
		case 0x65:
			out = body
		case 0x66:
			return nil
		case 0x6f: // SendRRData: null address, unconnected message
			cip := d.cip(body[16:], c, &toID)
			out = append(append([]byte{0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0xb2, 0}, byte(len(cip)), byte(len(cip)>>8)), cip...)
		case 0x70: // SendUnitData: connection, sequence count, message
			cip := append([]byte{body[20], body[21]}, d.cip(body[22:], c, &toID)...)
			out = le.AppendUint32([]byte{0, 0, 0, 0, 0, 0, 2, 0, 0xa1, 0, 4, 0}, toID)
			out = append(append(out, 0xb1, 0, byte(len(cip)), byte(len(cip)>>8)), cip...)
		default:
			return fmt.Errorf("command 0x%04x is not known", command)
		}
		if _, err := c.Write(encapsulated(le.Uint16(head), session, head[12:20], out)); err != nil {
			return err
		}
	}
}

// cip answers one message router request.
func (d *device) cip(m []byte, c net.Conn, toID *uint32) []byte {
	service, path := m[0], m[2:2+2*int(m[1])]
	data := m[2+len(path):]
	good := []byte{service | 0x80, 0, 0, 0}
	switch service {
	case 0x01: // Get_Attributes_All
		return append(good, d.cpu.attributes()...)
	case 0x52: // Unconnected_Send: the message within
		return d.cip(data[4:4+le.Uint16(data[2:])], c, toID)
	case 0x54: // Forward_Open
		return append(good, d.open(data, c, toID)...)
	case 0x4e: // Forward_Close
		return append(append(good, data[2:10]...), 0, 0)
	case 0x4c: // Read Tag: REAL that moves
		d.tagged++
		return le.AppendUint32(append(good, 0xca, 0), 0x42f00000+uint32(d.tagged%64)<<12)
	case 0x4d: // Write Tag
		return good
	case 0x55: // Get_Instance_Attribute_List of symbols
		return append(good, symbols()...)
	}
	return []byte{service | 0x80, 0, 0x08, 0} // service not supported
}

func symbols() []byte {
	var b []byte
	for i, name := range []string{"Filler_Speed", "Tank_Level", "Recipe_Setpoint"} {
		b = le.AppendUint32(b, uint32(i+1))
		b = le.AppendUint16(b, uint16(len(name)))
		b = append(b, name...)
		b = append(b, 0xca, 0) // REAL
	}
	return b
}

// open agrees to a connection; class 1 starts production to the originator.
func (d *device) open(q []byte, c net.Conn, toID *uint32) []byte {
	*toID = le.Uint32(q[6:])
	b := le.AppendUint32(nil, 0x20840001)
	b = append(b, q[6:18]...) // T->O id, connection serial, vendor, originator serial
	b = append(b, q[22:26]...)
	b = append(b, q[28:32]...)
	if q[34]&0x0f == 1 {
		peer, _ := netip.ParseAddrPort(c.RemoteAddr().String())
		d.io <- ioConnection{peer: peer.Addr().Unmap(), toID: *toID, size: int(le.Uint16(q[32:])&0x1ff) - 2, every: time.Duration(le.Uint32(q[28:])) * time.Microsecond}
	}
	return append(b, 0, 0)
}

// produce sends inputs of the class 1 connection, and takes the outputs that
// come back without a look.
func (d *device) produce() {
	c, err := net.ListenPacket("udp4", ":2222")
	if err != nil {
		log.Fatal(err)
	}
	conn := <-d.io
	for seq := uint32(1); ; seq++ {
		b := le.AppendUint32([]byte{2, 0, 0x02, 0x80, 8, 0}, conn.toID)
		b = le.AppendUint32(b, seq)
		b = append(b, 0xb1, 0, byte(conn.size+2), 0, byte(seq), byte(seq>>8))
		for i := range conn.size {
			b = append(b, byte(int(seq)*(i+1)))
		}
		if _, err := c.WriteTo(b, net.UDPAddrFromAddrPort(netip.AddrPortFrom(conn.peer, 2222))); err != nil {
			log.Print(err)
		}
		time.Sleep(conn.every)
	}
}
