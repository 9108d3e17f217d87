package probe

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gopcua/opcua/ua"
	"github.com/gopcua/opcua/uacp"
	"github.com/gopcua/opcua/uasc"

	"demarc/internal/reading"
	"demarc/internal/wire"
)

// opcuaPlan lists what OPC UA would send: the child speaks to a server in this
// process, over a connection that leads nowhere else, and what it sends is
// noted.
func (p *Prober) opcuaPlan(ctx context.Context, to netip.AddrPort, o *reading.OPCUA) ([]Step, error) {
	job := uaJob{URL: uaURL(to.Addr().String(), int(to.Port())), Policy: uaNone, Mode: "none", Timeout: int(p.timeout.Milliseconds())}
	if o.ServerCertificate != "" {
		return uaHidden(to, job.URL, ""), nil
	}
	all, err := p.rehearse(ctx, to, job, uaDiscoveryRequests)
	if err != nil || o.Session == "" || o.Session == "none" {
		return all, err
	}
	auto := o.Security == "" || o.Security == "auto"
	if o.Security != "none" {
		when := ""
		if auto {
			when = "if the server offers security"
		}
		all = append(all, uaHidden(to, job.URL, when)...)
	}
	if o.Session == "anonymous" && (auto || o.Security == "none") {
		job.Session, job.TokenID = o.Session, uaAnyToken
		open, err := p.rehearse(ctx, to, job, uaMostRequests)
		if err != nil {
			return nil, err
		}
		for i := range open {
			if auto {
				open[i].When = strings.TrimSuffix("if the server offers security none alone; "+open[i].When, "; ")
			}
		}
		all = append(all, open...)
	}
	return all, nil
}

// The messages of a session: Hello, open, create, activate and read always,
// then browse, translate and read where there are devices, and the two closes.
const (
	uaAlways    = 5
	uaIfDevices = 3
)

// uaHidden is a session that is signed or encrypted for a server: what can be
// known before is the messages' kinds, and that these requests are in them.
func uaHidden(to netip.AddrPort, url, when string) []Step {
	step := func(what, kind string) Step {
		t := append(exactly([]byte(kind)), Any, Any, Any, Any, Rest)
		return Step{Target: to, What: what, When: when, Bytes: t}
	}
	all := []Step{{Target: to, What: "opcua Hello", When: when, Bytes: exactly(uaHello(url))}, step("opcua OpenSecureChannel, encrypted", "OPNF")}
	for _, r := range []string{"CreateSession", "ActivateSession", "Read (server)", "Browse (devices, if any)", "TranslateBrowsePathsToNodeIds (devices, if any)", "Read (devices, if any)", "CloseSession"} {
		all = append(all, step("opcua "+r+", signed or encrypted", "MSGF"))
	}
	return append(all, step("opcua CloseSecureChannel, signed or encrypted", "CLOF"))
}

// uaHello is the Hello that the child sends: what rehearse notes, too.
func uaHello(url string) []byte {
	body, err := (&uacp.Hello{ReceiveBufSize: uaMaxMessage, SendBufSize: uaMaxMessage, MaxMessageSize: uaMaxReceived, MaxChunkCount: uaMaxReceived / 8192, EndpointURL: url}).Encode()
	if err != nil {
		return nil
	}
	head := append([]byte("HELF"), byte(len(body)+8), byte((len(body)+8)>>8), 0, 0)
	return append(head, body...)
}

// uaAnyToken stands in a rehearsal for what the server calls its token's
// policy.
const uaAnyToken = "\x01any\x02token\x03"

// recorder is a sink of a rehearsal.
type recorder struct{ sent []Entry }

func (r *recorder) Sent(e Entry)                       { r.sent = append(r.sent, e) }
func (r *recorder) Told(netip.Addr, time.Time, []Fact) {}

// rehearse has the child do a job with uaStandIn as the server.
func (p *Prober) rehearse(ctx context.Context, to netip.AddrPort, job uaJob, requests int) ([]Step, error) {
	server, client, err := pair()
	if err != nil {
		return nil, err
	}
	notes := &recorder{}
	o := p.Options
	o.Sink, o.State = notes, ""
	o.Settings.Windows, o.Settings.Budget = nil, reading.Budget{Device: 6000, Network: 6000}
	gate, err := newGate(o)
	if err != nil {
		return nil, err
	}
	dry := &Prober{Options: o, Gate: gate, timeout: 10 * time.Second}
	x := &exchange{Prober: dry, addr: to.Addr()}
	guard := &uaGuard{policy: job.Policy, left: requests}
	l := &line{gate: gate, addr: x.addr, to: to, conn: client, stop: func() {}, check: guard.check}
	done := make(chan struct{})
	go func() {
		defer close(done)
		uaStandIn(server, uaAnswer)
	}()
	err = x.converse(ctx, l, guard, job, func(uaTold) {})
	_ = server.Close() // done with it
	<-done
	if err != nil {
		return nil, fmt.Errorf("probe: the plan cannot be made: %w", err)
	}
	var all []Step
	for _, e := range notes.sent {
		s := Step{Target: to, What: e.What, Bytes: uaTemplate(e.Sent)}
		switch {
		case job.Session == "" || len(all) < uaAlways:
		case len(all) < uaAlways+uaIfDevices:
			s.When, s.Bytes = "if the server has devices of OPC 10000-100", uaOpenEnded(e.Sent)
		default: // whose numbers depend on whether those were sent
			s.Bytes = uaUnnumbered(s.Bytes)
		}
		all = append(all, s)
	}
	return all, nil
}

// uaTemplate marks what a server or the clock decides in a request without
// security: the channel, its token, the session's token, the time.
func uaTemplate(b []byte) Template {
	t := exactly(b)
	blank := func(from, n int) {
		for i := from; i < min(from+n, len(t)); i++ {
			t[i] = Any
		}
	}
	c := wire.New(b)
	kind := string(c.Bytes(3))
	c.Skip(5)
	switch kind {
	case "OPN":
		c.Skip(4)
		uaBytes(&c)
		uaBytes(&c)
		uaBytes(&c)
	case "MSG", "CLO":
		blank(8, 8)
		c.Skip(8)
	default:
		return t
	}
	c.Skip(8 + 4) // sequence, type
	at := c.Off()
	if i := bytes.Index(b, []byte(uaAnyToken)); i > 0 { // the policy's name: its length and that of what holds it vary
		t = append(append(append(Template{}, t[:i-8]...), Any, Any, Any, Any, Any, Any, Any, Any, Rest), t[i+len(uaAnyToken):]...)
	}
	if b[at] == 0 && b[at+1] == 0 { // no session
		for i := at + 2; i < at+10; i++ {
			t[i] = Any
		}
		return t
	}
	token := uaTokenLength(b[at:])
	t = append(append(append(Template{}, t[:at]...), Rest, Any, Any, Any, Any, Any, Any, Any, Any), t[at+token+8:]...)
	return append(append(append(Template{}, t[:4]...), Any, Any, Any, Any), t[8:]...) // the size varies with it
}

// uaUnnumbered leaves a request's numbers open: sequence, request, handle.
func uaUnnumbered(t Template) Template {
	for i := 16; i < 24 && i < len(t); i++ {
		t[i] = Any
	}
	if i := slices.Index(t, Rest); i > 0 { // the session's token, with the time and the handle behind it
		for j := i + 9; j < min(i+13, len(t)); j++ {
			t[j] = Any
		}
	} else {
		for j := 38; j < min(42, len(t)); j++ { // 16 of headers, 8 numbers, 4 type, 2 no token, 8 time
			t[j] = Any
		}
	}
	return t
}

// uaOpenEnded is a request whose content follows from answers.
func uaOpenEnded(b []byte) Template {
	t := append(exactly(b[:4]), Any, Any, Any, Any, Any, Any, Any, Any, Any, Any, Any, Any)
	t = append(t, exactly(b[16:28])...) // sequence, request, type
	return append(t, Rest)
}

// uaTokenLength is the length of the stand-in's session token.
func uaTokenLength(b []byte) int {
	id := new(ua.NodeID)
	n, err := id.Decode(b)
	if err != nil {
		return 0
	}
	return n
}

// uaStandIn is a server for rehearsals: it answers the child's requests with
// the least that makes it go on, and knows one device.
func uaStandIn(c *net.TCPConn, answer func(ua.Request) ua.Response) {
	hello, _, _, err := readUA(c, nil)
	if err != nil || len(hello) < 12 {
		return
	}
	ack, err := (&uacp.Acknowledge{ReceiveBufSize: uaMaxMessage, SendBufSize: uaMaxMessage}).Encode()
	if err != nil {
		return
	}
	if _, err := c.Write(append([]byte{'A', 'C', 'K', 'F', byte(len(ack) + 8), 0, 0, 0}, ack...)); err != nil {
		return
	}
	conn, err := uacp.NewConn(c, uacp.DefaultServerACK)
	if err != nil {
		return
	}
	channel, err := uasc.NewServerSecureChannel("", conn, &uasc.Config{SecurityPolicyURI: uaNone, SecurityMode: ua.MessageSecurityModeNone, Lifetime: 3_600_000}, make(chan error, 16), 1, 1, 1)
	if err != nil {
		return
	}
	for {
		m := channel.Receive(context.Background())
		if m.Err != nil {
			return
		}
		r := m.Request()
		if r == nil {
			continue
		}
		if err := channel.SendResponseWithContext(context.Background(), m.RequestID, answer(r)); err != nil {
			return
		}
	}
}

func uaAnswer(r ua.Request) ua.Response {
	head := &ua.ResponseHeader{RequestHandle: r.Header().RequestHandle, ServiceDiagnostics: &ua.DiagnosticInfo{}, AdditionalHeader: ua.NewExtensionObject(nil)}
	value := func(v any) *ua.DataValue {
		return &ua.DataValue{EncodingMask: ua.DataValueValue, Value: ua.MustVariant(v)}
	}
	switch r := r.(type) {
	case *ua.FindServersRequest:
		return &ua.FindServersResponse{ResponseHeader: head}
	case *ua.GetEndpointsRequest:
		return &ua.GetEndpointsResponse{ResponseHeader: head}
	case *ua.CreateSessionRequest:
		return &ua.CreateSessionResponse{ResponseHeader: head, SessionID: ua.NewNumericNodeID(1, 1), AuthenticationToken: ua.NewNumericNodeID(1, 70000), ServerSignature: &ua.SignatureData{}}
	case *ua.ActivateSessionRequest:
		return &ua.ActivateSessionResponse{ResponseHeader: head}
	case *ua.BrowseRequest:
		device := &ua.ReferenceDescription{
			ReferenceTypeID: ua.NewNumericNodeID(0, 35), NodeID: ua.NewNumericExpandedNodeID(1, 1), BrowseName: &ua.QualifiedName{Name: "device"},
			DisplayName: ua.NewLocalizedText(""), TypeDefinition: ua.NewNumericExpandedNodeID(0, 0),
		}
		return &ua.BrowseResponse{ResponseHeader: head, Results: []*ua.BrowseResult{{References: []*ua.ReferenceDescription{device}}}}
	case *ua.TranslateBrowsePathsToNodeIDsRequest:
		answer := &ua.TranslateBrowsePathsToNodeIDsResponse{ResponseHeader: head}
		for range r.BrowsePaths {
			answer.Results = append(answer.Results, &ua.BrowsePathResult{Targets: []*ua.BrowsePathTarget{{TargetID: ua.NewNumericExpandedNodeID(1, 2)}}})
		}
		return answer
	case *ua.ReadRequest:
		answer := &ua.ReadResponse{ResponseHeader: head}
		for i := range r.NodesToRead {
			if i == 0 && len(r.NodesToRead) == len(uaNodes) {
				answer.Results = append(answer.Results, value([]string{"", uaDevices}))
			} else {
				answer.Results = append(answer.Results, value("x"))
			}
		}
		return answer
	}
	return &ua.CloseSessionResponse{ResponseHeader: head}
}
