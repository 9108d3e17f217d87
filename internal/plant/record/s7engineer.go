package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"time"
)

// s7Engineer does what an engineering tool does with a controller: reads its
// identity and mode, uploads a block, downloads it changed and links it in.
func s7Engineer(_ context.Context, f *flag.FlagSet, args []string) error {
	connect := f.String("connect", "127.0.0.1:102", "address of the controller")
	if err := f.Parse(args); err != nil {
		return err
	}
	c, err := net.Dial("tcp", *connect) //nolint:gosec // the address is the recorder's own
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	e := &engineer{link: newS7Link(c)}
	e.open()
	for _, szl := range [][2]byte{{0x00, 0x11}, {0x00, 0x1c}, {0x04, 0x24}} {
		e.ask(s7UserData, []byte{0, 1, 0x12, 4, 0x11, 0x44, 1, 0}, []byte{0xff, 9, 0, 4, szl[0], szl[1], 0, 0})
		time.Sleep(100 * time.Millisecond)
	}
	e.upload()
	e.download()
	return e.err
}

type engineer struct {
	link *s7Link
	ref  uint16
	err  error // the first
}

func (e *engineer) open() {
	// Connection request: TPDU size 1024, local TSAP 0x0100, remote TSAP 0x0102 (rack 0, slot 2).
	e.err = e.link.putTPKT([]byte{17, 0xe0, 0, 0, 0, 1, 0, 0xc0, 1, 10, 0xc1, 2, 1, 0, 0xc2, 2, 1, 2})
	if e.err == nil {
		_, e.err = e.link.tpkt()
	}
	e.ask(s7Job, []byte{0xf0, 0, 0, 1, 0, 1, 0x01, 0xe0}, nil)
}

func (e *engineer) ask(kind byte, param, data []byte) {
	if e.err != nil {
		return
	}
	e.ref++
	if e.err = e.link.write(s7Message{kind: kind, ref: e.ref, param: param, data: data}); e.err == nil {
		_, e.err = e.link.read()
	}
}

func (e *engineer) upload() {
	name := "_0A00001A" // data block 1 of the active file system
	e.ask(s7Job, append([]byte{0x1d, 0, 0, 0, 0, 0, 0, 0, byte(len(name))}, name...), nil)
	e.ask(s7Job, []byte{0x1e, 0, 0, 0, 0, 0, 0, 7}, nil)
	e.ask(s7Job, []byte{0x1f, 0, 0, 0, 0, 0, 0, 7}, nil)
	time.Sleep(200 * time.Millisecond)
}

func (e *engineer) download() {
	name, block := "_0A00001P", dataBlock(1, 96)
	ask := append([]byte{0x1a, 0, 1, 0, 0, 0, 0, 0, byte(len(name))}, name...)
	ask = append(append(ask, 13, '1'), fmt.Sprintf("%06d%06d", len(block), 96)...)
	e.ask(s7Job, ask, nil)
	for range 2 { // the controller fetches the block and says when it has it
		if e.err != nil {
			return
		}
		var m s7Message
		if m, e.err = e.link.read(); e.err != nil {
			return
		}
		a := s7Message{kind: s7AckData, ref: m.ref, param: []byte{m.param[0]}}
		if m.param[0] == 0x1b {
			a.param, a.data = []byte{0x1b, 0}, part(block)
		}
		e.err = e.link.write(a)
	}
	insert := append([]byte{0x28, 0, 0, 0, 0, 0, 0, 0xfd, 0, 10, 1, 0}, "0A00001P"...)
	e.ask(s7Job, append(append(insert, 5), "_INSE"...), nil)
}
