package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"demarc/internal/pki"
)

// remote is a collector on another machine: asked on the port of its pages,
// with a token of the API.
type remote struct {
	server, tokenFile, ca, pin string
}

func (r *remote) flags(f *pflag.FlagSet) {
	f.StringVar(&r.server, "server", "", "ask the collector at HOST:PORT of its pages, in place of the socket; needs --token-file")
	f.StringVar(&r.tokenFile, "token-file", "", "file with a token of the API (demarc-collector token api create)")
	f.StringVar(&r.ca, "ca", "", "with --server: file of the authorities to trust, PEM (default: those of this system)")
	f.StringVar(&r.pin, "pin", "", "with --server: fingerprint of the collector's key, as 'demarc-collector status' prints it there")
}

// asked reports whether a remote collector is meant, or what is wrong with the
// flags.
func (r *remote) asked() (bool, error) {
	switch {
	case r.server == "" && (r.tokenFile != "" || r.ca != "" || r.pin != ""):
		return false, errors.New("--token-file, --ca and --pin go with --server HOST:PORT")
	case r.server == "":
		return false, nil
	case r.tokenFile == "":
		return true, errors.New("--server needs --token-file FILE: make a token with `demarc-collector token api create NAME`")
	case r.ca != "" && r.pin != "":
		return true, errors.New("--ca or --pin: one of them says whom to trust")
	}
	if _, _, err := net.SplitHostPort(r.server); err != nil {
		return true, fmt.Errorf("--server %q is not HOST:PORT", r.server)
	}
	return true, nil
}

// dial prepares a connection over TLS 1.3.
func (r *remote) dial() (*grpc.ClientConn, error) {
	text, err := os.ReadFile(r.tokenFile)
	if err != nil {
		return nil, fmt.Errorf("--token-file: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsAny(token, " \r\n\t") {
		return nil, fmt.Errorf("--token-file: %s holds no token: one line, as `token api create` printed it", r.tokenFile)
	}
	settings, err := r.trust()
	if err != nil {
		return nil, err
	}
	return grpc.NewClient("passthrough:///"+r.server,
		grpc.WithTransportCredentials(credentials.NewTLS(settings)), grpc.WithPerRPCCredentials(bearer(token)),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<30), grpc.MaxCallSendMsgSize(64<<20)))
}

// trust is the TLS setting: the key of --pin alone, or who has a certificate of
// an authority.
func (r *remote) trust() (*tls.Config, error) {
	host, _, _ := net.SplitHostPort(r.server)
	switch {
	case r.pin != "":
		key, err := readPin(r.pin)
		if err != nil {
			return nil, err
		}
		return pki.EnrolConfig(pki.Token{Authority: key}), nil
	case r.ca != "":
		pool := x509.NewCertPool()
		text, err := os.ReadFile(r.ca)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("--ca: %s holds no certificate in PEM", r.ca)
		}
		return &tls.Config{MinVersion: tls.VersionTLS13, ServerName: host, RootCAs: pool}, nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, ServerName: host}, nil
}

func readPin(pin string) (pki.Fingerprint, error) {
	f, err := pki.ParseFingerprint(pin)
	if err != nil {
		return f, fmt.Errorf("--pin: %w", err)
	}
	return f, nil
}

// reached says in words why the server is not.
func (r *remote) reached(ctx context.Context) error {
	settings, err := r.trust()
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	c, err := (&tls.Dialer{Config: settings}).DialContext(ctx, "tcp", r.server)
	if err == nil {
		return c.Close()
	}
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		return fmt.Errorf("%s has a certificate of an authority that is not known here: name it with --ca FILE, or the collector's key with --pin", r.server)
	}
	if errors.Is(err, pki.ErrForeignToken) {
		return fmt.Errorf("%s has another key than --pin says: it is another collector, or somebody in between", r.server)
	}
	return fmt.Errorf("reach the collector at %s: %w", r.server, err)
}

// bearer sends a token with every call, over TLS alone.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

func (bearer) RequireTransportSecurity() bool { return true }
