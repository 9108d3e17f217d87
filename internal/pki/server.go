package pki

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"os"
	"path/filepath"
	"slices"
)

// ServerConfig is the TLS setting of a collector's listeners: TLS 1.3, the
// server certificate for names (beside them loopback, the host name and
// ServerName), and client certificates of this authority checked where one is
// given. Who needs one asks PeerIdentity. The certificate is kept in dir
// (server.pem) and made anew when names change or two thirds of its life are
// over, also while the collector runs.
func (a *Authority) ServerConfig(names []string) (*tls.Config, error) {
	names = serverNames(names)
	if _, err := a.serverCertificate(names); err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		ClientAuth: tls.VerifyClientCertIfGiven,
		ClientCAs:  pool,
		Time:       a.clock,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return a.serverCertificate(names)
		},
	}, nil
}

// PagesConfig is ServerConfig for browsers: it asks for no client certificate.
func (a *Authority) PagesConfig(names []string) (*tls.Config, error) {
	c, err := a.ServerConfig(names)
	if err != nil {
		return nil, err
	}
	c.ClientAuth, c.ClientCAs = tls.NoClientCert, nil
	return c, nil
}

// serverNames adds what always stands in the certificate; sorted, each once.
func serverNames(names []string) []string {
	all := append([]string{ServerName, "localhost", "127.0.0.1", "::1"}, names...)
	if host, err := os.Hostname(); err == nil && host != "" {
		all = append(all, host)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (a *Authority) serverCertificate(names []string) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.server != nil && a.fits(a.server.Leaf, names) {
		return a.server, nil
	}
	path := filepath.Join(a.dir, "server.pem")
	var b bundle
	if err := b.read(path); err != nil || !a.fits(b.chain[0], names) {
		// A missing or unreadable server certificate costs nothing: the
		// authority makes the next one.
		if b, err = a.newServer(names); err != nil {
			return nil, err
		}
		if err := b.write(path); err != nil {
			return nil, err
		}
	}
	a.server = &tls.Certificate{
		// The authority's certificate goes along: an enrolling agent knows
		// only its key's fingerprint.
		Certificate: [][]byte{b.chain[0].Raw, a.cert.Raw},
		PrivateKey:  b.key,
		Leaf:        b.chain[0],
	}
	return a.server, nil
}

// fits reports whether c is ours, is good for a while and has these names.
func (a *Authority) fits(c *x509.Certificate, names []string) bool {
	if c.CheckSignatureFrom(a.cert) != nil || !a.clock().Before(RenewAt(c)) {
		return false
	}
	dns, ips := splitNames(names)
	return slices.Equal(c.DNSNames, dns) &&
		slices.EqualFunc(c.IPAddresses, ips, func(x, y net.IP) bool { return x.Equal(y) })
}

func (a *Authority) newServer(names []string) (bundle, error) {
	key, err := NewKey()
	if err != nil {
		return bundle{}, err
	}
	dns, ips := splitNames(names)
	now := a.clock()
	c, err := a.sign(&x509.Certificate{
		Subject:               pkix.Name{CommonName: ServerName},
		DNSNames:              dns,
		IPAddresses:           ips,
		NotBefore:             now.Add(-backdate),
		NotAfter:              earlier(now.Add(ServerLife), a.cert.NotAfter),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}, a.cert, &key.PublicKey)
	if err != nil {
		return bundle{}, err
	}
	return bundle{key: key, chain: []*x509.Certificate{c}}, nil
}

func splitNames(names []string) (dns []string, ips []net.IP) {
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			ips = append(ips, ip)
		} else {
			dns = append(dns, n)
		}
	}
	return dns, ips
}
