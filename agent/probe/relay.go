package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"time"

	"github.com/simonvetter/modbus"
)

// relayed has the library make one read, which dials by itself: it gets a
// socket on loopback, and what it writes there is sent on only if it is the
// planned request.
func (x *exchange) relayed(ctx context.Context, l *line, r *registerRead) (value []byte, err error) {
	if err := x.Gate.pass(ctx, x.addr); err != nil { // now, and not while the library's clock runs
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("probe: relay: %w", err)
	}
	defer func() { _ = listener.Close() }()
	outcome := make(chan error, 1)
	go func() { outcome <- x.relay(ctx, listener, l, r) }()
	value, err = x.library(listener.Addr().String(), r)
	_ = listener.Close()
	if sent := <-outcome; sent != nil {
		return nil, sent // it says more than what the library makes of it
	}
	return value, err
}

// library reads registers with simonvetter/modbus. It panics after a failed
// Open; whatever it does in its own goroutine, ours, is caught.
func (x *exchange) library(address string, r *registerRead) (value []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("probe: modbus library: %v", p)
		}
	}()
	c, err := modbus.NewClient(&modbus.ClientConfiguration{URL: "tcp://" + address, Timeout: 2*x.timeout + time.Second, Logger: log.New(io.Discard, "", 0)})
	if err != nil {
		return nil, err
	}
	if err := c.Open(); err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetUnitId(r.unit); err != nil {
		return nil, err
	}
	kind := modbus.HOLDING_REGISTER
	if r.input {
		kind = modbus.INPUT_REGISTER
	}
	words, err := c.ReadRegisters(r.first, r.count, kind)
	if err != nil {
		return nil, err
	}
	for _, w := range words {
		value = append(value, byte(w>>8), byte(w))
	}
	return value, nil
}

// relay takes one request from loopback to the device and its answer back.
func (x *exchange) relay(ctx context.Context, listener net.Listener, l *line, r *registerRead) error {
	c, err := listener.Accept()
	if err != nil {
		return fmt.Errorf("probe: relay: %w", err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(x.timeout + time.Second)); err != nil {
		return err
	}
	request, err := readADU(c)
	if err != nil {
		return fmt.Errorf("probe: relay: %w", errors.Unwrap(err))
	}
	if !bytes.Equal(request, r.adu()) {
		return fmt.Errorf("%w: the relay was given %x and passes %x alone", ErrClosed, request, r.adu())
	}
	answer, err := x.ask(ctx, l, modbusRead{what: r.what, unit: r.unit, tid: relayTID, pdu: request[mbap:]})
	if len(answer) > 0 {
		_, _ = c.Write(answer) // the library may have given up
	}
	return err
}
