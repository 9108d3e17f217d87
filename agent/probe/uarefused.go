package probe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/gopcua/opcua/ua"

	"demarc/internal/reading"
	"demarc/internal/wire"
)

// uaRefusal is why a server opened no channel, as far as it said so.
type uaRefusal string

// Refusals.
const (
	uaNotOpened     uaRefusal = "opening"     // without a reason
	uaNotSecurity   uaRefusal = "security"    // not with that policy and mode
	uaNotOurs       uaRefusal = "certificate" // not with our certificate
	uaTokenRejected uaRefusal = "user"        // not that user
)

// uaChildError is what a child says went wrong.
type uaChildError struct {
	text    string
	refused uaRefusal
}

func (e *uaChildError) Error() string { return e.text }

// uaOpeningError marks an error of opening a channel, in the child.
type uaOpeningError struct{ error }

func (e uaOpeningError) Unwrap() error { return e.error }

// refusalOf reads a refusal out of an error, in the child.
func refusalOf(err error) uaRefusal {
	if status, ok := errors.AsType[ua.StatusCode](err); ok {
		if r := refusalBy(status); r != "" {
			return r
		}
	}
	if _, opening := errors.AsType[uaOpeningError](err); opening {
		return uaNotOpened
	}
	return ""
}

func refusalBy(status ua.StatusCode) uaRefusal {
	switch status {
	case ua.StatusBadSecurityPolicyRejected, ua.StatusBadSecurityModeRejected:
		return uaNotSecurity
	case ua.StatusBadSecurityChecksFailed, ua.StatusBadCertificateUntrusted, ua.StatusBadCertificateInvalid, ua.StatusBadCertificateTimeInvalid,
		ua.StatusBadCertificateURIInvalid, ua.StatusBadCertificateUseNotAllowed, ua.StatusBadCertificateRevoked, ua.StatusBadCertificateRevocationUnknown,
		ua.StatusBadCertificateChainIncomplete, ua.StatusBadCertificatePolicyCheckFailed:
		return uaNotOurs
	case ua.StatusBadIdentityTokenRejected, ua.StatusBadIdentityTokenInvalid, ua.StatusBadUserAccessDenied:
		return uaTokenRejected
	}
	return ""
}

// refused reads an Error message, OPC 10000-6 7.1.2.5: a status and a reason.
// node-opcua sends a ServiceFault there, which has the status further on.
func (g *uaGuard) refused(b []byte) error {
	c := wire.New(b)
	c.Skip(8)
	status, reason := ua.StatusCode(c.U32LE()), clean(string(uaBytes(&c)))
	for _, s := range []ua.StatusCode{ua.StatusBadSecurityPolicyRejected, ua.StatusBadSecurityModeRejected} {
		if bytes.Contains(b, binary.LittleEndian.AppendUint32(nil, uint32(s))) {
			status = s
		}
	}
	e := &uaChildError{text: fmt.Sprintf("opcua: the server answers %s with an error: %v %s", strings.TrimPrefix(g.said, "opcua "), status, reason), refused: refusalBy(status)}
	if e.refused == "" && g.opening() {
		e.refused = uaNotOpened
	}
	return e
}

// openly says what a person can do about a server that does not speak without
// security, where that is what it said.
func openly(err error) error {
	var e *uaChildError
	if !errors.As(err, &e) {
		return err
	}
	const cure = "give its certificate in serverCertificate:, with session: and a policy and mode in security:"
	switch e.refused {
	case uaNotSecurity:
		return fmt.Errorf("%w: the server says nothing without security, not even who it is: %s", err, cure)
	case uaNotOpened:
		return fmt.Errorf("%w: should the server be one that says nothing without security: %s", err, cure)
	}
	return err
}

// within says what a person can do about a server that does not let us in.
func (x *exchange) within(o *reading.OPCUA, err error) error {
	var e *uaChildError
	if !errors.As(err, &e) {
		return err
	}
	switch e.refused {
	case uaNotOurs, uaNotOpened:
		other := ""
		if o.ServerCertificate != "" {
			other = ", or " + o.ServerCertificate + " is not the certificate of this server"
		}
		return fmt.Errorf("%w: the server may not trust this agent yet: have its administrator trust %s (SHA-256 %s)%s", err, certificateFile(x.State), ownPrint(x.State), other)
	case uaTokenRejected:
		return fmt.Errorf("%w: the server does not take this user, or the secret", err)
	case uaNotSecurity:
		return fmt.Errorf("%w: the server does not take this policy and mode: set security: to others", err)
	}
	return err
}
