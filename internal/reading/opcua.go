package reading

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// OPCUA says what is read over OPC UA.
type OPCUA struct {
	Port int `yaml:"port"` // default 4840
	// Session is none (discovery alone), anonymous, user or certificate.
	Session  string `yaml:"session"`
	User     string `yaml:"user"`
	Password string `yaml:"passwordFile"`
	// Certificate and Key are PEM files of the user, for session: certificate.
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
	// Security is auto, none, or a policy and a mode: "Basic256Sha256 sign".
	Security string `yaml:"security"`
	// ServerCertificate is the file of the server's, PEM or DER, where it refuses
	// to say who it is without security: nothing is asked without it then.
	ServerCertificate string `yaml:"serverCertificate"`
}

// Policies are the OPC UA security policies that are spoken, the one to
// prefer first.
var Policies = []string{"Aes256_Sha256_RsaPss", "Aes128_Sha256_RsaOaep", "Basic256Sha256", "Basic256", "Basic128Rsa15"}

func (o *OPCUA) check() error {
	policy, mode, _ := strings.Cut(o.Security, " ")
	switch {
	case o.Port < 0 || o.Port > 65535:
		return fmt.Errorf("port: %d is none: 1 to 65535", o.Port)
	case !slices.Contains([]string{"", "none", "anonymous", "user", "certificate"}, o.Session):
		return fmt.Errorf("session: %q is not known: none, anonymous, user or certificate", o.Session)
	case o.Session == "user" && (o.User == "" || o.Password == ""):
		return errors.New("user, passwordFile: session: user needs both")
	case o.Session == "user" && o.Security == "none":
		return errors.New("security: none would send the password of session: user unprotected")
	case o.Session == "certificate" && (o.Certificate == "" || o.Key == ""):
		return errors.New("certificate: session: certificate needs certificate: and key:, PEM files")
	case o.ServerCertificate != "" && (o.Session == "" || o.Session == "none" || mode == ""):
		return errors.New("serverCertificate: with it nothing is asked without security: say session:, and a policy and a mode in security:, as in Basic256Sha256 sign-and-encrypt")
	case slices.Contains([]string{"", "auto", "none"}, o.Security):
		return nil
	case !slices.Contains(Policies, policy) || (mode != "sign" && mode != "sign-and-encrypt"):
		return fmt.Errorf("security: %q is not known: auto, none, or a policy (%s) and sign or sign-and-encrypt", o.Security, strings.Join(Policies, ", "))
	}
	return nil
}
