package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/gopcua/opcua/ua"
	"github.com/gopcua/opcua/uacp"
	"github.com/gopcua/opcua/uasc"
)

// What follows runs in the child alone.

// uaChannel is a secure channel to a server.
type uaChannel struct {
	*uasc.SecureChannel
	url  string
	fail chan error
}

// uaOpen shakes hands and opens a channel.
func uaOpen(ctx context.Context, c *net.TCPConn, job uaJob, cfg *uasc.Config) (*uaChannel, error) {
	conn, err := uacp.NewConn(c, &uacp.Acknowledge{ReceiveBufSize: uaMaxMessage, SendBufSize: uaMaxMessage, MaxMessageSize: uaMaxReceived, MaxChunkCount: uaMaxReceived / 8192})
	if err != nil {
		return nil, err
	}
	if err := conn.Handshake(ctx, job.URL); err != nil {
		return nil, fmt.Errorf("hello: %w", err)
	}
	// The parent measures every answer; here only what must end some time.
	cfg.RequestTimeout = time.Duration(job.Timeout)*time.Millisecond + gapMost
	cfg.Lifetime = uint32((stageTime * 2).Milliseconds()) // never renewed
	x := &uaChannel{url: job.URL, fail: make(chan error, 16)}
	if x.SecureChannel, err = uasc.NewSecureChannel(job.URL, conn, cfg, x.fail); err != nil {
		return nil, err
	}
	if err := x.Open(ctx); err != nil {
		select {
		case err = <-x.fail: // what came first says more than that the server hung up then
		default:
		}
		return nil, uaOpeningError{fmt.Errorf("open channel: %w", err)}
	}
	return x, nil
}

// uaAsk sends one request and waits for its answer. What goes wrong on the
// channel meanwhile ends the wait: the library leaves the request hanging.
func uaAsk[T ua.Response](ctx context.Context, x *uaChannel, token *ua.NodeID, r ua.Request) (answer T, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case err := <-x.fail:
			cancel(err)
		case <-ctx.Done():
		}
	}()
	err = x.SendRequest(ctx, r, token, func(v ua.Response) error {
		var ok bool
		if answer, ok = v.(T); !ok {
			return fmt.Errorf("the answer is a %T", v)
		}
		return nil
	})
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	if err != nil {
		return answer, fmt.Errorf("%s: %w", strings.TrimPrefix(fmt.Sprintf("%T", r), "*ua."), err)
	}
	return answer, nil
}

// uaDiscover asks who is there and how one may enter; both need no session.
func uaDiscover(ctx context.Context, c *net.TCPConn, job uaJob, say func(uaTold)) error {
	x, err := uaOpen(ctx, c, job, &uasc.Config{SecurityPolicyURI: uaNone, SecurityMode: ua.MessageSecurityModeNone})
	if err != nil {
		return err
	}
	defer func() { _ = x.Close() }()
	if err := uaFindServers(ctx, x, say); err != nil {
		return err
	}
	all, err := uaAsk[*ua.GetEndpointsResponse](ctx, x, nil, &ua.GetEndpointsRequest{EndpointURL: job.URL})
	if err != nil {
		return err
	}
	sayEndpoints(all.Endpoints, say)
	return nil
}

// uaFindServers asks for servers. One that does not know the request is asked on.
func uaFindServers(ctx context.Context, x *uaChannel, say func(uaTold)) error {
	found, err := uaAsk[*ua.FindServersResponse](ctx, x, nil, &ua.FindServersRequest{EndpointURL: x.url})
	switch {
	case errors.Is(err, ua.StatusBadServiceUnsupported), errors.Is(err, ua.StatusBadNotImplemented):
		return nil
	case err != nil:
		return err
	}
	if len(found.Servers) == 1 { // of several none is known to be the one that answers
		sayApplication(found.Servers[0], say)
	}
	return nil
}

func sayEndpoints(all []*ua.EndpointDescription, say func(uaTold)) {
	for i, e := range all {
		if i == uaMaxEndpoints {
			say(uaTold{Attribute: "opcua.endpoints", Value: fmt.Sprintf("%d, of which %d were read", len(all), i), Source: "opcua.endpoint_description.count"})
			return
		}
		if e != nil {
			sayEndpoint(i == 0, e, say)
		}
	}
}

var uaTypes = []string{"server", "client", "client and server", "discovery server"}

func sayApplication(a *ua.ApplicationDescription, say func(uaTold)) {
	if a == nil {
		return
	}
	fact := func(name, value string) {
		say(uaTold{Attribute: "opcua." + name, Value: short(value), Source: "opcua.application_description." + name})
	}
	fact("application_uri", a.ApplicationURI)
	fact("product_uri", a.ProductURI)
	if a.ApplicationName != nil {
		fact("application_name", a.ApplicationName.Text)
	}
	if t := int(a.ApplicationType); t >= 0 && t < len(uaTypes) {
		fact("application_type", uaTypes[t])
	}
	if len(a.DiscoveryURLs) > 0 {
		fact("discovery_url", a.DiscoveryURLs[0])
	}
}

func short(s string) string { return s[:min(len(s), 512)] }

var uaModes = map[ua.MessageSecurityMode]string{
	ua.MessageSecurityModeNone: "none", ua.MessageSecurityModeSign: "sign", ua.MessageSecurityModeSignAndEncrypt: "sign-and-encrypt",
}

func sayEndpoint(first bool, e *ua.EndpointDescription, say func(uaTold)) {
	if first {
		sayApplication(e.Server, say)
	}
	mode, known := uaModes[e.SecurityMode]
	if !known {
		return
	}
	say(uaTold{Attribute: "opcua.endpoint_url", Value: short(e.EndpointURL), Source: "opcua.endpoint_description.endpoint_url"})
	say(uaTold{Attribute: "opcua.endpoint_security", Value: mode + " " + short(e.SecurityPolicyURI), Source: "opcua.endpoint_description.security"})
	if !strings.HasPrefix(e.EndpointURL, "opc.tcp://") {
		return // another transport: it is told, and not spoken
	}
	p := &uaEndpoint{Policy: short(e.SecurityPolicyURI), Mode: mode, Tokens: tokensOf(e)}
	if len(e.ServerCertificate) <= uaMaxCert {
		p.Certificate = e.ServerCertificate
	}
	say(uaTold{Endpoint: p})
}

// tokensOf are the ways of saying who one is at an endpoint.
func tokensOf(e *ua.EndpointDescription) (all []uaToken) {
	for i, t := range e.UserIdentityTokens {
		if i == uaMaxTokens {
			break
		}
		if t != nil {
			all = append(all, uaToken{Type: uaTokens[t.TokenType], ID: short(t.PolicyID), Policy: short(t.SecurityPolicyURI)})
		}
	}
	return all
}

var uaTokens = map[ua.UserTokenType]string{
	ua.UserTokenTypeAnonymous: "anonymous", ua.UserTokenTypeUserName: "user", ua.UserTokenTypeCertificate: "certificate", ua.UserTokenTypeIssuedToken: "issued",
}
