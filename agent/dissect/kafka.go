package dissect

import (
	"errors"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "kafka",
		Over:     []string{"tcp"},
		Tier:     2,
		Ports:    TCP(9092),
		Match:    matchKafka,
		New:      func() Dissector { return &kafka{} },
		Reads:    "client identifiers, client software and version, what is produced, fetched and administered",
		Standard: "Apache Kafka protocol guide (KIP-482, KIP-511)",
	})
}

// Attributes of clients.
const (
	kafkaClient  ot.Attribute = "kafka.client_id"
	kafkaVersion ot.Attribute = "kafka.client_version"
)

// kafka reads requests and pairs answers with them:
//
//	request: size 32, key 16, version 16, correlation 32, client identifier
//	         (length 16, -1: none), tagged fields where the version is flexible
//	answer:  size 32, correlation 32, ...
type kafka struct {
	client side // who asks; none before the first request
	sides  sides
	open   [64]kafkaOpen // requests without an answer, the oldest is overwritten
	next   uint8
	text   scratch
	recent recent
}

type kafkaOpen struct {
	correlation uint32
	used        bool
}

// Keys of requests that matter.
const (
	kafkaVersions    = 18
	kafkaLastKey     = 92
	kafkaLastVersion = 20
	kafkaMaxSize     = 256 << 20
	kafkaMaxID       = 256
)

// kafkaOperations are the classes of requests, by key.
var kafkaOperations = map[uint16]ot.Operation{
	0: ot.Write, 1: ot.Read, 2: ot.Read, 3: ot.Diagnose, 11: ot.Subscribe, 15: ot.Diagnose, 16: ot.Diagnose, 17: ot.Authenticate, 18: ot.Diagnose,
	19: ot.Configure, 20: ot.Configure, 21: ot.Write, 29: ot.Diagnose, 30: ot.Configure, 31: ot.Configure, 32: ot.Diagnose, 33: ot.Configure, 35: ot.Diagnose,
	36: ot.Authenticate, 37: ot.Configure, 42: ot.Configure, 44: ot.Configure, 48: ot.Diagnose, 49: ot.Configure, 51: ot.Configure, 60: ot.Diagnose, 68: ot.Subscribe, 75: ot.Diagnose,
}

type kafkaRequest struct {
	size         int
	key, version uint16
	correlation  uint32
	id           []byte
	body         wire.Cursor
}

// readKafka reads the head of a request.
func readKafka(b []byte) (q kafkaRequest, err error) {
	c := wire.New(b)
	n := c.U32()
	q.key, q.version, q.correlation = c.U16(), c.U16(), c.U32()
	length := c.U16()
	switch {
	case len(b) >= 4 && (n < 10 || n > kafkaMaxSize), len(b) >= 6 && q.key > kafkaLastKey, len(b) >= 8 && q.version > kafkaLastVersion,
		len(b) >= 12 && q.correlation>>31 != 0:
		return q, ErrNotMine
	case !c.OK():
		return q, ErrShort
	}
	q.size = int(n) + 4
	if length != 0xffff {
		if length > kafkaMaxID || int(length)+14 > q.size {
			return q, ErrNotMine
		}
		q.id = c.Bytes(int(length))
	}
	if !c.OK() {
		return q, ErrShort
	}
	if !printable(q.id) {
		return q, ErrNotMine
	}
	q.body = c.Sub(min(c.Len(), q.size-c.Off()))
	return q, nil
}

// matchKafka claims a whole request that names its client, or asks for the
// versions: most of the head is zeros otherwise.
func matchKafka(b []byte) bool {
	q, err := readKafka(b)
	return err == nil && q.size == len(b) && (len(q.id) > 2 || q.key == kafkaVersions && q.version <= 4)
}

func (d *kafka) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	d.text.reset()
	from := d.sides.of(m)
	if d.client != sideNone && d.client != from {
		return d.answer(m, out)
	}
	q, err := readKafka(m.Data)
	if err != nil {
		if errors.Is(err, ErrNotMine) {
			err = notMine(d.client != sideNone)
		}
		return 0, err
	}
	if d.client == sideNone && len(q.id) <= 2 && q.key != kafkaVersions {
		return 0, ErrNotMine
	}
	if q.key == kafkaVersions && q.size > len(m.Data) && !m.Cut {
		if q.size > 1024 {
			return 0, notMine(d.client != sideNone)
		}
		return 0, ErrShort
	}
	if d.client == sideNone {
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	d.client = from
	d.request(&q, m, out)
	if q.key == kafkaVersions && q.size > len(m.Data) {
		return 0, ErrShort
	}
	return q.size, nil
}

// request tells what is asked for and remembers it.
func (d *kafka) request(q *kafkaRequest, m *Message, out Out) {
	out.Sender(Client)
	if class, ok := kafkaOperations[q.key]; ok {
		out.Operation(class, 1)
	}
	if len(q.id) > 0 && d.recent.fresh(m.Time, hashOf(q.id)) {
		out.Fact(Sender, kafkaClient, q.id, "kafka.request.client_id", ot.Content)
	}
	if q.key == kafkaVersions && q.version >= 3 {
		d.software(q.body, out)
	}
	d.open[d.next%uint8(len(d.open))] = kafkaOpen{q.correlation, true}
	d.next++
}

// software reads what a client says of itself when it asks for the versions
// (KIP-511): tagged fields, name, version; the length of compact text is one
// more than its octets.
func (d *kafka) software(c wire.Cursor, out Out) {
	if c.U8() != 0 { // no tags of a request header are defined
		return
	}
	name, version := kafkaCompact(&c), kafkaCompact(&c)
	if !c.OK() || len(name) == 0 || !printable(name) || !printable(version) {
		return
	}
	at := d.text.mark()
	d.text.add(name)
	if len(version) > 0 {
		d.text.byte(' ')
		d.text.add(version)
		out.Fact(Sender, kafkaVersion, version, "kafka.api_versions.client_software_version", ot.Identity)
	}
	out.Fact(Sender, ot.Product, d.text.since(at), "kafka.api_versions.client_software_name", ot.Identity)
}

func kafkaCompact(c *wire.Cursor) []byte {
	n := c.U8()
	if n == 0 || n > 0x7f {
		return nil
	}
	return c.Bytes(int(n) - 1)
}

// answer pairs with a request. One that fits none is read only while the
// requests are not seen.
func (d *kafka) answer(m *Message, out Out) (int, error) {
	c := wire.New(m.Data)
	n, correlation := c.U32(), c.U32()
	if !c.OK() {
		return 0, ErrShort
	}
	if n < 4 || n > kafkaMaxSize {
		return 0, ErrMalformed
	}
	found := false
	for i := range d.open {
		if o := &d.open[i]; o.used && o.correlation == correlation {
			o.used, found = false, true
			break
		}
	}
	if !found && correlation>>31 != 0 {
		return 0, ErrMalformed
	}
	out.Sender(Server)
	return int(n) + 4, nil
}

// Resync finds the next request behind a gap.
func (d *kafka) Resync(b []byte) int {
	for i := range b {
		c := wire.New(b)
		c.Skip(i)
		if matchKafka(c.Rest()) {
			return i
		}
	}
	return -1
}
