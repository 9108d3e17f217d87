package deliver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"demarc/collector/config"
)

// sink brings messages to where they go.
type sink interface {
	// send returns what came back, in words, when every message is taken, as far
	// as that can be known; on an error any of them may be. One call at a time.
	send(ctx context.Context, all []message) (string, error)
	close()
}

// laterError is the answer of a receiver that says when to come again.
type laterError struct {
	err   error
	after time.Duration
}

func (e *laterError) Error() string { return e.err.Error() }
func (e *laterError) Unwrap() error { return e.err }

// open makes the sink of a destination; what its files hold is checked.
func open(d config.Destination, a About, settle time.Duration) (sink, error) {
	s, err := openSink(d, a, settle)
	if err != nil {
		return nil, fmt.Errorf("deliver: %s: %w", d.Name, err)
	}
	return s, nil
}

func openSink(d config.Destination, a About, settle time.Duration) (sink, error) {
	if _, err := trust(d); err != nil {
		return nil, err
	}
	if d.Scheme() == "https" {
		return newWebhook(d)
	}
	return &syslog{to: d, host: a.Host, settle: settle}, nil
}

// trust is the TLS setting of a destination. For syslog its files are read again
// for each connection, so that certificates may be renewed in place.
func trust(d config.Destination) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if d.AuthorityFile != "" {
		text, err := os.ReadFile(d.AuthorityFile)
		if err != nil {
			return nil, fmt.Errorf("authorityFile: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("authorityFile: %s holds no certificate in PEM", d.AuthorityFile)
		}
	}
	if d.CertificateFile != "" {
		pair, err := tls.LoadX509KeyPair(d.CertificateFile, d.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("certificateFile: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// secret reads a file of one line.
func secret(key, path string) (string, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the file that the configuration names
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	s := strings.TrimSpace(string(text))
	if s == "" || strings.ContainsAny(s, "\r\n\x00") {
		return "", fmt.Errorf("%s: %s holds no secret: one line", key, path)
	}
	return s, nil
}

// Test sends one marked event to a destination and tells what came back.
func Test(ctx context.Context, d config.Destination, a About, now time.Time) (string, error) {
	s, err := open(d, a, time.Second)
	if err != nil {
		return "", err
	}
	defer s.close()
	e := &Event{Time: now, Kind: KindTest, What: "delivery", Subject: d.Name, Title: "Test of the delivery to " + d.Name, Words: "Somebody asked for it on the collector: nothing happened in the plant."}
	e.Finish()
	answer, err := s.send(ctx, []message{{e, fit(formats[d.Format], e, &a)}})
	if err != nil {
		return "", errors.Join(fmt.Errorf("deliver: %s at %s", d.Name, d.To), err)
	}
	return answer, nil
}
