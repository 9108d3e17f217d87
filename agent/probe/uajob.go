package probe

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"demarc/internal/ot"
)

// uaNone is the policy of a channel without security.
const uaNone = uaPolicies + "None"

const uaPolicies = "http://opcfoundation.org/UA/SecurityPolicy#"

// uaJob is what the child is told to do over the connection that it is given.
type uaJob struct {
	URL     string
	Session string // "" is discovery alone; anonymous, user, certificate
	Policy  string // URI
	Mode    string // none, sign, sign-and-encrypt
	Timeout int    // milliseconds, of one answer

	Server           []byte // certificate that a person trusts, DER
	Unasked          bool   // there was no discovery: the server's ways in are told, and the token chosen, in the session
	Certificate, Key []byte // of this application, DER and PKCS #8
	TokenID          string // identifier of the user token's policy
	TokenPolicy      string // URI of the policy that protects the token
	User, Password   string
	UserCertificate  []byte
	UserKey          []byte
}

// uaTold is one thing that the child says, a line of JSON.
type uaTold struct {
	Part      string      `json:",omitempty"`
	Attribute string      `json:",omitempty"`
	Value     string      `json:",omitempty"`
	Source    string      `json:",omitempty"`
	Endpoint  *uaEndpoint `json:",omitempty"`
	Error     string      `json:",omitempty"`
	Refused   uaRefusal   `json:",omitempty"`
	Done      bool        `json:",omitempty"`
}

// uaEndpoint is a way into a server.
type uaEndpoint struct {
	Policy, Mode string
	Certificate  []byte
	Tokens       []uaToken
}

// uaToken is a way of saying who one is.
type uaToken struct{ Type, ID, Policy string }

// Limits of what a child may say; it has talked to somebody hostile.
const (
	uaMaxSaid      = 2 << 20
	uaMaxLine      = 128 << 10
	uaMaxEndpoints = 64
	uaMaxTokens    = 16
	uaMaxDevices   = 16
	uaMaxCert      = 32 << 10
)

// readTold reads what a child says, within limits.
func readTold(r io.Reader, each func(uaTold)) error {
	d := json.NewDecoder(io.LimitReader(r, uaMaxSaid))
	for range 2 * maxFacts {
		var t uaTold
		switch err := d.Decode(&t); {
		case errors.Is(err, io.EOF):
			return errors.New("it ended before it was done")
		case err != nil:
			return fmt.Errorf("what it says cannot be read: %w", err)
		case t.Error != "":
			return &uaChildError{clean(t.Error), t.Refused}
		case t.Done:
			return nil
		}
		each(t)
	}
	return errors.New("it says too much")
}

// take makes a fact of what the child says, if it looks like one.
func (x *exchange) take(t uaTold) {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789_."
	if t.Attribute == "" || len(t.Attribute) > 64 || strings.Trim(t.Attribute, letters) != "" || len(t.Source) > 96 || strings.Trim(t.Source, letters) != "" || len(t.Part) > 96 {
		return
	}
	x.fact(Fact{Part: clean(t.Part), Attribute: t.Attribute, Value: t.Value, Source: "probe." + t.Source, Grade: ot.Identity})
}
