// Package arch states the shape of the source tree, and its test reads the
// tree and fails where the shape is broken: who may import whom, that nothing
// on the capture path can transmit, that every package says what it is for.
// It is a statement of policy: mend the code, not this text.
package arch

// stages lists, for each program, its packages in the order of the data. A
// stage imports only stages above it. "main" is the program's own folder, and
// wiring packages see everything.
var stages = map[string][]string{
	"agent":     {"config", "capture", "decode", "flow", "dissect", "sighting", "spancheck", "uplink", "probe", "pipeline", "status", "main"},
	"collector": {"config", "ingest", "inventory", "boundary", "verdict", "condition", "finding", "store", "store/bolt", "store/postgres", "api", "export", "web", "server", "main"},
}

// exceptions are imports against the order, each with its reason.
var exceptions = map[string]string{
	"collector/ingest -> collector/store": "ingest brings batches to the journal: it takes the contract, not a store",
}

// capturePath are the packages that see a capture interface or its bytes.
var capturePath = []string{"agent/capture", "agent/decode", "agent/flow", "agent/dissect", "agent/sighting", "agent/spancheck"}

// cannotTransmit are imports that could send, run a program or reach a network.
var cannotTransmit = []string{
	"net/http", "os/exec", "net/rpc", "net/smtp", "log/syslog",
	"google.golang.org/grpc", "github.com/gopcua/opcua", "github.com/simonvetter/modbus",
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
	"github.com/gopcua/opcua":           {"agent/probe", "internal/plant", "internal/netsim"},
	"github.com/simonvetter/modbus":     {"agent/probe", "internal/plant", "internal/netsim"},
}
