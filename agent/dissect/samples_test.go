package dissect

import (
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"demarc/agent/capture"
	"demarc/agent/decode"
	"demarc/agent/flow"
	"demarc/internal/ot"
)

var update = flag.Bool("update", false, "rewrite the golden files from what is read now")

// samples lists the captures of a protocol. A protocol without one fails.
func samples(t testing.TB, p Protocol) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", p.Name, "*.pcap*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Errorf("%s has no sample: put one at testdata/%s/<case>.pcap", p.Name, p.Name)
	}
	return files
}

// load reads a capture into packets that own their bytes.
func load(t testing.TB, file string) []decode.Packet {
	t.Helper()
	src, err := capture.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close() //nolint:errcheck // read only
	var (
		all []decode.Packet
		f   capture.Frame
		p   decode.Packet
		d   = decode.New(decode.Options{})
	)
	for {
		err := src.Next(&f)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		d.Decode(&f, &p)
		p.Payload = slices.Clone(p.Payload)
		all = append(all, p)
	}
}

// play runs packets through flow and engine and writes down what was learned.
func play(packets []decode.Packet, protocols []Protocol) string {
	rec := newRecorder()
	tab := flow.NewTable(closing{NewEngine(protocols, rec), rec}, flow.Limit{})
	for i := range packets {
		tab.Add(&packets[i], 0)
	}
	tab.Close()
	return rec.String()
}

// closing records a conversation when it ends.
type closing struct {
	*Engine
	rec *recorder
}

func (h closing) Close(c *flow.Conversation, evicted bool) {
	h.Engine.Close(c, evicted)
	h.rec.conversation(c)
}

func TestSamples(t *testing.T) {
	for _, p := range Protocols() {
		for _, file := range samples(t, p) {
			t.Run(p.Name+"/"+filepath.Base(file), func(t *testing.T) {
				packets := load(t, file)
				got := play(packets, Protocols())
				golden(t, strings.TrimSuffix(file, filepath.Ext(file))+".golden", got)
				if !strings.Contains(got, " "+p.Name+" ") {
					t.Errorf("the sample of %s shows no %s", p.Name, p.Name)
				}
				laws(t, packets, got)
				crosstalk(t, p, packets)
			})
		}
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil { // a test's data
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; make it with go test ./agent/dissect -run TestSamples -update, and read it", err)
	}
	if string(want) != got {
		t.Errorf("%s differs:\n%s", file, diff(string(want), got))
	}
}

// diff shows the lines that only one side has.
func diff(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	var b strings.Builder
	for _, l := range w {
		if !slices.Contains(g, l) {
			b.WriteString("- " + l + "\n")
		}
	}
	for _, l := range g {
		if !slices.Contains(w, l) {
			b.WriteString("+ " + l + "\n")
		}
	}
	return b.String()
}

// laws: the same bytes cut and joined in any way tell the same.
func laws(t *testing.T, packets []decode.Packet, want string) {
	t.Helper()
	for name, variant := range map[string][]decode.Packet{
		"one byte a segment":   recut(packets, 1),
		"seven bytes":          recut(packets, 7),
		"every segment again":  again(packets),
		"neighbours exchanged": exchanged(packets),
	} {
		if got := play(variant, Protocols()); got != want {
			t.Errorf("%s tells something else:\n%s", name, diff(want, got))
		}
	}
}

// opened reports the TCP conversations whose SYN is in the sample: only their
// framing is known from the first byte.
func opened(packets []decode.Packet) func(*decode.Packet) bool {
	type ends struct{ a, b string }
	syn := map[ends]bool{}
	name := func(p *decode.Packet) ends {
		a, b := p.Src.String()+" "+itoa(p.SrcPort), p.Dst.String()+" "+itoa(p.DstPort)
		if a > b {
			a, b = b, a
		}
		return ends{a, b}
	}
	for i := range packets {
		if p := &packets[i]; isTCP(p) && p.Flags&decode.SYN != 0 {
			syn[name(p)] = true
		}
	}
	return func(p *decode.Packet) bool { return isTCP(p) && syn[name(p)] }
}

func itoa(n uint16) string { return string([]byte{byte(n >> 8), byte(n)}) }

func isTCP(p *decode.Packet) bool { return p.Protocol == 6 && p.Has&decode.HasPort != 0 }

func recut(packets []decode.Packet, size int) []decode.Packet {
	mine := opened(packets)
	var out []decode.Packet
	for i := range packets {
		p := packets[i]
		if !mine(&p) || len(p.Payload) <= size || p.CutShort {
			out = append(out, p)
			continue
		}
		for off := 0; off < len(p.Payload); off += size {
			q := p
			q.Seq += uint32(off)
			q.Payload = p.Payload[off:min(off+size, len(p.Payload))]
			q.PayloadLen = len(q.Payload)
			q.Checksum, q.IPID = uint16(len(out)), 0 // another frame, not a copy
			if off+size < len(p.Payload) {
				q.Flags &^= decode.FIN
			}
			out = append(out, q)
		}
	}
	return out
}

// again repeats every TCP segment, as a retransmission.
func again(packets []decode.Packet) []decode.Packet {
	mine := opened(packets)
	var out []decode.Packet
	for i := range packets {
		out = append(out, packets[i])
		if mine(&packets[i]) && packets[i].Flags&decode.SYN == 0 {
			q := packets[i]
			q.Checksum++
			out = append(out, q)
		}
	}
	return out
}

// exchanged lets neighbouring data segments of one direction come in the wrong
// order.
func exchanged(packets []decode.Packet) []decode.Packet {
	out := recut(packets, 16)
	mine := opened(packets)
	for i := 0; i+1 < len(out); i++ {
		p, q := &out[i], &out[i+1]
		if mine(p) && p.Flags&(decode.SYN|decode.FIN) == 0 && q.Flags&(decode.SYN|decode.FIN) == 0 &&
			p.Src == q.Src && p.SrcPort == q.SrcPort && p.Dst == q.Dst && p.DstPort == q.DstPort && len(p.Payload) > 0 && p.Seq+uint32(len(p.Payload)) == q.Seq && p.Ack == q.Ack {
			p.Time, q.Time = q.Time, p.Time
			out[i], out[i+1] = out[i+1], out[i]
			i++
		}
	}
	return out
}

// crosstalk: without p in the registry nothing else claims its sample, but the
// protocols that carry it, and TLS where p goes over to it.
func crosstalk(t *testing.T, p Protocol, packets []decode.Packet) {
	t.Helper()
	record := play(packets, Protocols())
	before, upgraded := names(record), strings.Contains(record, " tls=1.") || strings.Contains(record, " tls.ja4=")
	others := slices.DeleteFunc(Protocols(), func(q Protocol) bool { return q.Name == p.Name })
	for conversation, name := range names(play(packets, others)) {
		if was := before[conversation]; was == p.Name && !slices.Contains(p.Over, name) && !(name == "tls" && upgraded) {
			t.Errorf("%s also claims a conversation of %s: %s", name, p.Name, conversation)
		}
	}
}

// names maps each conversation of a record to its protocol.
func names(record string) map[string]string {
	m := map[string]string{}
	for line := range strings.SplitSeq(record, "\n") {
		if f := strings.Fields(line); len(f) > 5 && f[0] == "conversation" {
			a, b := f[1], f[3]
			if a > b {
				a, b = b, a
			}
			m[a+" "+b+" "+f[4]] = f[5]
		}
	}
	return m
}

// quiet is a Sink that forgets.
type quiet struct{}

func (quiet) Fact(*flow.Conversation, Subject, ot.Attribute, []byte, string, ot.Grade, int64) {}
func (quiet) Operation(*flow.Conversation, ot.Operation, int)                                 {}
func (quiet) Tally(*flow.Conversation) *Tally                                                 { return &Tally{Known: ^uint16(0)} }
func (quiet) Protocol(*flow.Conversation, string, ot.Grade)                                   {}
func (quiet) Security(*flow.Conversation, ot.Security)                                        {}
func (quiet) Directed(*flow.Conversation)                                                     {}
func (quiet) Lost(*flow.Conversation, string, int)                                            {}

// piece is one call of the engine.
type piece struct {
	c      *flow.Conversation
	side   flow.Side
	b      []byte
	stream bool
}

// tape records what flow hands to the engine.
type tape struct {
	*Engine
	pieces []piece
}

func (r *tape) Stream(c *flow.Conversation, s flow.Side, b []byte, at int64, cut bool) {
	r.pieces = append(r.pieces, piece{c, s, slices.Clone(b), true})
	r.Engine.Stream(c, s, b, at, cut)
}

func (r *tape) Datagram(c *flow.Conversation, s flow.Side, b []byte, at int64, cut bool) {
	r.pieces = append(r.pieces, piece{c, s, slices.Clone(b), false})
	r.Engine.Datagram(c, s, b, at, cut)
}

// TestNoAllocationOnTheSteadyPath plays each sample again into the sessions
// that know it already.
func TestNoAllocationOnTheSteadyPath(t *testing.T) {
	for _, p := range Protocols() {
		for _, file := range samples(t, p) {
			packets := load(t, file)
			r := &tape{Engine: NewEngine(Protocols(), quiet{})}
			tab := flow.NewTable(r, flow.Limit{})
			for i := range packets {
				tab.Add(&packets[i], 0)
			}
			again := func() {
				for _, x := range r.pieces {
					if s, ok := x.c.App.(*session); !ok || s.root.speaker == nil {
						continue
					}
					if x.stream {
						r.Engine.Stream(x.c, x.side, x.b, 1, false)
					} else {
						r.Engine.Datagram(x.c, x.side, x.b, 1, false)
					}
				}
			}
			if n := testing.AllocsPerRun(3, again); n > 0 {
				t.Errorf("%s: %v allocations a run over %d messages", file, n, len(r.pieces))
			}
		}
	}
}
