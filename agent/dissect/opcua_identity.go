package dissect

import (
	"bytes"
	"net/netip"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// uaMaxDescriptions bounds the applications and endpoints that are read of one
// message.
const uaMaxDescriptions = 64

// uaApplication is an ApplicationDescription, OPC 10000-4 section 7.2.
type uaApplication struct {
	uri, product, name []byte
	typ                uint32
	url                []byte // the first discovery URL
}

// Application types.
var uaApplicationTypes = [...][]byte{[]byte("server"), []byte("client"), []byte("client and server"), []byte("discovery server")}

const uaDiscoveryServer = 3

func readUAApplication(c *wire.Cursor) (a uaApplication) {
	a.uri, a.product = uaString(c), uaString(c)
	a.name = uaLocalized(c)
	a.typ = c.U32LE()
	uaString(c) // gatewayServerUri
	uaString(c) // discoveryProfileUri
	for n := uaCount(c); n > 0 && c.OK(); n-- {
		if url := uaString(c); a.url == nil {
			a.url = url
		}
	}
	return a
}

// tell tells what an application says of itself.
func (a *uaApplication) tell(of Subject, out Out) {
	uaTell(of, "opcua.application_uri", a.uri, "opcua.application_description.application_uri", ot.Identity, out)
	uaTell(of, "opcua.product_uri", a.product, "opcua.application_description.product_uri", ot.Identity, out)
	uaTell(of, "opcua.application_name", a.name, "opcua.application_description.application_name", ot.Identity, out)
	if len(a.uri) > 0 && a.typ < uint32(len(uaApplicationTypes)) {
		out.Fact(of, "opcua.application_type", uaApplicationTypes[a.typ], "opcua.application_description.application_type", ot.Identity)
	}
	uaTell(of, "opcua.discovery_url", a.url, "opcua.application_description.discovery_url", ot.Identity, out)
}

func uaTell(of Subject, a ot.Attribute, value []byte, source string, g ot.Grade, out Out) {
	if len(value) > 0 {
		out.Fact(of, a, value, source, g)
	}
}

// uaServers reads the applications of a FindServersResponse, OPC 10000-4 section
// 5.4.2. One alone is the sender; of several only the discovery server is,
// and others are told where their URL holds an address.
func uaServers(c *wire.Cursor, out Out) {
	n := uaCount(c)
	for i := 0; i < min(n, uaMaxDescriptions); i++ {
		a := readUAApplication(c)
		if !c.OK() {
			return
		}
		if n == 1 || a.typ == uaDiscoveryServer {
			a.tell(Sender, out)
		} else if ip, ok := uaURLAddr(a.url); ok {
			a.tell(Addr(ip), out)
		}
	}
}

// uaURLAddr is the IP address in a URL such as opc.tcp://10.1.2.3:4840/path.
func uaURLAddr(url []byte) (ip netip.Addr, ok bool) {
	_, host, found := bytes.Cut(url, []byte("://"))
	if !found || len(url) > 256 {
		return ip, false
	}
	host, _, _ = bytes.Cut(host, []byte("/"))
	if p, err := netip.ParseAddrPort(string(host)); err == nil {
		return p.Addr(), usableAddr(p.Addr())
	}
	ip, err := netip.ParseAddr(string(bytes.Trim(host, "[]")))
	return ip, err == nil && usableAddr(ip)
}

func usableAddr(ip netip.Addr) bool {
	return !ip.IsUnspecified() && !ip.IsLoopback() && !ip.IsMulticast() && ip.Zone() == ""
}

// endpoints reads EndpointDescriptions, section 7.14: the server's own
// application once, and each way in.
func (d *opcua) endpoints(c *wire.Cursor, out Out) {
	var told, url []byte
	for n := min(uaCount(c), uaMaxDescriptions); n > 0; n-- {
		at := uaString(c)
		a := readUAApplication(c)
		certificate := uaString(c)
		mode, policy := c.U32LE(), uaString(c)
		for t := uaCount(c); t > 0 && c.OK(); t-- {
			uaUserToken(c)
		}
		uaString(c) // transport profile
		c.Skip(1)   // security level
		if !c.OK() {
			return
		}
		if told == nil || !bytes.Equal(a.uri, told) {
			a.tell(Sender, out)
			d.certificate(certificate, "opcua.endpoint_description.certificate", out)
			told = a.uri
		}
		if !bytes.Equal(at, url) {
			uaTell(Sender, "opcua.endpoint_url", at, "opcua.endpoint_description.endpoint_url", ot.Identity, out)
			url = at
		}
		d.wayIn(mode, policy, out)
	}
}

// wayIn tells one security mode and policy that an endpoint offers.
func (d *opcua) wayIn(mode uint32, policy []byte, out Out) {
	if m := uaMode(mode); m != ot.SecurityUnknown && len(policy) > 0 && len(policy) < 128 {
		from := d.text.mark()
		d.text.adds(m.String())
		d.text.adds(" ")
		d.text.add(policy)
		out.Fact(Sender, "opcua.endpoint_security", d.text.since(from), "opcua.endpoint_description.security", ot.Identity)
	}
}

// uaMode is a MessageSecurityMode, section 7.20.
func uaMode(mode uint32) ot.SecurityMode {
	if mode >= 1 && mode <= 3 {
		return [...]ot.SecurityMode{1: ot.SecurityNone, 2: ot.Sign, 3: ot.SignAndEncrypt}[mode]
	}
	return ot.SecurityUnknown
}

// uaUserToken skips a UserTokenPolicy, section 7.42.
func uaUserToken(c *wire.Cursor) {
	uaString(c)
	c.Skip(4)
	uaString(c)
	uaString(c)
	uaString(c)
}

// uaAskedURL tells the URL by which a client means the server.
func uaAskedURL(url []byte, source string, out Out) {
	uaTell(Receiver, "opcua.endpoint_url", url, source, ot.Hint, out)
}

// uaRegistered reads the RegisteredServer of a RegisterServer request, section
// 7.32: a server that announces itself to a discovery server.
func uaRegistered(c *wire.Cursor, out Out) {
	a := uaApplication{uri: uaString(c), product: uaString(c)}
	for n := uaCount(c); n > 0 && c.OK(); n-- {
		if name := uaLocalized(c); a.name == nil {
			a.name = name
		}
	}
	a.typ = c.U32LE()
	uaString(c) // gatewayServerUri
	for n := uaCount(c); n > 0 && c.OK(); n-- {
		if url := uaString(c); a.url == nil {
			a.url = url
		}
	}
	if c.OK() {
		a.tell(Sender, out)
	}
}

// uaCreateSession reads a CreateSession request, section 5.6.2: the client.
func uaCreateSession(c *wire.Cursor, out Out) {
	a := readUAApplication(c)
	uaString(c) // serverUri
	url, name := uaString(c), uaString(c)
	if !c.OK() {
		return
	}
	a.tell(Sender, out)
	uaTell(Sender, "opcua.session_name", name, "opcua.create_session.session_name", ot.Content, out)
	uaAskedURL(url, "opcua.request.endpoint_url", out)
}

// sessionCreated reads a CreateSession response: the server and its endpoints.
func (d *opcua) sessionCreated(c *wire.Cursor, out Out) {
	uaNodeID(c) // sessionId
	uaNodeID(c) // authenticationToken
	c.Skip(8)   // revisedSessionTimeout
	uaString(c) // serverNonce
	uaString(c) // serverCertificate
	if c.OK() {
		d.endpoints(c, out)
	}
}

// uaIdentityTokens are the encoding ids of the user identity tokens, section 7.41.
var uaIdentityTokens = [...]struct {
	id   uint32
	name []byte
}{{321, []byte("anonymous")}, {324, []byte("user name")}, {327, []byte("certificate")}, {940, []byte("issued token")}}

// uaActivateSession reads an ActivateSession request, section 5.6.3: how the
// user is identified, not who.
func uaActivateSession(c *wire.Cursor, out Out) {
	uaString(c) // clientSignature: algorithm, signature
	uaString(c)
	for n := uaCount(c); n > 0 && c.OK(); n-- { // clientSoftwareCertificates
		uaString(c)
		uaString(c)
	}
	uaStrings(c) // localeIds
	typ, _ := uaObject(c)
	for i := range uaIdentityTokens {
		if c.OK() && typ.is(uaIdentityTokens[i].id) {
			out.Fact(Sender, "opcua.user_token", uaIdentityTokens[i].name, "opcua.activate_session.user_identity_token", ot.Content)
		}
	}
}
