package netsim

import (
	"encoding/binary"
	"io"
	"net"
)

// Modbus serves Modbus over TCP until the listener closes: reply gets the body
// of each request and gives that of its answer; nil is silence.
func Modbus(l net.Listener, reply func(pdu []byte) []byte) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close() //nolint:errcheck // a test's device
			ModbusConn(c, reply)
		}()
	}
}

// ModbusConn serves one connection until either side ends it.
func ModbusConn(c io.ReadWriter, reply func(pdu []byte) []byte) {
	for {
		head := make([]byte, 7) // transaction, protocol, length, unit
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint16(head[4:])) - 1
		if n < 1 || n > 253 {
			return
		}
		pdu := make([]byte, n)
		if _, err := io.ReadFull(c, pdu); err != nil {
			return
		}
		answer := reply(pdu)
		if answer == nil {
			continue
		}
		binary.BigEndian.PutUint16(head[4:], uint16(len(answer)+1))
		if _, err := c.Write(append(head, answer...)); err != nil {
			return
		}
	}
}
