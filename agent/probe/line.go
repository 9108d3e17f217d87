package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// line is a connection to one device. Everything that a probe sends leaves by
// Write: it is the one place where bytes go out.
type line struct {
	gate *Gate
	addr netip.Addr
	to   netip.AddrPort
	conn *net.TCPConn // nil until connected
	stop context.CancelFunc
	// check refuses what is no read. It gets one message a call.
	check func([]byte) error
}

// dial connects to a device from the probe's own address and interface.
func (x *exchange) dial(ctx context.Context, port int, check func([]byte) error) (*line, error) {
	ctx, cancel := context.WithTimeout(ctx, x.timeout)
	defer cancel()
	to := netip.AddrPortFrom(x.addr, uint16(port)) // config checks ports
	l := &line{gate: x.Gate, addr: x.addr, to: to, stop: cancel, check: check}
	if err := x.Gate.add(l); err != nil {
		return nil, err
	}
	// No keep-alives: nothing leaves that is not in the plan.
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(x.Settings.Source)}, KeepAlive: -1, Control: bindTo(x.Settings.Interface)}
	conn, err := d.DialContext(ctx, "tcp", to.String())
	if err == nil {
		if err = l.connected(conn.(*net.TCPConn)); err == nil {
			return l, nil
		}
	}
	x.Gate.remove(l)
	if errors.Is(err, ErrClosed) {
		return nil, err
	}
	if barred := x.Gate.pass(context.Background(), x.addr); barred != nil { // the gate was closed meanwhile
		return nil, barred
	}
	err = fmt.Errorf("%w: connect to %s: %w", ErrNoAnswer, to, err)
	x.Sink.Sent(Entry{Time: x.Now(), Schedule: x.job.Schedule, Target: to, What: "connect", Error: err.Error()})
	return nil, err
}

// connected takes the connection, unless the line was cut while it was made.
func (l *line) connected(c *net.TCPConn) error {
	l.gate.mu.Lock()
	defer l.gate.mu.Unlock()
	l.conn = c
	if err := l.gate.barred(l.addr, l.gate.now()); err != nil {
		l.cut()
		return err
	}
	return nil
}

// cut ends the line at once, with a reset; the caller holds the gate's mutex.
func (l *line) cut() {
	l.stop()
	if l.conn != nil {
		_ = l.conn.SetLinger(0) // what is not sent yet is not sent any more
		_ = l.conn.Close()
	}
}

// Write sends one message, if it is a read and the gate is open. After a cut
// the connection refuses it.
func (l *line) Write(b []byte) (int, error) {
	if err := l.check(b); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrClosed, err)
	}
	l.gate.mu.Lock()
	err := l.gate.barred(l.addr, l.gate.now())
	l.gate.mu.Unlock()
	if err != nil {
		return 0, err
	}
	if err := l.conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil { // requests fit any socket's buffer
		return 0, err
	}
	return l.conn.Write(b)
}

// Read receives, until the deadline.
func (l *line) Read(b []byte) (int, error) { return l.conn.Read(b) }

// close hangs up.
func (l *line) close() {
	l.gate.remove(l)
	_ = l.conn.Close() // nothing is left to be sent
}
