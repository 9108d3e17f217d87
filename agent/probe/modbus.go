package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"demarc/internal/reading"
	"demarc/internal/wire"
)

// modbusRead is one planned Modbus request of our own client.
type modbusRead struct {
	what string
	unit byte
	tid  uint16 // transaction identifiers are planned: those that follow on count up in the low byte
	pdu  []byte
}

// maxMore is how many requests may follow one read of the identification
// while the device says that more follows.
const maxMore = 16

// adu is the request with its header, Modbus Messaging on TCP/IP 3.1.3.
func (r modbusRead) adu() []byte {
	b := binary.BigEndian.AppendUint16(nil, r.tid)
	b = append(b, 0, 0, 0, byte(len(r.pdu)+1), r.unit) // at most five bytes
	return append(b, r.pdu...)
}

// identification categories, Application Protocol V1.1b3 6.21, each with the
// object that it begins at.
var categories = []struct {
	name  string
	code  byte
	first byte
}{{"basic", 1, 0x00}, {"regular", 2, 0x03}, {"extended", 3, 0x80}}

// modbusPlan lists what our own client sends, in its order.
func modbusPlan(m *reading.Modbus) []modbusRead {
	units, err := m.UnitList()
	if err != nil {
		return nil // config has refused it
	}
	wanted := m.Identification
	if wanted == "" {
		wanted = "basic"
	}
	var all []modbusRead
	add := func(unit byte, what string, pdu ...byte) {
		all = append(all, modbusRead{what: fmt.Sprintf("%s, unit %d", what, unit), unit: unit, tid: uint16(len(all)+1) << 8, pdu: pdu}) // few
	}
	for _, u := range units {
		for _, c := range categories {
			if wanted == "none" {
				break
			}
			add(u, "modbus read device identification, "+c.name, fnTransport, meiDeviceID, c.code, c.first)
			if c.name == wanted {
				break
			}
		}
		if m.ServerID {
			add(u, "modbus report server ID", fnServerID)
		}
	}
	return all
}

func modbusPort(m *reading.Modbus) int {
	if m.Port == 0 {
		return 502
	}
	return m.Port
}

// modbus asks one device over Modbus: identification by our own client, then
// registers.
func (x *exchange) modbus(ctx context.Context, m *reading.Modbus) error {
	var errs []error
	if plan := modbusPlan(m); len(plan) > 0 {
		errs = append(errs, x.identify(ctx, m, plan))
	}
	if plan := registerPlan(m); len(plan) > 0 && !hopeless(errors.Join(errs...)) {
		errs = append(errs, x.registers(ctx, m, plan))
	}
	return errors.Join(errs...)
}

// identify sends the plan over one connection. A device that answers a request
// with an exception, or wrongly, is asked the next; one that is silent is not.
func (x *exchange) identify(ctx context.Context, m *reading.Modbus, plan []modbusRead) error {
	if err := x.Gate.wait(ctx, x.addr, 1); err != nil {
		return err
	}
	l, err := x.dial(ctx, modbusPort(m), onlyReads)
	if err != nil {
		return err
	}
	defer l.close()
	units, _ := m.UnitList() // checked by modbusPlan
	h := newHearer(x, "modbus", len(units) > 1)
	var errs []error
	silent := map[byte]bool{} // units that a gateway does not reach
	for i, r := range plan {
		if silent[r.unit] {
			continue
		}
		if i > 0 {
			if err := x.Gate.wait(ctx, x.addr, 1); err != nil {
				return errors.Join(append(errs, err)...)
			}
		}
		err := x.read(ctx, l, r, h)
		var e exception
		switch {
		case err == nil:
		case errors.As(err, &e):
			silent[r.unit] = e.unreached()
		case hopeless(err):
			return errors.Join(append(errs, err)...)
		default:
			return errors.Join(append(errs, fmt.Errorf("%s: %w", r.what, err))...) // out of step: hang up
		}
	}
	return errors.Join(errs...)
}

// read sends one request and what follows on it.
func (x *exchange) read(ctx context.Context, l *line, r modbusRead, h *hearer) error {
	for more := 0; ; more++ {
		answer, err := x.ask(ctx, l, r)
		if err != nil {
			return err
		}
		h.hear(r.adu(), answer)
		next, follows := moreFollows(r.pdu, answer)
		switch {
		case !follows:
			return nil
		case next <= r.pdu[3]:
			return fmt.Errorf("the device says that object 0x%02x follows 0x%02x: asked no further", next, r.pdu[3])
		case more == maxMore:
			return fmt.Errorf("the device still says that more follows after %d requests: asked no further", maxMore)
		}
		r.tid++
		r.pdu = []byte{r.pdu[0], r.pdu[1], r.pdu[2], next}
		if err := x.Gate.wait(ctx, x.addr, 1); err != nil {
			return err
		}
	}
}

// moreFollows reads from a device identification whether it goes on, and with
// which object.
func moreFollows(pdu, answer []byte) (next byte, follows bool) {
	if pdu[0] != fnTransport {
		return 0, false
	}
	c := wire.New(answer)
	c.Skip(mbap + 4) // function, MEI, code, conformity
	more, next := c.U8(), c.U8()
	return next, c.OK() && more == 0xff
}

// exception is a device's no, Application Protocol V1.1b3 section 7.
type exception byte

func (e exception) Error() string {
	return fmt.Sprintf("the device answers with exception %d", byte(e))
}

// unreached: the gateway has no path to the unit, or got nothing from it.
func (e exception) unreached() bool { return e == 10 || e == 11 }

// ask sends a request and waits for its answer.
func (x *exchange) ask(ctx context.Context, l *line, r modbusRead) ([]byte, error) {
	if err := x.Gate.pass(ctx, x.addr); err != nil {
		return nil, err
	}
	e := Entry{Time: x.Now(), What: r.what, Sent: r.adu()}
	begun := time.Now()
	answer, err := modbusExchange(l, e.Sent, begun.Add(x.timeout))
	e.Latency = time.Since(begun)
	x.Gate.answered(x.addr, e.Latency)
	if barred := x.barred(); err != nil && barred != nil {
		err = barred // cut by us
	}
	x.sent(l, e, answer, err)
	return answer, err
}

// modbusExchange sends one request and reads one answer, both by our own
// bounds.
func modbusExchange(l *line, request []byte, deadline time.Time) ([]byte, error) {
	if _, err := l.Write(request); err != nil {
		return nil, silence(err)
	}
	if err := l.conn.SetReadDeadline(deadline); err != nil {
		return nil, silence(err)
	}
	answer, err := readADU(l)
	if err != nil {
		return answer, err
	}
	switch code := answer[mbap]; {
	case string(answer[:2]) != string(request[:2]) || answer[6] != request[6]:
		return answer, errors.New("modbus: the answer is to another request")
	case code == request[mbap]|0x80 && len(answer) == mbap+2:
		return answer, exception(answer[mbap+1])
	case code != request[mbap]:
		return answer, fmt.Errorf("modbus: the answer has function %d", code)
	}
	return answer, nil
}

// readADU reads one message by the length in its header.
func readADU(r io.Reader) ([]byte, error) {
	b := make([]byte, mbap, maxADU)
	if n, err := io.ReadFull(r, b); err != nil {
		return b[:n], silence(err)
	}
	n := int(binary.BigEndian.Uint16(b[4:]))
	if binary.BigEndian.Uint16(b[2:]) != 0 || n < 2 || n > maxADU-mbap+1 {
		return b, fmt.Errorf("modbus: a message of %d bytes, protocol %d, is none", n, binary.BigEndian.Uint16(b[2:]))
	}
	b = b[:mbap+n-1]
	if got, err := io.ReadFull(r, b[mbap:]); err != nil {
		return b[:mbap+got], silence(err)
	}
	return b, nil
}

// silence marks what ended a connection.
func silence(err error) error {
	if errors.Is(err, ErrClosed) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrNoAnswer, err)
}

// barred says why the gate is closed to the device, if it is.
func (x *exchange) barred() error {
	x.Gate.mu.Lock()
	defer x.Gate.mu.Unlock()
	return x.Gate.barred(x.addr, x.Gate.now())
}

// sent logs a request.
func (x *exchange) sent(l *line, e Entry, answer []byte, err error) {
	e.Schedule, e.Target = x.job.Schedule, l.to
	e.Answer, e.Received = answer[:min(len(answer), maxAnswer)], len(answer)
	if err != nil {
		e.Error = err.Error()
	}
	x.Sink.Sent(e)
}
