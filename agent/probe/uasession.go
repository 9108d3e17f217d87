package probe

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/gopcua/opcua/ua"
	"github.com/gopcua/opcua/uapolicy"
	"github.com/gopcua/opcua/uasc"

	"demarc/internal/ot"
)

// uaMostRequests is how many requests a session sends, its close included.
const uaMostRequests = 7

// uaNodes are what is read of every server, OPC 10000-5 Annex A.
var uaNodes = []struct {
	id        uint32
	attribute string
	source    string
}{
	{2255, "", ""}, // NamespaceArray, for what follows
	{2259, "opcua.server_state", "server_status.state"},
	{2261, string(ot.Product), "build_info.product_name"},
	{2262, "opcua.product_uri", "build_info.product_uri"},
	{2263, string(ot.Vendor), "build_info.manufacturer_name"},
	{2264, string(ot.FirmwareRev), "build_info.software_version"},
	{2265, "opcua.build_number", "build_info.build_number"},
}

// uaDevices is the namespace of OPC 10000-100, Devices, and its DeviceSet.
const (
	uaDevices   = "http://opcfoundation.org/UA/DI/"
	uaDeviceSet = 5001
)

// uaPlate is the identification of a device, OPC 10000-100 table 5.
var uaPlate = []struct{ name, attribute, source string }{
	{"Manufacturer", string(ot.Vendor), "manufacturer"},
	{"Model", string(ot.Model), "model"},
	{"HardwareRevision", string(ot.Hardware), "hardware_revision"},
	{"SoftwareRevision", string(ot.FirmwareRev), "software_revision"},
	{"DeviceRevision", "opcua.device_revision", "device_revision"},
	{"SerialNumber", string(ot.Serial), "serial_number"},
}

var uaStates = []string{"running", "failed", "no configuration", "suspended", "shutdown", "test", "communication fault", "unknown"}

// uaSession enters a server, reads its name plates, and leaves.
func uaSession(ctx context.Context, c *net.TCPConn, job uaJob, say func(uaTold)) error {
	cfg, err := uaConfig(job)
	if err != nil {
		return err
	}
	x, err := uaOpen(ctx, c, job, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = x.Close() }()
	token, err := uaEnter(ctx, x, job, say)
	if err != nil {
		return err
	}
	err = uaRead(ctx, x, token, say)
	_, left := uaAsk[*ua.CloseSessionResponse](ctx, x, token, &ua.CloseSessionRequest{DeleteSubscriptions: true})
	return errors.Join(err, left)
}

func uaConfig(job uaJob) (*uasc.Config, error) {
	if job.Policy == uaNone {
		return &uasc.Config{SecurityPolicyURI: uaNone, SecurityMode: ua.MessageSecurityModeNone}, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(job.Key)
	if err != nil {
		return nil, err
	}
	local, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("this application's key is no RSA key")
	}
	mode := ua.MessageSecurityModeSign
	if job.Mode == "sign-and-encrypt" {
		mode = ua.MessageSecurityModeSignAndEncrypt
	}
	cfg := &uasc.Config{
		SecurityPolicyURI: job.Policy, SecurityMode: mode, Certificate: job.Certificate, LocalKey: local,
		RemoteCertificate: job.Server, Thumbprint: uapolicy.Thumbprint(job.Server),
	}
	if len(job.UserKey) > 0 {
		user, err := x509.ParsePKCS8PrivateKey(job.UserKey)
		if err != nil {
			return nil, err
		}
		if cfg.UserKey, ok = user.(*rsa.PrivateKey); !ok {
			return nil, errors.New("the user's key is no RSA key")
		}
	}
	return cfg, nil
}

// uaEnter creates and activates a session, and returns its token.
func uaEnter(ctx context.Context, x *uaChannel, job uaJob, say func(uaTold)) (*ua.NodeID, error) {
	nonce := make([]byte, 32) // without security nobody checks it: zeros, as the plan says
	if job.Policy != uaNone {
		if _, err := rand.Read(nonce); err != nil {
			return nil, err
		}
	}
	created, err := uaAsk[*ua.CreateSessionResponse](ctx, x, nil, &ua.CreateSessionRequest{
		ClientDescription: &ua.ApplicationDescription{
			ApplicationURI: applicationURI, ProductURI: applicationURI, ApplicationType: ua.ApplicationTypeClient,
			ApplicationName: ua.NewLocalizedText("demarc-agent probe"),
		},
		EndpointURL: x.url, SessionName: "demarc-agent probe", ClientNonce: nonce, ClientCertificate: job.Certificate,
		RequestedSessionTimeout: float64(stageTime.Milliseconds()),
	})
	if err != nil {
		return nil, err
	}
	if job.Policy != uaNone {
		// The certificate is the one that a person trusts, not one that the
		// server names now: the password is for its key alone.
		if !bytes.Equal(created.ServerCertificate, job.Server) || created.ServerSignature == nil {
			return nil, errors.New("the session is offered under another certificate than the one that is trusted")
		}
		if err := x.VerifySessionSignature(job.Server, nonce, created.ServerSignature.Signature); err != nil {
			return nil, fmt.Errorf("the server does not prove that it holds its certificate's key: %w", err)
		}
	}
	if job.Unasked {
		sayEndpoints(created.ServerEndpoints, say)
		if err := job.tokenAt(created.ServerEndpoints); err != nil {
			return nil, err
		}
	}
	request, err := uaActivate(x, job, created)
	if err != nil {
		return nil, err
	}
	_, err = uaAsk[*ua.ActivateSessionResponse](ctx, x, created.AuthenticationToken, request)
	return created.AuthenticationToken, err
}

// tokenAt chooses a token of the endpoint that the channel was opened to.
func (j *uaJob) tokenAt(all []*ua.EndpointDescription) error {
	for _, e := range all[:min(len(all), uaMaxEndpoints)] {
		if e != nil && e.SecurityPolicyURI == j.Policy && uaModes[e.SecurityMode] == j.Mode && j.token(tokensOf(e)) {
			return nil
		}
	}
	return j.noToken()
}

func uaActivate(x *uaChannel, job uaJob, created *ua.CreateSessionResponse) (*ua.ActivateSessionRequest, error) {
	signature, algorithm, err := x.NewSessionSignature(job.Server, created.ServerNonce)
	if err != nil {
		return nil, err
	}
	request := &ua.ActivateSessionRequest{ClientSignature: &ua.SignatureData{Algorithm: algorithm, Signature: signature}, UserTokenSignature: &ua.SignatureData{}}
	switch job.Session {
	case "user":
		secret, algorithm, err := x.EncryptUserPassword(job.TokenPolicy, job.Password, job.Server, created.ServerNonce)
		if err != nil {
			return nil, err
		}
		request.UserIdentityToken = ua.NewExtensionObject(&ua.UserNameIdentityToken{PolicyID: job.TokenID, UserName: job.User, Password: secret, EncryptionAlgorithm: algorithm})
	case "certificate":
		signature, algorithm, err := x.NewUserTokenSignature(job.TokenPolicy, job.Server, created.ServerNonce)
		if err != nil {
			return nil, err
		}
		request.UserIdentityToken = ua.NewExtensionObject(&ua.X509IdentityToken{PolicyID: job.TokenID, CertificateData: job.UserCertificate})
		request.UserTokenSignature = &ua.SignatureData{Algorithm: algorithm, Signature: signature}
	default:
		request.UserIdentityToken = ua.NewExtensionObject(&ua.AnonymousIdentityToken{PolicyID: job.TokenID})
	}
	return request, nil
}

// uaRead reads what every server has, and the devices behind it.
func uaRead(ctx context.Context, x *uaChannel, token *ua.NodeID, say func(uaTold)) error {
	ids := make([]*ua.NodeID, len(uaNodes))
	for i, n := range uaNodes {
		ids[i] = ua.NewNumericNodeID(0, n.id)
	}
	values, err := uaValues(ctx, x, token, ids)
	if err != nil {
		return err
	}
	for i, n := range uaNodes[1:] {
		v := uaText(values[i+1])
		if n.id == 2259 {
			if s, ok := values[i+1].(int32); ok && s >= 0 && int(s) < len(uaStates) {
				v = uaStates[s]
			}
		}
		say(uaTold{Attribute: n.attribute, Value: v, Source: "opcua." + n.source})
	}
	namespaces, _ := values[0].([]string)
	for i, name := range namespaces {
		if i > 0 && i < 32 {
			say(uaTold{Attribute: "opcua.namespace", Value: short(name), Source: "opcua.namespace_array"})
		}
		if name == uaDevices && i < 1<<16 {
			err = uaDevicesOf(ctx, x, token, uint16(i), say)
		}
	}
	return err
}

// uaDevicesOf reads the name plates in a server's DeviceSet.
func uaDevicesOf(ctx context.Context, x *uaChannel, token *ua.NodeID, space uint16, say func(uaTold)) error {
	found, err := uaAsk[*ua.BrowseResponse](ctx, x, token, &ua.BrowseRequest{
		View: &ua.ViewDescription{ViewID: ua.NewTwoByteNodeID(0)}, RequestedMaxReferencesPerNode: uaMaxDevices,
		NodesToBrowse: []*ua.BrowseDescription{{
			NodeID: ua.NewNumericNodeID(space, uaDeviceSet), BrowseDirection: ua.BrowseDirectionForward,
			ReferenceTypeID: ua.NewNumericNodeID(0, 33), IncludeSubtypes: true, NodeClassMask: uint32(ua.NodeClassObject), ResultMask: uint32(ua.BrowseResultMaskBrowseName),
		}},
	})
	if err != nil || len(found.Results) == 0 || found.Results[0] == nil {
		return err
	}
	var paths []*ua.BrowsePath
	var names []string
	for i, r := range found.Results[0].References {
		if i == uaMaxDevices {
			break
		}
		if r == nil || r.NodeID == nil || r.NodeID.NodeID == nil || r.BrowseName == nil {
			continue
		}
		names = append(names, short(r.BrowseName.Name))
		for _, p := range uaPlate {
			paths = append(paths, &ua.BrowsePath{StartingNode: r.NodeID.NodeID, RelativePath: &ua.RelativePath{Elements: []*ua.RelativePathElement{{
				ReferenceTypeID: ua.NewNumericNodeID(0, 33), IncludeSubtypes: true, TargetName: &ua.QualifiedName{NamespaceIndex: space, Name: p.name},
			}}}})
		}
	}
	if len(paths) == 0 {
		return nil
	}
	at, err := uaAsk[*ua.TranslateBrowsePathsToNodeIDsResponse](ctx, x, token, &ua.TranslateBrowsePathsToNodeIDsRequest{BrowsePaths: paths})
	if err != nil {
		return err
	}
	var ids []*ua.NodeID
	var which []int
	for i, r := range at.Results {
		if r != nil && i < len(paths) && len(r.Targets) > 0 && r.Targets[0] != nil && r.Targets[0].TargetID != nil && r.Targets[0].TargetID.NodeID != nil {
			ids, which = append(ids, r.Targets[0].TargetID.NodeID), append(which, i)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	values, err := uaValues(ctx, x, token, ids)
	for i, v := range values {
		plate, part := uaPlate[which[i]%len(uaPlate)], "device/"+names[which[i]/len(uaPlate)]
		say(uaTold{Part: part, Attribute: plate.attribute, Value: uaText(v), Source: "opcua.di." + plate.source})
	}
	return err
}

// uaValues reads the values of nodes in one request; nil for what is none.
func uaValues(ctx context.Context, x *uaChannel, token *ua.NodeID, ids []*ua.NodeID) ([]any, error) {
	r := &ua.ReadRequest{TimestampsToReturn: ua.TimestampsToReturnNeither}
	for _, id := range ids {
		r.NodesToRead = append(r.NodesToRead, &ua.ReadValueID{NodeID: id, AttributeID: ua.AttributeIDValue, DataEncoding: &ua.QualifiedName{}})
	}
	answer, err := uaAsk[*ua.ReadResponse](ctx, x, token, r)
	if err != nil {
		return nil, err
	}
	values := make([]any, len(ids))
	for i, v := range answer.Results {
		if i < len(values) && v != nil && v.Value != nil && v.Status == ua.StatusOK {
			values[i] = v.Value.Value()
		}
	}
	return values, nil
}

// uaText is a value as text; "" for what is none.
func uaText(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(short(v))
	case *ua.LocalizedText:
		if v != nil {
			return strings.TrimSpace(short(v.Text))
		}
	case int16, int32, int64, uint16, uint32, uint64, byte:
		return fmt.Sprint(v)
	}
	return ""
}
