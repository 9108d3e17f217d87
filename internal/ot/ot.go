// Package ot is the vocabulary that agent and collector share: grades of
// evidence, classes of operation, roles, attributes, security and outcomes of
// a connection. Terms follow NIST SP 800-82r3, IEC 62443 and ISA-95.
package ot

// Grade says how well a claim is founded. A lower grade never overrules a
// higher one.
type Grade uint8

const (
	GradeNone Grade = iota
	Hint            // port or MAC prefix alone
	Behaviour       // inferred from what it does
	Content         // parsed from the protocol
	Identity        // the device said so in an identity message
)

var gradeNames = [...]string{"", "hint", "behaviour", "content", "identity"}

func (g Grade) String() string { return name(gradeNames[:], int(g)) }

// Operation is the class of what one message asks of the other side.
type Operation uint8

const (
	Read Operation = iota
	Write
	Control      // start, stop, reset, operate a breaker
	Program      // up- and download of logic, online change
	Firmware     // firmware transfer
	Configure    // parameters, names, addresses
	Subscribe    // asks for cyclic or on-change data
	Alarm        // spontaneous event or alarm
	Diagnose     // identity, status, counters, browse
	Authenticate // log-on, session with credentials
	Transfer     // file transfer

	NumOperations int = iota
)

var operationNames = [...]string{"read", "write", "control", "program", "firmware", "configure", "subscribe", "alarm", "diagnose", "authenticate", "transfer"}

func (o Operation) String() string { return name(operationNames[:], int(o)) }

// Classes is a set of operations, a bit each.
type Classes uint16

// Has reports whether o is in s.
func (s Classes) Has(o Operation) bool { return s&(1<<o) != 0 }

// ClassesOf is the set of operations by name; other names are left out.
func ClassesOf(names []string) (s Classes) {
	for _, n := range names {
		s |= ClassOf(n)
	}
	return s
}

// ClassOf is the set of one operation by name, empty for another name.
func ClassOf(name string) Classes {
	if i := index(operationNames[:], name); i >= 0 {
		return 1 << i
	}
	return 0
}

// Names lists what is in s, in the order of the vocabulary.
func (s Classes) Names() []string {
	var all []string
	for i := range Operation(NumOperations) {
		if s.Has(i) {
			all = append(all, i.String())
		}
	}
	return all
}

// OperationNames lists every class in the order of the constants.
func OperationNames() []string { return append([]string(nil), operationNames[:]...) }

// Attribute names one thing that is known of an asset. Protocols may add their
// own, "protocol.field", beside the common ones here.
type Attribute string

const (
	Vendor      Attribute = "vendor"
	Product     Attribute = "product"
	Model       Attribute = "model" // order number
	FirmwareRev Attribute = "firmware"
	Hardware    Attribute = "hardware"
	Serial      Attribute = "serial"
	Name        Attribute = "name"
	OS          Attribute = "os"
	RoleAttr    Attribute = "role"
	Level       Attribute = "level"
	DeviceType  Attribute = "device_type"
	RemoteTool  Attribute = "remote_tool" // remote-access tool or service that the asset asked for by name

	// First octets, in hexadecimal digits, of what an asset said on the port of
	// an operational-technology protocol and no protocol claimed.
	Unidentified Attribute = "unidentified_bytes"
)

// Role is what an asset does in the plant.
type Role string

const (
	PLC                    Role = "plc"
	RTU                    Role = "rtu"
	IED                    Role = "ied"
	DCSController          Role = "dcs-controller"
	SafetyController       Role = "safety-controller"
	IODevice               Role = "io-device"
	Drive                  Role = "drive"
	HMI                    Role = "hmi"
	SCADAServer            Role = "scada-server"
	DCSServer              Role = "dcs-server"
	EngineeringWorkstation Role = "engineering-workstation"
	OPCServer              Role = "opc-server"
	Historian              Role = "historian"
	MES                    Role = "mes"
	BatchRecord            Role = "batch-record"
	QualityRecord          Role = "quality-record"
	ERP                    Role = "erp"
	ERPInterface           Role = "erp-interface"
	IIoTGateway            Role = "iiot-gateway"
	IIoTBroker             Role = "iiot-broker"
	CloudService           Role = "cloud-service"
	RemoteAccess           Role = "remote-access"
	JumpHost               Role = "jump-host"
	Database               Role = "database"
	DomainController       Role = "domain-controller"
	NetworkDevice          Role = "network-device"
	Firewall               Role = "firewall"
	Printer                Role = "printer"
	Camera                 Role = "camera"
	Workstation            Role = "workstation"
	Server                 Role = "server"
	UnknownRole            Role = "unknown"
)

// roles lists every role but UnknownRole.
var roles = [...]Role{
	PLC, RTU, IED, DCSController, SafetyController, IODevice, Drive, HMI,
	SCADAServer, DCSServer, EngineeringWorkstation, OPCServer, Historian, MES, BatchRecord, QualityRecord,
	ERP, ERPInterface, IIoTGateway, IIoTBroker, CloudService, RemoteAccess, JumpHost, Database,
	DomainController, NetworkDevice, Firewall, Printer, Camera, Workstation, Server,
}

// Roles lists every role but UnknownRole.
func Roles() []Role { return append([]Role(nil), roles[:]...) }

// IsRole reports whether r is a role other than UnknownRole.
func IsRole(r Role) bool {
	for _, x := range roles {
		if x == r {
			return true
		}
	}
	return false
}

// Basis says how client and server of a connection were told apart, the best
// last.
type Basis uint8

const (
	BasisUnknown   Basis = iota // not told apart: the first sender seen stands as client
	BasisPort                   // the lower known port is the server's
	BasisListener               // the address answers on that port elsewhere
	BasisSemantics              // the protocol proves who asked
	BasisSYN                    // TCP SYN or SYN-ACK
)

var basisNames = [...]string{"unknown", "port", "listener", "semantics", "syn"}

func (b Basis) String() string { return name(basisNames[:], int(b)) }

// Outcome says what came of a connection.
type Outcome uint8

const (
	OutcomeUnknown Outcome = iota
	Unanswered             // asked, nobody answered
	Refused                // reset or unreachable
	OneSided               // data seen in one direction only
	Exchanged              // data or handshake seen both ways
)

var outcomeNames = [...]string{"unknown", "unanswered", "refused", "one-sided", "exchanged"}

func (o Outcome) String() string { return name(outcomeNames[:], int(o)) }

// ParseOutcome is the inverse of Outcome.String.
func ParseOutcome(s string) Outcome { return Outcome(max(0, index(outcomeNames[:], s))) }

// ParseGrade is the inverse of Grade.String.
func ParseGrade(s string) Grade { return Grade(max(0, index(gradeNames[:], s))) }

// ParseBasis is the inverse of Basis.String.
func ParseBasis(s string) Basis { return Basis(max(0, index(basisNames[:], s))) }

// SecurityMode is the protection of a connection's content.
type SecurityMode uint8

const (
	SecurityUnknown SecurityMode = iota
	SecurityNone
	Sign
	SignAndEncrypt
)

var securityNames = [...]string{"", "none", "sign", "sign-and-encrypt"}

func (s SecurityMode) String() string { return name(securityNames[:], int(s)) }

// Security is what shows of a connection's protection. Empty strings are not
// seen.
type Security struct {
	Mode    SecurityMode
	TLS     string // "1.2"
	Policy  string // OPC UA security policy, short name: "Basic256Sha256"
	Subject string // subject of the server's certificate, RFC 4514
	Name    string // server name that the client asked for (SNI)
}

func name(names []string, i int) string {
	if i >= 0 && i < len(names) {
		return names[i]
	}
	return "invalid"
}

func index(names []string, s string) int {
	for i, n := range names {
		if n == s {
			return i
		}
	}
	return -1
}
