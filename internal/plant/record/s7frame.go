package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// S7 runs in COTP (ISO 8073 class 0) in TPKT (RFC 1006). The layout of the S7
// messages follows the published descriptions of the protocol.
const (
	s7Job      = 1
	s7AckData  = 3
	s7UserData = 7
)

type s7Message struct {
	kind  byte
	ref   uint16
	param []byte
	data  []byte
}

type s7Link struct {
	net.Conn
	in *bufio.Reader
}

func newS7Link(c net.Conn) *s7Link { return &s7Link{c, bufio.NewReader(c)} }

// tpkt reads one TPKT and returns its COTP.
func (l *s7Link) tpkt() ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(l.in, head[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(head[2:]))
	if head[0] != 3 || n < 7 {
		return nil, fmt.Errorf("no TPKT: % x", head)
	}
	b := make([]byte, n-4)
	_, err := io.ReadFull(l.in, b)
	return b, err
}

func (l *s7Link) putTPKT(cotp []byte) error {
	b := append([]byte{3, 0, 0, 0}, cotp...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	_, err := l.Write(b)
	return err
}

func (l *s7Link) read() (s7Message, error) {
	b, err := l.tpkt()
	if err != nil {
		return s7Message{}, err
	}
	if len(b) < 13 || b[1] != 0xf0 || b[3] != 0x32 {
		return s7Message{}, fmt.Errorf("no S7: % x", b)
	}
	s := b[3:]
	m := s7Message{kind: s[1], ref: binary.BigEndian.Uint16(s[4:])}
	np, nd, at := int(binary.BigEndian.Uint16(s[6:])), int(binary.BigEndian.Uint16(s[8:])), 10
	if m.kind == 2 || m.kind == s7AckData {
		at = 12
	}
	if len(s) < at+np+nd {
		return s7Message{}, fmt.Errorf("short S7: % x", s)
	}
	m.param, m.data = s[at:at+np], s[at+np:at+np+nd]
	return m, nil
}

func (l *s7Link) write(m s7Message) error {
	b := []byte{2, 0xf0, 0x80, 0x32, m.kind, 0, 0, byte(m.ref >> 8), byte(m.ref), byte(len(m.param) >> 8), byte(len(m.param)), byte(len(m.data) >> 8), byte(len(m.data))}
	if m.kind == s7AckData {
		b = append(b, 0, 0) // no error
	}
	return l.putTPKT(append(append(b, m.param...), m.data...))
}
