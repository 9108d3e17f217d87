package dissect

import (
	"bytes"

	"demarc/internal/ot"
)

func init() {
	register(Protocol{
		Name:     "sparkplug",
		Tier:     1,
		Over:     []string{"mqtt"},
		New:      func() Dissector { return &sparkplug{} },
		OT:       true,
		Reads:    "groups, edge nodes, devices and host applications, make, model and firmware of their births, commands",
		Standard: "Eclipse Sparkplug Specification 3.0.0",
	})
}

// Attributes of Sparkplug nodes.
const (
	sparkplugGroup   ot.Attribute = "sparkplug.group"
	sparkplugNode    ot.Attribute = "sparkplug.edge_node"
	sparkplugDevice  ot.Attribute = "sparkplug.device"
	sparkplugHost    ot.Attribute = "sparkplug.host_application"
	sparkplugControl ot.Attribute = "sparkplug.node_control" // a command that the node takes
	sparkplugOS      ot.Attribute = "sparkplug.os_version"
)

// sparkplugSpace begins every topic, clause 4.1:
//
//	spBv1.0/group/type/edge node
//	spBv1.0/group/type/edge node/device
//	spBv1.0/STATE/host application
const sparkplugSpace = "spBv1.0/"

func isSparkplug(topic []byte) bool {
	return len(topic) > len(sparkplugSpace) && string(topic[:len(sparkplugSpace)]) == sparkplugSpace
}

// Tags under which MQTT hands a message on.
const (
	sparkplugWill       = 1 << iota // the topic of a will, alone
	sparkplugFromClient             // else a broker passes it on
	sparkplugIdentified             // a packet identifier follows the topic
	sparkplugVersion    = 8         // the version of MQTT from here on
)

func sparkplugTag(fromClient, identified bool, version uint8) uint64 {
	tag := uint64(version) << sparkplugVersion
	if fromClient {
		tag |= sparkplugFromClient
	}
	if identified {
		tag |= sparkplugIdentified
	}
	return tag
}

// sparkplugTopic is a topic in its parts.
type sparkplugTopic struct {
	group, kind, node, device []byte
}

// readSparkplug reads a topic of an edge node or device; host is set instead
// when it is of a host application.
func readSparkplug(topic []byte) (t sparkplugTopic, host []byte, ok bool) {
	if !isSparkplug(topic) {
		return t, nil, false
	}
	rest := topic[len(sparkplugSpace):]
	t.group, rest, ok = bytes.Cut(rest, sparkplugSlash)
	if !ok || len(t.group) == 0 {
		return t, nil, false
	}
	if string(t.group) == "STATE" {
		return t, rest, len(rest) > 0 && bytes.IndexByte(rest, '/') < 0
	}
	t.kind, rest, _ = bytes.Cut(rest, sparkplugSlash)
	var device bool
	t.node, t.device, device = bytes.Cut(rest, sparkplugSlash)
	if len(t.node) == 0 || device && (len(t.device) == 0 || bytes.IndexByte(t.device, '/') >= 0) {
		return t, nil, false
	}
	return t, nil, t.known(device)
}

var sparkplugSlash = []byte{'/'}

// known reports a message type that fits, clause 4.1.3: an N for nodes, a D for
// their devices.
func (t *sparkplugTopic) known(device bool) bool {
	if len(t.kind) < 4 || (t.kind[0] == 'D') != device || t.kind[0] != 'N' && t.kind[0] != 'D' {
		return false
	}
	switch string(t.kind[1:]) {
	case "BIRTH", "DEATH", "DATA", "CMD":
		return true
	}
	return false
}

func (t *sparkplugTopic) is(kind string) bool { return string(t.kind[1:]) == kind }

// sparkplugCommands reports the topic of a command to a node or device.
func sparkplugCommands(topic []byte) bool {
	if !isSparkplug(topic) {
		return false
	}
	t, host, ok := readSparkplug(topic)
	return ok && host == nil && t.is("CMD")
}

// sparkplug reads the messages of one MQTT session. What a client publishes, it
// says of itself; what a broker passes on says nothing of the broker, and who
// said it is elsewhere.
type sparkplug struct {
	claimed bool
	paths   paths
	text    scratch
}

func (d *sparkplug) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	topic := m.Data
	if m.Tag&sparkplugWill == 0 {
		p := mqttPacket{body: m.Data}
		topic = p.topic()
	}
	t, host, ok := readSparkplug(topic)
	if !ok {
		return 0, notMine(d.claimed)
	}
	d.claimed = true
	switch {
	case m.Tag&(sparkplugFromClient|sparkplugWill) == 0:
	case host != nil:
		sparkplugText(Sender, sparkplugHost, host, "sparkplug.topic.host_id", ot.Content, out)
	case !t.is("CMD"):
		d.node(m, &t, out)
	}
	return len(m.Data), nil
}

// node tells who an edge node is, and of a birth what it and its devices are.
func (d *sparkplug) node(m *Message, t *sparkplugTopic, out Out) {
	sparkplugText(Sender, sparkplugGroup, t.group, "sparkplug.topic.group_id", ot.Content, out)
	sparkplugText(Sender, sparkplugNode, t.node, "sparkplug.topic.edge_node_id", ot.Content, out)
	sparkplugText(Sender, ot.Name, t.node, "sparkplug.topic.edge_node_id", ot.Content, out)
	of := Sender
	if len(t.device) > 0 {
		at := d.text.mark()
		d.text.adds("device/")
		d.text.add(t.device)
		of = Part(Sender, d.paths.of(d.text.since(at)))
		sparkplugText(of, sparkplugDevice, t.device, "sparkplug.topic.device_id", ot.Content, out)
		sparkplugText(of, ot.Name, t.device, "sparkplug.topic.device_id", ot.Content, out)
	}
	if t.is("BIRTH") && m.Tag&sparkplugWill == 0 {
		birth := mqttBody(m.Data, m.Tag&sparkplugIdentified != 0, uint8(m.Tag>>sparkplugVersion))
		sparkplugBirth(of, birth, out)
	}
}

func sparkplugText(of Subject, a ot.Attribute, v []byte, source string, g ot.Grade, out Out) {
	if v = trim(v); len(v) > 0 && printable(v) {
		out.Fact(of, a, v, source, g)
	}
}
