package deliver

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"demarc/collector/config"
	"demarc/internal/netsim"
)

// server is a log server that reads counted messages (RFC 6587), and may die.
type server struct {
	net.Listener
	mu    sync.Mutex
	got   []string
	conns []net.Conn
	most  int // messages that each connection takes before it is reset; 0: all
}

func listenAt(t *testing.T, address string, most int) *server {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Listener: l, most: most}
	t.Cleanup(s.die)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, c)
			s.mu.Unlock()
			go s.read(c)
		}
	}()
	return s
}

func (s *server) die() {
	_ = s.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		_ = c.Close()
	}
}

func (s *server) read(c net.Conn) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	for n := 0; s.most == 0 || n < s.most; n++ {
		digits, err := r.ReadString(' ')
		if err != nil {
			return
		}
		size, err := strconv.Atoi(strings.TrimSpace(digits))
		if err != nil || size > 1<<16 {
			return
		}
		text := make([]byte, size)
		if _, err := io.ReadFull(r, text); err != nil {
			return
		}
		s.mu.Lock()
		s.got = append(s.got, string(text))
		s.mu.Unlock()
	}
}

func (s *server) messages() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

var message5424 = regexp.MustCompile(`^<(\d+)>1 (\S+) (\S+) demarc - (\S+) - (CEF:0\|.*)$`)

func TestSyslogMessages(t *testing.T) {
	s := listenAt(t, "127.0.0.1:0", 0)
	r := newRig(t, config.Destination{Name: "log", To: "syslog+tcp://" + s.Addr().String()})
	r.start(0)
	r.happen(1, 2)
	until(t, "two messages", func() bool { return len(s.messages()) == 2 })
	m := message5424.FindStringSubmatch(s.messages()[1])
	if m == nil || m[1] != strconv.Itoa(16*8+3) || m[2] != "2026-04-12T12:00:02.000000Z" || m[3] != here.Host || m[4] != "finding.raised" {
		t.Fatalf("%q: %q", m, s.messages()[1])
	}
	if name, pairs := readCEF(t, m[5]); name != event(2).Title || pairs["externalId"] != event(2).ID {
		t.Errorf("%s %v", name, pairs)
	}
}

// TestALogServerThatDiesGetsEverything: one that breaks off in the middle of what
// was written to it, and says nothing, as log servers do.
func TestALogServerThatDiesGetsEverything(t *testing.T) {
	s := listenAt(t, "127.0.0.1:0", 5)
	r := newRig(t, config.Destination{Name: "log", To: "syslog+tcp://" + s.Addr().String(), Format: "json"})
	r.start(0)
	want := r.happen(1, 20)
	until(t, "it broke off", func() bool { return len(s.messages()) >= 5 })
	until(t, "that was seen", func() bool { return r.desk.Health()[0].Failing })
	address := s.Addr().String()
	s.die()
	again := listenAt(t, address, 0)
	until(t, "nothing waits", func() bool { x := r.desk.Health()[0]; return x.Waiting == 0 && !x.Failing })
	until(t, "everything came", func() bool {
		all := strings.Join(append(s.messages(), again.messages()...), "\n")
		return !slices.ContainsFunc(want, func(id string) bool { return !strings.Contains(all, `"id":"`+id+`"`) })
	})
}

func TestSyslogDatagrams(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	answer, err := Test(t.Context(), checked(t, config.Destination{Name: "log", To: "syslog+udp://" + c.LocalAddr().String(), Format: "ecs"}), here, noon)
	if err != nil || !strings.Contains(answer, "nobody can tell whether it arrived") {
		t.Errorf("%s %v", answer, err)
	}
	b := make([]byte, 1<<16)
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, _, err := c.ReadFrom(b)
	if err != nil || !strings.Contains(string(b[:n]), ` demarc - delivery.test - {"@timestamp":`) {
		t.Errorf("%s %v", b[:n], err)
	}
}

// rsyslog is a real log server that writes what comes to a file.
type rsyslog struct {
	t         *testing.T
	dir, file string
	port      int
	encrypted bool
	stop      func()
}

const rsyslogConf = `global(workDirectory="%[1]s" %[2]s)
module(load="imtcp" %[3]s)
template(name="line" type="string" string="%%pri%% %%hostname%% %%app-name%% %%msgid%% %%msg%%\n")
input(type="imtcp" address="127.0.0.1" port="%[4]d" listenPortFileName="%[1]s/port")
action(type="omfile" file="%[1]s/log" template="line" asyncWriting="off" flushOnTXEnd="on")
`

func (r *rsyslog) start() {
	r.t.Helper()
	certificates, tls := "", ""
	if r.encrypted {
		certificates = fmt.Sprintf(`defaultNetstreamDriverCAFile="%[1]s/ca.pem" defaultNetstreamDriverCertFile="%[1]s/cert.pem" defaultNetstreamDriverKeyFile="%[1]s/key.pem"`, r.dir)
		tls = `streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="x509/certvalid"`
	}
	conf := filepath.Join(r.dir, "conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, rsyslogConf, r.dir, certificates, tls, r.port), 0o600); err != nil {
		r.t.Fatal(err)
	}
	again := r.port != 0
	c := exec.Command("rsyslogd", "-n", "-f", conf, "-i", filepath.Join(r.dir, "pid"))
	var said strings.Builder
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		r.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = c.Wait(); close(ended) }()
	r.stop = func() {
		_ = c.Process.Kill()
		<-ended
		r.stop = func() {}
	}
	until(r.t, "rsyslog listens", func() bool {
		select {
		case <-ended:
			r.t.Fatalf("rsyslog ended: %s", said.String())
		default:
		}
		if again { // then it writes no file
			c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", r.port))
			if err == nil {
				_ = c.Close()
			}
			return err == nil
		}
		text, err := os.ReadFile(filepath.Join(r.dir, "port"))
		if err != nil || len(text) == 0 {
			return false
		}
		r.port, err = strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil
	})
}

func (r *rsyslog) lines() []string {
	text, _ := os.ReadFile(r.file) // before the first line there is none
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// count is how many different events of ids stand in the file.
func (r *rsyslog) count(ids []string) (n int) {
	all := strings.Join(r.lines(), "\n")
	for _, id := range ids {
		if strings.Contains(all, "externalId="+id+" ") {
			n++
		}
	}
	return n
}

func TestRsyslog(t *testing.T) {
	netsim.Need(t, "rsyslogd")
	for scheme, encrypted := range map[string]bool{"syslog+tcp": false, "syslog+tls": true} {
		t.Run(scheme, func(t *testing.T) {
			s := &rsyslog{t: t, dir: t.TempDir(), encrypted: encrypted}
			s.file = filepath.Join(s.dir, "log")
			d := config.Destination{Name: "log"}
			if encrypted {
				if _, err := os.Stat("/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_ossl.so"); err != nil {
					if found, _ := filepath.Glob("/usr/lib/*/rsyslog/lmnsd_ossl.so"); len(found) == 0 {
						netsim.Missing(t, "the OpenSSL driver of rsyslog (Debian: rsyslog-openssl)")
					}
				}
				certificates(t, s.dir)
				d.AuthorityFile, d.CertificateFile, d.KeyFile = filepath.Join(s.dir, "ca.pem"), filepath.Join(s.dir, "cert.pem"), filepath.Join(s.dir, "key.pem")
			}
			s.start()
			t.Cleanup(func() { s.stop() })
			d.To = fmt.Sprintf("%s://127.0.0.1:%d", scheme, s.port)
			r := newRig(t, d)
			r.start(0)
			ids := r.happen(1, 30)
			until(t, "30 events", func() bool { return s.count(ids) == 30 })
			line := regexp.MustCompile(`^131 ` + regexp.QuoteMeta(here.Host) + ` demarc finding\.raised  ?CEF:0\|Demarc\|Demarc\|1\.0\|finding\.raised\|finding \d+ of plc\\\|1=\\\\ \\\\x1b\[31m\\\\x0d\\\\x0aCEF:0\\\|x\\\\u202egnp\.exe\\\\xff\|8\|rt=`)
			for _, l := range s.lines() {
				if !line.MatchString(l) {
					t.Errorf("%q", l)
				}
			}
			until(t, "they are taken", func() bool { return r.desk.Health()[0].Waiting == 0 })
			s.stop()
			ids = append(ids, r.happen(31, 60)...)
			until(t, "the failure is told", func() bool { return r.desk.Health()[0].Failing })
			s.start()
			until(t, "everything came", func() bool { return s.count(ids) == 60 })
			if n := len(s.lines()); n > 60+30 {
				t.Errorf("%d lines: what was taken was repeated", n)
			}
			if encrypted {
				if answer, err := Test(t.Context(), checked(t, d), here, noon); err != nil || !strings.Contains(answer, `over TLS 1.3, whose certificate is of "CN=log server"`) {
					t.Errorf("%s %v", answer, err)
				}
			}
		})
	}
}

// certificates makes an authority and one certificate, good for both sides.
func certificates(t *testing.T, dir string) {
	t.Helper()
	write := func(file, kind string, der []byte) {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	make := func(of, by *x509.Certificate, key, signer *ecdsa.PrivateKey) []byte {
		der, err := x509.CreateCertificate(rand.Reader, of, by, &key.PublicKey, signer)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	from, to := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: from, NotAfter: to, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "log server"}, NotBefore: from, NotAfter: to, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	text, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write("ca.pem", "CERTIFICATE", make(ca, ca, caKey, caKey))
	write("cert.pem", "CERTIFICATE", make(leaf, ca, key, caKey))
	write("key.pem", "PRIVATE KEY", text)
}
