package dissect

import (
	"fmt"
	"net/netip"
	"sort"
	"strings"
	"testing"
	"unsafe"

	"demarc/agent/decode"
	"demarc/agent/flow"
	"demarc/internal/ot"
)

// recorder is a Sink that writes down what it is told, in a form that does not
// depend on how the bytes were cut.
type recorder struct {
	seen map[string]int
}

func newRecorder() *recorder { return &recorder{seen: map[string]int{}} }

func (r *recorder) add(n int, format string, args ...any) {
	r.seen[fmt.Sprintf(format, args...)] += n
}

func ends(c *flow.Conversation) string {
	s := c.ClientSide()
	e := func(x flow.Endpoint) string {
		if x.Addr.IsValid() {
			return x.Addr.String()
		}
		return x.MAC.String()
	}
	port := c.Ends[s.Other()].Port
	if c.Transport == flow.Ethernet {
		port = c.EtherType
	}
	return fmt.Sprintf("%s > %s %s/%d", e(c.Ends[s]), e(c.Ends[s.Other()]), carrierOf(c.Transport), port)
}

func (r *recorder) Fact(c *flow.Conversation, of Subject, a ot.Attribute, value []byte, source string, g ot.Grade, _ int64) {
	who := of.Addr.String()
	if of.Kind == ByMAC {
		who = of.MAC.String()
	}
	if of.Path != "" {
		who += " " + of.Path
	}
	r.seen[fmt.Sprintf("fact %s %s=%q %s %s", who, a, value, source, g)] = 1
	_ = c
}

// Operations are kept on the conversation: its direction may turn round later.
func (r *recorder) Operation(c *flow.Conversation, o ot.Operation, n int) { state(c).ops[o] += n }
func (r *recorder) Tally(*flow.Conversation) *Tally                       { return &Tally{} }

func (r *recorder) Protocol(c *flow.Conversation, name string, g ot.Grade) {
	state(c).protocol, state(c).grade = name, g
}

func (r *recorder) Security(c *flow.Conversation, s ot.Security) {
	x := state(c)
	if s.Mode > x.security.Mode {
		x.security.Mode = s.Mode
	}
	for _, f := range []struct {
		to   *string
		from string
	}{{&x.security.TLS, s.TLS}, {&x.security.Policy, s.Policy}, {&x.security.Subject, s.Subject}, {&x.security.Name, s.Name}} {
		if f.from != "" {
			*f.to = f.from
		}
	}
}

func (r *recorder) Directed(*flow.Conversation) {}

func (r *recorder) Lost(c *flow.Conversation, reason string, n int) { state(c).lost[reason] += n }

// told is what the recorder keeps of a conversation.
type recorded struct {
	protocol string
	grade    ot.Grade
	ops      [ot.NumOperations]int
	security ot.Security
	lost     map[string]int
}

func state(c *flow.Conversation) *recorded {
	x, ok := c.Record.(*recorded)
	if !ok {
		x = &recorded{lost: map[string]int{}}
		c.Record = x
	}
	return x
}

// conversation writes down what was learned of c.
func (r *recorder) conversation(c *flow.Conversation) {
	x := state(c)
	if x.protocol == "" {
		return
	}
	var ops []string
	for i, n := range x.ops {
		if n > 0 {
			ops = append(ops, fmt.Sprintf("%s=%d", ot.Operation(i), n))
		}
	}
	basis := "directed"
	if !c.Directed {
		basis = "undirected"
	}
	line := fmt.Sprintf("conversation %s %s %s [%s]", ends(c), x.protocol, basis, strings.Join(ops, " "))
	if s := x.security; s != (ot.Security{}) {
		line += fmt.Sprintf(" security=%s tls=%s policy=%s subject=%q name=%q", s.Mode, s.TLS, s.Policy, s.Subject, s.Name)
	}
	if c.Parent != nil {
		line += fmt.Sprintf(" announced-by %s", c.Parent.Server.Addr)
	}
	r.add(1, "%s", line)
}

func (r *recorder) String() string {
	lines := make([]string, 0, len(r.seen))
	for k, n := range r.seen {
		if n > 1 {
			k += fmt.Sprintf(" x%d", n)
		}
		lines = append(lines, k+"\n")
	}
	sort.Strings(lines)
	return strings.Join(lines, "")
}

// toy is a protocol for these tests: 'T', a length byte, that many bytes. The
// first byte of the body 'q' is a request (read), 'r' a reply, 'p' panics, 's'
// switches to the other toy.
type toy struct{ lead byte }

func (t *toy) Dissect(m *Message, out Out) (int, error) {
	if m.Data[0] != t.lead {
		return 0, ErrNotMine
	}
	if len(m.Data) < 3 || len(m.Data) < 2+int(m.Data[1]) {
		return 0, ErrShort
	}
	if m.Data[1] == 0 {
		return 0, ErrMalformed
	}
	switch m.Data[2] {
	case 'q':
		out.Sender(Client)
		out.Operation(ot.Read, 1)
	case 'r':
		out.Sender(Server)
		out.Fact(Sender, ot.Name, m.Data[3:2+int(m.Data[1])], "toy.reply", ot.Identity)
	case 'p':
		panic("toy")
	case 's':
		out.Switch("other")
	case 'c':
		out.Payload(1, m.Data[3:2+int(m.Data[1])])
	default:
		return 0, ErrMalformed
	}
	return 2 + int(m.Data[1]), nil
}

func toys() []Protocol {
	mk := func(name, over string, lead byte) Protocol {
		return Protocol{Name: name, Over: []string{over}, Match: func(b []byte) bool { return len(b) > 0 && b[0] == lead }, New: func() Dissector { return &toy{lead} }}
	}
	return []Protocol{mk("toy", "tcp", 'T'), mk("other", "tcp", 'O'), mk("inner", "toy", 'I')}
}

// guess is a toy that proves nothing before a reply.
type guess struct {
	toy
	proved bool
}

func (g *guess) Dissect(m *Message, out Out) (int, error) {
	n, err := g.toy.Dissect(m, out)
	g.proved = g.proved || err == nil && m.Data[2] == 'r'
	return n, err
}

func (g *guess) Surmises() bool { return !g.proved }

// TestEngineSurmise: what is inferred says so until it is proved, and takes no
// name from what it carries.
func TestEngineSurmise(t *testing.T) {
	all := toys()
	all[0].New = func() Dissector { return &guess{toy: toy{'T'}} }
	r := newRig(t, all)
	r.packet(0, decode.SYN, r.seq[0]-1, nil)
	check := func(protocol string, g ot.Grade) {
		t.Helper()
		r.tab.All(func(c *flow.Conversation) {
			if x := state(c); x.protocol != protocol || x.grade != g {
				t.Errorf("%s at grade %s, not %s at %s", x.protocol, x.grade, protocol, g)
			}
		})
	}
	r.send(0, "T\x01q")
	check("toy", ot.Behaviour)
	r.send(0, "T\x05cI\x02qx")
	check("inner", ot.Content)
	r.send(1, "T\x01r")
	check("inner", ot.Content)
	r = newRig(t, all)
	r.packet(0, decode.SYN, r.seq[0]-1, nil)
	r.send(0, "T\x01q")
	r.send(1, "T\x01r")
	check("toy", ot.Content)
}

// rig feeds TCP segments to a table and engine.
type rig struct {
	t   *testing.T
	rec *recorder
	eng *Engine
	tab *flow.Table
	seq [2]uint32
	now int64
}

func newRig(t *testing.T, all []Protocol) *rig {
	r := &rig{t: t, rec: newRecorder(), seq: [2]uint32{1000, 5000}, now: 1}
	r.eng = NewEngine(all, r.rec)
	r.tab = flow.NewTable(r.eng, flow.Limit{})
	return r
}

func (r *rig) packet(side int, flags uint8, seq uint32, b []byte) {
	r.now += 1e7
	p := &decode.Packet{Time: r.now, Length: 60 + len(b), Has: decode.HasIP | decode.HasPort, Protocol: 6, Payload: b, PayloadLen: len(b), Flags: flags, Seq: seq}
	p.Src, p.Dst = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	p.SrcPort, p.DstPort = 40000, 7
	if side == 1 {
		p.Src, p.Dst, p.SrcPort, p.DstPort = p.Dst, p.Src, p.DstPort, p.SrcPort
	}
	r.tab.Add(p, 0)
}

func (r *rig) send(side int, s string) {
	r.packet(side, decode.ACK, r.seq[side], []byte(s))
	r.seq[side] += uint32(len(s))
}

func (r *rig) result() string {
	r.tab.All(r.rec.conversation)
	return r.rec.String()
}

const whole = "conversation 10.0.0.1 > 10.0.0.2 tcp/7 toy directed [read=2]\nfact 10.0.0.2 name=\"plc\" toy.reply identity\n"

func TestEngineAnyCut(t *testing.T) {
	client, server := "T\x02qxT\x02qy", "T\x04rplc"
	for cut := 1; cut < len(client); cut++ {
		r := newRig(t, toys())
		r.packet(0, decode.SYN, r.seq[0]-1, nil)
		r.send(0, client[:cut])
		r.send(1, server[:cut%5+1])
		r.send(0, client[cut:])
		r.send(1, server[cut%5+1:])
		if got := r.result(); got != whole {
			t.Fatalf("cut at %d:\n%s", cut, got)
		}
	}
}

func TestEngineMidStreamNeedsProof(t *testing.T) {
	r := newRig(t, toys())
	r.send(0, "T\x02qxzzzz") // ends with something else: no proof
	if got := r.result(); got != "" {
		t.Fatalf("claimed without proof:\n%s", got)
	}
	r = newRig(t, toys())
	r.send(1, "garbage")
	r.send(1, "T\x04rplc") // ends with the segment
	r.send(0, "T\x02qxT\x02qy")
	if got := r.result(); got != whole {
		t.Fatalf("from the middle:\n%s", got)
	}
}

func TestEngineGapAndMalformed(t *testing.T) {
	r := newRig(t, toys())
	r.packet(0, decode.SYN, r.seq[0]-1, nil)
	r.send(0, "T\x02qx")
	r.send(0, "T\x09qx") // incomplete; what follows is missing
	r.seq[0] += 7
	r.send(0, "yyT") // held: comes early
	r.packet(1, decode.ACK, r.seq[1], nil)
	p := r.seq[0]
	_ = p
	r.packet(1, decode.ACK, r.seq[1], []byte("T\x04rplc"))
	r.seq[1] += 6
	for range 40 { // more than is held
		r.send(0, "T\x02zz")
	}
	r.send(0, "T\x02qx")
	if got := r.result(); !strings.Contains(got, "[read=2]") || r.tab.Gaps != 1 {
		t.Fatalf("after a gap (%d) and malformed messages:\n%s", r.tab.Gaps, got)
	}
}

func TestEnginePanicCostsOneConversation(t *testing.T) {
	r := newRig(t, toys())
	r.packet(0, decode.SYN, r.seq[0]-1, nil)
	r.send(0, "T\x02qx")
	r.send(0, "T\x02px")
	r.send(0, "T\x02qx")
	if got := r.result(); !strings.Contains(got, "[read=1]") || r.eng.Panics != 1 {
		t.Fatalf("panics %d:\n%s", r.eng.Panics, got)
	}
}

func TestEngineSwitchKeepsName(t *testing.T) {
	r := newRig(t, toys())
	r.packet(0, decode.SYN, r.seq[0]-1, nil)
	r.send(0, "T\x02sxO\x02qx")
	r.send(0, "O\x02qx")
	if got := r.result(); !strings.Contains(got, " toy directed [read=2]") {
		t.Fatalf("after the switch:\n%s", got)
	}
}

func TestEngineMostSpecificName(t *testing.T) {
	r := newRig(t, toys())
	r.packet(0, decode.SYN, r.seq[0]-1, nil)
	r.send(0, "T\x05cI\x02qx")
	if got := r.result(); !strings.Contains(got, " inner directed [read=1]") {
		t.Fatalf("carried protocol:\n%s", got)
	}
}

func TestEngineRetransmissionAndOverlap(t *testing.T) {
	r := newRig(t, toys())
	r.packet(0, decode.SYN, r.seq[0]-1, nil)
	start := r.seq[0]
	r.send(0, "T\x02qx")
	r.packet(0, decode.ACK, start, []byte("T\x02qx"))        // again
	r.packet(0, decode.ACK, start+2, []byte("qxT\x02"))      // overlaps, then new
	r.packet(0, decode.ACK, start+6, []byte("qy"))           // the rest
	r.packet(1, decode.ACK, r.seq[1]+2, []byte("rplc"))      // early
	r.packet(1, decode.ACK, r.seq[1], []byte("T\x04"))       // then what was missing
	r.packet(1, decode.SYN|decode.ACK, r.seq[1]-1, []byte{}) // late
	if got := r.result(); !strings.Contains(got, "[read=2]") {
		t.Fatalf("retransmissions:\n%s", got)
	}
}

// TestEngineResumesAtTheSegment: the end of a message that passes for the
// beginning of one does not cost what follows it, neither in a session from
// the middle nor behind a gap.
func TestEngineResumesAtTheSegment(t *testing.T) {
	for name, segments := range map[string][]string{
		"too short to tell":           {"T\x02", "T\x02qx", "T\x02qy"},
		"announces more than follows": {"T\x50", "T\x02qx", "T\x02qy"},
		"several in one":              {"T\x50zz", "T\x02qxT\x02qy"},
		"a message in two":            {"T\x03", "T\x02", "qx", "T\x02qx", "T\x02qy"},
	} {
		r := newRig(t, toys())
		for _, s := range segments {
			r.send(0, s)
		}
		if got := r.result(); !strings.Contains(got, "[read=2]") {
			t.Errorf("%s, from the middle:\n%s", name, got)
		}
		r = newRig(t, toys())
		r.packet(0, decode.SYN, r.seq[0]-1, nil)
		r.send(0, "T\x02qx")
		r.send(1, "T\x04rplc")
		r.seq[0] += 9 // missed
		for _, s := range segments {
			r.send(0, s)
		}
		r.now += 4e9 // long enough to give it up
		r.send(0, "T\x02qz")
		if got := r.result(); !strings.Contains(got, "[read=4]") || r.tab.Gaps != 1 {
			t.Errorf("%s, behind a gap (%d):\n%s", name, r.tab.Gaps, got)
		}
	}
}

// TestEngineRestsWithoutBuffers: a stream that nobody claims is looked at now
// and then, and what is looked at is not joined to what was passed over.
func TestEngineRestsWithoutBuffers(t *testing.T) {
	r := newRig(t, toys())
	r.send(1, "T\x09r") // waits for more
	for range maxTries {
		r.send(0, "zzzz")
	}
	if r.eng.buffers.bytes != 0 {
		t.Errorf("%d bytes are kept of a stream that rests", r.eng.buffers.bytes)
	}
	for range 3 * probeEvery {
		r.send(1, "T\x04rplc")
	}
	if got := r.result(); !strings.Contains(got, "plc") {
		t.Errorf("not found again:\n%s", got)
	}
}

// TestWhatEveryMessageNeedsIsTwoLines: what follows them is fetched for few.
func TestWhatEveryMessageNeedsIsTwoLines(t *testing.T) {
	if n, size := unsafe.Offsetof(session{}.conv), unsafe.Sizeof(session{}); n > 128 || size%64 != 0 {
		t.Errorf("%d octets of a session of %d lie before what few messages need: two lines of the cache hold 128, and sessions begin at a line's begin", n, size)
	}
}
