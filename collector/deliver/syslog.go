package deliver

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"demarc/collector/config"
)

// Times that a log server has.
const (
	dialTime  = 10 * time.Second
	writeTime = 30 * time.Second
	ackTime   = 10 * time.Second
)

// syslog sends RFC 5424 messages: one a datagram (RFC 5426), or counted in a
// stream over TCP (RFC 6587) or TLS (RFC 5425).
//
// A stream of syslog acknowledges nothing. What was written counts as taken when
// the other machine has acknowledged the octets and the connection stands for a
// while after that; when it breaks before, all is sent again.
type syslog struct {
	to     config.Destination
	host   string
	settle time.Duration

	conn   net.Conn
	broken chan error // holds why, when conn is over
}

func (s *syslog) close() {
	if s.conn != nil {
		_ = s.conn.Close()
		<-s.broken //nolint:errcheck // listen has ended
		s.conn = nil
	}
}

func (s *syslog) send(ctx context.Context, all []message) (string, error) {
	if s.conn != nil {
		select {
		case err := <-s.broken: // while nothing was sent
			s.broken <- err
			s.close()
		default:
		}
	}
	if s.conn == nil {
		if err := s.dial(ctx); err != nil {
			return "", err
		}
	}
	if err := s.write(ctx, all); err != nil {
		s.close()
		return "", err
	}
	return s.words(), nil
}

func (s *syslog) dial(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	network := "tcp"
	if s.to.Scheme() == "syslog+udp" {
		network = "udp"
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, s.to.Address())
	if err != nil {
		return err
	}
	if s.to.Scheme() == "syslog+tls" {
		settings, err := trust(s.to)
		if err != nil {
			_ = conn.Close()
			return err
		}
		settings.ServerName, _, _ = net.SplitHostPort(s.to.Address())
		secured := tls.Client(conn, settings)
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return err
		}
		conn = secured
	}
	s.conn, s.broken = conn, make(chan error, 1)
	go listen(conn, s.broken)
	return nil
}

// listen waits for the end of a connection that nothing is expected from.
func listen(conn net.Conn, broken chan<- error) {
	var b [512]byte
	for {
		if _, err := conn.Read(b[:]); err != nil {
			broken <- err
			return
		}
	}
}

func (s *syslog) write(ctx context.Context, all []message) error {
	conn := s.conn
	_ = conn.SetWriteDeadline(time.Now().Add(writeTime))
	defer context.AfterFunc(ctx, func() { _ = conn.SetWriteDeadline(time.Now()) })() // a stuck server holds up no shutdown
	var stream bytes.Buffer
	for _, m := range all {
		text := s.frame(m)
		if s.to.Scheme() == "syslog+udp" {
			if _, err := s.conn.Write(text); err != nil {
				return err
			}
			continue
		}
		stream.WriteString(strconv.Itoa(len(text)))
		stream.WriteByte(' ')
		stream.Write(text)
	}
	if _, err := s.conn.Write(stream.Bytes()); stream.Len() > 0 && err != nil {
		return err
	}
	return s.stands(ctx)
}

// stands waits until what was written counts as taken.
func (s *syslog) stands(ctx context.Context) error {
	deadline := time.Now().Add(s.settle + ackTime)
	for wait := s.settle; ; wait = 50 * time.Millisecond {
		select {
		case err := <-s.broken:
			s.broken <- err
			if errors.Is(err, io.EOF) {
				return errors.New("the server closed the connection")
			}
			return err
		case <-time.After(wait):
		}
		n, err := unacknowledged(s.conn)
		switch {
		case err != nil:
			return err
		case n == 0:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Now().After(deadline):
			return fmt.Errorf("the server did not acknowledge %d octets in %v", n, ackTime)
		}
	}
}

// facility of all messages: local0, which nothing else of a system uses.
const facility = 16

// urgency is the severity of RFC 5424 for each level.
var urgency = map[string]int{"info": 6, "low": 5, "medium": 4, "high": 3, "critical": 2}

// frame is the message of RFC 5424. The text is UTF-8 without a mark that says
// so, which many receivers take for a part of it.
func (s *syslog) frame(m message) []byte {
	host := s.host
	if host == "" {
		host = "-"
	}
	head := fmt.Sprintf("<%d>1 %s %s demarc - %s - ", facility*8+urgency[Level(m.Severity)], m.Time.UTC().Format("2006-01-02T15:04:05.000000Z"), host, m.Kind[:min(32, len(m.Kind))])
	return append([]byte(head), m.text...)
}

// words says how the connection is.
func (s *syslog) words() string {
	words := fmt.Sprintf("written to %s", s.conn.RemoteAddr())
	switch c := s.conn.(type) {
	case *tls.Conn:
		state := c.ConnectionState()
		return words + fmt.Sprintf(" over %s, whose certificate is of %q; the connection stands", tls.VersionName(state.Version), Clean(state.PeerCertificates[0].Subject.String(), maxText))
	case *net.UDPConn:
		return words + ", which says nothing: nobody can tell whether it arrived"
	}
	return words + "; the connection stands"
}
