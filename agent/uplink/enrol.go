package uplink

import (
	"context"
	"fmt"
	"time"

	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

// Enrol trades a token for credentials and keeps them in file. name may be
// empty: the collector then names the agent after its host or its token.
func Enrol(ctx context.Context, address, token, file, hostname, version string) (pki.Identity, error) {
	t, err := pki.ParseToken(token)
	if err != nil {
		return pki.Identity{}, err
	}
	key, err := pki.NewKey()
	if err != nil {
		return pki.Identity{}, err
	}
	csr, err := pki.NewRequest(key, hostname)
	if err != nil {
		return pki.Identity{}, err
	}
	conn, err := dial(address, pki.EnrolConfig(t))
	if err != nil {
		return pki.Identity{}, err
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	r, err := demarcv1.NewUplinkServiceClient(conn).Enroll(ctx, &demarcv1.EnrollRequest{Token: token, Csr: csr, Hostname: hostname, Version: version})
	if err != nil {
		return pki.Identity{}, fmt.Errorf("enrol: %w", reached(address, err))
	}
	creds, err := pki.Accept(t, key, r.Certificate, r.Authority)
	if err != nil {
		return pki.Identity{}, err
	}
	return creds.Identity(), creds.Save(file)
}

// renew trades the certificate for the next one when its time has come.
func (c *Client) renew(ctx context.Context) error {
	if time.Now().Before(pki.RenewAt(c.creds.Certificate)) {
		return nil
	}
	key, err := pki.NewKey()
	if err != nil {
		return err
	}
	csr, err := pki.NewRequest(key, c.creds.Identity().Agent)
	if err != nil {
		return err
	}
	conn, err := dial(c.Address, c.creds.Config())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	r, err := demarcv1.NewUplinkServiceClient(conn).Renew(ctx, &demarcv1.RenewRequest{Csr: csr})
	if err != nil {
		return pki.Cause(err)
	}
	next, err := c.creds.Renewed(key, r.Certificate)
	if err != nil {
		return err
	}
	c.creds = next
	return next.Save(c.StateFile)
}
