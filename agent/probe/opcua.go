package probe

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"demarc/internal/reading"
)

// Requests of the discovery: find servers, get endpoints.
const uaDiscoveryRequests = 2

// uaMessages is how many messages a connection sends with so many requests:
// Hello, open and close come on top.
func uaMessages(requests int) int { return requests + 3 }

func opcuaPort(o *reading.OPCUA) int {
	if o.Port == 0 {
		return 4840
	}
	return o.Port
}

// opcua asks one device over OPC UA: discovery, and a session if the settings
// want one. Whatever URL a server names, the connection goes to the target.
func (x *exchange) opcua(ctx context.Context, o *reading.OPCUA) error {
	job := uaJob{URL: uaURL(x.addr.String(), opcuaPort(o)), Policy: uaNone, Mode: "none", Timeout: int(x.timeout.Milliseconds())}
	way, err := knownWay(o)
	if err != nil {
		return err
	}
	if way == nil {
		var ways []uaEndpoint
		err := x.speak(ctx, o, job, func(t uaTold) {
			if t.Endpoint != nil && len(ways) < uaMaxEndpoints {
				ways = append(ways, *t.Endpoint)
				return
			}
			x.take(t)
		})
		if err != nil || o.Session == "" || o.Session == "none" {
			return openly(err)
		}
		chosen, err := chooseWay(o, ways)
		if err != nil {
			return err
		}
		way = &chosen
	}
	if job, err = x.enter(o, job, *way); err != nil {
		return err
	}
	return x.within(o, x.speak(ctx, o, job, x.take))
}

func uaURL(host string, port int) string {
	return "opc.tcp://" + net.JoinHostPort(host, fmt.Sprint(port))
}

// enter prepares a session, and asks whether the server is trusted.
func (x *exchange) enter(o *reading.OPCUA, job uaJob, way uaEndpoint) (uaJob, error) {
	job.Session, job.Policy, job.Mode, job.Unasked = o.Session, way.Policy, way.Mode, o.ServerCertificate != ""
	if !job.Unasked && !job.token(way.Tokens) {
		return job, job.noToken()
	}
	if job.Policy == uaNone {
		if o.Session != "anonymous" {
			return job, fmt.Errorf("opcua: the server offers security none alone, and the secret of session: %s would cross the network unprotected: nothing was sent", o.Session)
		}
		return job, nil
	}
	if !job.Unasked { // else a person has given it
		if err := x.trusted(way.Certificate); err != nil {
			return job, err
		}
	}
	job.Server = way.Certificate
	var err error
	if job.Certificate, job.Key, err = ownCertificate(x.State, x.Now()); err != nil {
		return job, err
	}
	return job, userOf(o, &job)
}

// token chooses the first token of the session's kind.
func (j *uaJob) token(all []uaToken) bool {
	i := slices.IndexFunc(all, func(t uaToken) bool { return t.Type == j.Session })
	if i < 0 {
		return false
	}
	j.TokenID, j.TokenPolicy = all[i].ID, all[i].Policy
	if j.TokenPolicy == "" || (j.TokenPolicy == uaNone && j.Session != "anonymous") {
		j.TokenPolicy = j.Policy // the secret is encrypted whatever the server says
	}
	return true
}

func (j *uaJob) noToken() error {
	return fmt.Errorf("opcua: the server lets nobody in as %s at %s %s: set session to one that it offers", j.Session, j.Mode, name(j.Policy))
}

// knownWay is the way into a server whose certificate the settings name; nil
// where they do not.
func knownWay(o *reading.OPCUA) (*uaEndpoint, error) {
	if o.ServerCertificate == "" {
		return nil, nil //nolint:nilnil // none is known
	}
	raw, err := os.ReadFile(o.ServerCertificate)
	if err != nil {
		return nil, fmt.Errorf("probe: serverCertificate: %w", err)
	}
	if block, _ := pem.Decode(raw); block != nil {
		raw = block.Bytes
	}
	if _, err := x509.ParseCertificate(raw); err != nil {
		return nil, fmt.Errorf("probe: serverCertificate: %s holds no certificate in DER or PEM: %w", o.ServerCertificate, err)
	}
	policy, mode, _ := strings.Cut(o.Security, " ")
	return &uaEndpoint{Policy: uaPolicies + policy, Mode: mode, Certificate: raw}, nil
}

func name(policy string) string { return clean(strings.TrimPrefix(policy, uaPolicies)) }

// chooseWay takes the way that the settings want of those that a server
// offers: with auto the best, and none only where there is no other.
func chooseWay(o *reading.OPCUA, ways []uaEndpoint) (uaEndpoint, error) {
	find := func(policy, mode string) int {
		return slices.IndexFunc(ways, func(w uaEndpoint) bool { return w.Policy == uaPolicies+policy && w.Mode == mode })
	}
	var wanted [][2]string
	switch policy, mode, _ := strings.Cut(o.Security, " "); policy {
	case "none":
		wanted = [][2]string{{"None", "none"}}
	case "", "auto":
		for _, p := range reading.Policies {
			wanted = append(wanted, [2]string{p, "sign-and-encrypt"}, [2]string{p, "sign"})
		}
		wanted = append(wanted, [2]string{"None", "none"})
	default:
		wanted = [][2]string{{policy, mode}}
	}
	for _, w := range wanted {
		if i := find(w[0], w[1]); i >= 0 {
			return ways[i], nil
		}
	}
	var offered []string
	for _, w := range ways {
		offered = append(offered, name(w.Policy)+" "+w.Mode)
	}
	if len(offered) == 0 {
		return uaEndpoint{}, errors.New("opcua: the server offers no way in over opc.tcp")
	}
	return uaEndpoint{}, fmt.Errorf("opcua: the server offers %s, and the settings want %s: set security: to one of them", strings.Join(slices.Compact(offered), ", "), o.Security)
}

// trusted reports whether a person has taken this certificate for the
// server's.
func (x *exchange) trusted(der []byte) error {
	if len(der) == 0 {
		return fmt.Errorf("opcua: the server shows no certificate, or one over %d bytes", uaMaxCert)
	}
	print := printOf(der)
	for _, t := range x.Settings.Trust {
		if strings.EqualFold(strings.ReplaceAll(t, ":", ""), print) {
			return nil
		}
	}
	return fmt.Errorf("opcua: the certificate of %s is not trusted: SHA-256 %s; compare it at the server itself, and write it under probe.trust: to take it", x.addr, print)
}

// speak has a child do a job over a connection to the target.
func (x *exchange) speak(ctx context.Context, o *reading.OPCUA, job uaJob, told func(uaTold)) error {
	requests := uaDiscoveryRequests
	if job.Session != "" {
		requests = uaMostRequests
	}
	if err := x.Gate.wait(ctx, x.addr, uaMessages(requests)); err != nil {
		return err
	}
	guard := &uaGuard{policy: job.Policy, encrypted: job.Mode == "sign-and-encrypt", left: requests}
	l, err := x.dial(ctx, opcuaPort(o), guard.check)
	if err != nil {
		return err
	}
	defer l.close()
	return x.converse(ctx, l, guard, job, told)
}

// converse runs a child, and the pump between it and the line.
func (x *exchange) converse(ctx context.Context, l *line, guard *uaGuard, job uaJob, told func(uaTold)) error {
	ctx, cancel := context.WithTimeout(ctx, stageTime)
	defer cancel()
	ours, childs, err := pair()
	if err != nil {
		return err
	}
	pump := &uaPump{x: x, line: l, child: ours, guard: guard, certificate: job.Server}
	pumped := make(chan error, 1)
	go func() { pumped <- pump.run(ctx) }()
	said := x.child(ctx, childs, job, told)
	// The child's end is closed: the pump brings its last words and ends.
	err = <-pumped
	switch {
	case errors.Is(said, errChildEnded):
		return fmt.Errorf("opcua: %w", said)
	case err != nil:
		return err // why the connection ended says more than what the child made of it
	}
	if said != nil {
		return fmt.Errorf("opcua: %w", said)
	}
	return nil
}

// child runs the process that speaks, and returns what it says went wrong.
func (x *exchange) child(ctx context.Context, conn *net.TCPConn, job uaJob, told func(uaTold)) error {
	f, err := conn.File()
	if err = errors.Join(err, conn.Close()); err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	command := x.Child
	if len(command) == 0 {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		command = []string{self, ChildArgument}
	}
	work, err := json.Marshal(job) //nolint:gosec // to our own child, through a pipe
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // this program itself
	c.Env = []string{"GOTRACEBACK=single"}                    // nothing of ours, and no core of its secrets
	c.Stdin = bytes.NewReader(work)
	c.ExtraFiles = []*os.File{f}
	last := &tail{}
	c.Stderr = last
	c.WaitDelay = 10 * time.Second
	dieWith(c)
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return fmt.Errorf("probe: child: %w", err)
	}
	_ = f.Close() // the child has its own
	said := readTold(out, told)
	if said != nil {
		cancel()
	}
	if err := c.Wait(); err != nil && said != nil && last.text() != "" {
		return fmt.Errorf("%w: %s", errChildEnded, last.text())
	}
	return said
}

// errChildEnded: a hostile server can do that to the library.
var errChildEnded = errors.New("the process that asked has ended")

// tail keeps the front of what a child writes to standard error.
type tail struct{ b []byte }

func (t *tail) Write(b []byte) (int, error) {
	t.b = append(t.b, b[:min(len(b), 4096-len(t.b))]...)
	return len(b), nil
}

// text is the first line that says why a process ended.
func (t *tail) text() string {
	for line := range strings.SplitSeq(string(t.b), "\n") {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") || strings.HasPrefix(line, "runtime: ") || strings.HasPrefix(line, "demarc-agent: ") {
			return clean(line[:min(len(line), 160)])
		}
	}
	return ""
}
