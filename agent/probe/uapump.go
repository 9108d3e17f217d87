package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// uaPump carries messages between the child and the device: each way whole
// messages, those of the child only past the gate and the guard.
type uaPump struct {
	x           *exchange
	line        *line
	child       net.Conn
	guard       *uaGuard
	certificate []byte // the server's, that a person trusts

	mu      sync.Mutex
	pending *Entry // sent, and its answer is not whole
	answer  []byte
	got     int // bytes of the answer
	total   int // bytes received
	begun   time.Time
	whole   bool
	failed  error // the first thing that went wrong
}

// uaMaxReceived bounds what a server may send over one connection.
const uaMaxReceived = 4 << 20

// run carries until either side ends, and returns what went wrong.
func (p *uaPump) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, p.hangUp)
	defer stop()
	var group sync.WaitGroup
	group.Go(func() {
		p.fail(p.up(ctx))
		p.hangUp()
	})
	group.Go(func() {
		p.fail(p.down())
		p.hangUp()
	})
	group.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle(p.failed)
	if barred := p.x.barred(); barred != nil {
		return barred
	}
	return p.failed
}

func (p *uaPump) hangUp() {
	_ = p.child.Close()     // either ends the other
	_ = p.line.conn.Close() // what was sent is sent
}

func (p *uaPump) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed == nil && err != nil && !(p.guard.closed && p.pending == nil) && !errors.Is(err, net.ErrClosed) {
		p.failed = err
	}
}

// up takes the child's messages to the device.
func (p *uaPump) up(ctx context.Context) error {
	for {
		b, _, _, err := readUA(p.child, nil)
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil // the child is done
			}
			return fmt.Errorf("probe: child: %w", err)
		}
		if err := p.x.Gate.pass(ctx, p.x.addr); err != nil {
			return err
		}
		p.mu.Lock()
		p.settle(nil)
		p.pending = &Entry{Time: p.x.Now(), Sent: b}
		p.answer, p.got, p.whole, p.begun = nil, 0, false, time.Now()
		if err := p.line.conn.SetReadDeadline(p.begun.Add(p.x.timeout)); err != nil {
			p.mu.Unlock()
			return silence(err)
		}
		_, err = p.line.Write(b)
		p.pending.What = p.guard.said
		if err != nil {
			p.pending.Sent, p.pending.What = nil, "refused before it left" // nothing of it did
			p.mu.Unlock()
			return silence(err)
		}
		if p.guard.closed { // a close has no answer
			p.settle(nil)
		}
		p.mu.Unlock()
	}
}

// down takes the device's messages to the child.
func (p *uaPump) down() error {
	for {
		b, kind, last, err := readUA(p.line, p.count)
		if err != nil {
			return p.cutShort(err)
		}
		if err := p.guard.answers(kind, b, p.certificate); err != nil {
			return err
		}
		p.mu.Lock()
		p.answer = append(p.answer, b[:min(len(b), maxAnswer-min(len(p.answer), maxAnswer))]...)
		p.got += len(b)
		if kind == "ERR" { // the library takes it for the end of the connection
			err := p.guard.refused(b)
			p.mu.Unlock()
			return err
		}
		if last && p.pending != nil && !p.whole {
			p.whole = true
			p.pending.Latency = time.Since(p.begun)
			p.x.Gate.answered(p.x.addr, p.pending.Latency)
			err = p.line.conn.SetReadDeadline(time.Time{})
		}
		p.mu.Unlock()
		if err == nil {
			err = p.child.SetWriteDeadline(time.Now().Add(p.x.timeout))
		}
		if err == nil {
			_, err = p.child.Write(b)
		}
		if err != nil {
			return nil // the child has ended: it says why
		}
	}
}

// cutShort says what the end of the device's side means.
func (p *uaPump) cutShort(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if errors.Is(err, io.EOF) && (p.pending == nil || p.whole) {
		return nil
	}
	return err
}

// count bounds what a server may send.
func (p *uaPump) count(n int) error {
	if p.total += n; p.total > uaMaxReceived {
		return fmt.Errorf("opcua: the server sent over %d bytes: hung up", uaMaxReceived)
	}
	return nil
}

// settle logs the request that was sent last; the caller holds mu.
func (p *uaPump) settle(err error) {
	if p.pending == nil {
		return
	}
	e := *p.pending
	p.pending = nil
	e.Schedule, e.Target, e.Answer, e.Received = p.x.job.Schedule, p.line.to, p.answer, p.got
	if err != nil {
		e.Error = err.Error()
	}
	if err != nil && !p.whole {
		e.Latency = time.Since(p.begun) // that was waited
	}
	p.x.Sink.Sent(e)
}

// readUA reads one whole message.
func readUA(r io.Reader, count func(int) error) (b []byte, kind string, last bool, err error) {
	head := make([]byte, 8)
	if n, err := io.ReadFull(r, head); err != nil {
		if n == 0 && errors.Is(err, io.EOF) {
			return nil, "", false, io.EOF
		}
		return nil, "", false, silence(err)
	}
	kind, size, last, err := uaHeader(head)
	if err != nil {
		return nil, "", false, err
	}
	if count != nil {
		if err := count(size); err != nil {
			return nil, "", false, err
		}
	}
	b = append(head, make([]byte, size-len(head))...)
	if _, err := io.ReadFull(r, b[len(head):]); err != nil {
		return nil, "", false, silence(err)
	}
	return b, kind, last, nil
}
