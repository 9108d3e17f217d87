// Package arch states the shape of the source tree, and its test reads the
// tree and fails where the shape is broken: who may import whom, that nothing
// on the capture path can transmit, that every package says what it is for.
// It is a statement of policy: mend the code, not this text.
package arch

// stages lists, for each program, its packages in the order of the data. A
// stage imports only stages above it. "main" is the program's own folder, and
// wiring packages see everything.
var stages = map[string][]string{
	"agent":     {"config", "capture", "decode", "flow", "dissect", "sighting", "spancheck", "recorder", "uplink", "probe", "pipeline", "status", "main"},
	"collector": {"config", "ingest", "inventory", "boundary", "verdict", "paper", "propose", "condition", "finding", "store", "store/bolt", "store/postgres", "recorded", "upload", "deliver", "api", "export", "web", "server", "main"},
}

// exceptions are imports against the order, each with its reason.
var exceptions = map[string]string{
	"collector/ingest -> collector/store": "ingest brings batches to the journal: it takes the contract, not a store",
}

// capturePath are the packages that see a capture interface or its bytes.
var capturePath = []string{"agent/capture", "agent/decode", "agent/flow", "agent/dissect", "agent/sighting", "agent/spancheck", "agent/recorder"}

// cannotTransmit are imports that could send, run a program or reach a network.
var cannotTransmit = []string{
	"net/http", "os/exec", "net/rpc", "net/smtp", "log/syslog",
	"google.golang.org/grpc", "github.com/gopcua/opcua", "github.com/simonvetter/modbus", "demarc/agent/probe",
	"github.com/google/gopacket/pcap", "github.com/google/gopacket/afpacket", "github.com/google/gopacket/pfring",
}

// sendingCalls are calls that no package of the capture path may make, by
// selector: package.Function, or .Method of anything.
var sendingCalls = []string{
	"unix.Sendto", "unix.Sendmsg", "unix.SendmsgN", "unix.SendmsgBuffers", "unix.Write", "unix.Writev", "unix.Pwrite", "unix.Sendfile",
	"syscall.Sendto", "syscall.Sendmsg", "syscall.Write", "unix.PACKET_TX_RING",
	"net.Dial", "net.DialTimeout", "net.DialTCP", "net.DialUDP", "net.DialIP", "net.Listen", "net.ListenPacket", "net.ListenUDP", "net.ListenIP", "net.Dialer",
	".WritePacketData", ".WriteTo", ".WriteToUDP", ".WriteMsgUDP",
}

// only names packages that may be imported in these places alone (tests may
// import anything).
var only = map[string][]string{
	"github.com/google/gopacket/layers": {"internal/plant", "internal/netsim"},
	"go.etcd.io/bbolt":                  {"agent/uplink", "collector/store/bolt"},
	"github.com/google/gopacket":        {"internal/plant", "internal/netsim", "agent/evidence"},
	"github.com/gopcua/opcua":           {"agent/probe", "internal/plant"},
	"github.com/simonvetter/modbus":     {"agent/probe", "internal/plant"},
}

// probePackage is the only one that sends to a plant. The program alone
// imports it.
const probePackage = "agent/probe"

// probeSends are the calls by which agent/probe reaches a network, with the
// files that may hold them: line.go to devices, the others to this machine's
// loopback.
var probeSends = map[string][]string{
	"net.Dialer": {"line.go"}, "net.Dial": nil, "net.DialTimeout": nil, "net.DialTCP": {"pair.go"}, "net.DialUDP": nil, "net.DialIP": nil,
	"net.Listen": {"relay.go", "pair.go"}, "net.ListenPacket": nil, "net.ListenUDP": nil, "net.ListenTCP": nil, "net.ListenIP": nil,
	"uacp.Dial": nil, "uacp.Dialer": nil, "uacp.Listen": nil, "tls.Dial": nil, "unix.Sendto": nil, "unix.Sendmsg": nil, "unix.Connect": nil,
}

// probeImports are the packages of the two client libraries that agent/probe
// may import: gopcua's whole client, which can write, is not among them.
var probeImports = []string{
	"github.com/gopcua/opcua/ua", "github.com/gopcua/opcua/uacp", "github.com/gopcua/opcua/uasc", "github.com/gopcua/opcua/uapolicy",
	"github.com/simonvetter/modbus",
}

// probeRequests are the OPC UA requests that agent/probe may name, and
// probeModbus what it may call of the Modbus library's client.
var (
	probeRequests = []string{
		"FindServersRequest", "GetEndpointsRequest", "CreateSessionRequest", "ActivateSessionRequest", "CloseSessionRequest",
		"ReadRequest", "BrowseRequest", "TranslateBrowsePathsToNodeIDsRequest",
	}
	probeModbus = []string{"Open", "Close", "SetUnitId", "ReadRegisters"}
)
