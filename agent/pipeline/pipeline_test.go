package pipeline

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"demarc/agent/capture"
	"demarc/agent/decode"
	"demarc/agent/dissect"
	"demarc/agent/recorder"
	demarcv1 "demarc/proto/demarc/v1"
)

// kept keeps what leaves the pipeline.
type kept struct{ bodies []*demarcv1.Body }

func (k *kept) Emit(b *demarcv1.Body, _ bool) error {
	k.bodies = append(k.bodies, b)
	return nil
}

// nowhere is a sink that forgets.
type nowhere struct{}

func (nowhere) Emit(*demarcv1.Body, bool) error { return nil }

func plant(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "plant", "*.pcap"))
	if err != nil || len(files) == 0 {
		t.Fatal("no captures in testdata/plant", err)
	}
	return files
}

func runFile(ctx context.Context, t testing.TB, file string, cfg Config) (*kept, Summary, error) {
	t.Helper()
	src, err := capture.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close() //nolint:errcheck // read only
	out := &kept{}
	sum, err := Run(ctx, cfg, src, out)
	return out, sum, err
}

// TestSameFileSameBodies: a feed that was interrupted is resumed by reading
// again, so every run must give the same bodies in the same order.
func TestSameFileSameBodies(t *testing.T) {
	for _, file := range plant(t) {
		a, sum, err := runFile(context.Background(), t, file, Config{Default: "s"})
		if err != nil || sum.Packets == 0 {
			t.Fatal(sum, err)
		}
		b, _, err := runFile(context.Background(), t, file, Config{Default: "s"})
		if err != nil || len(a.bodies) != len(b.bodies) || len(a.bodies) == 0 {
			t.Fatalf("%s: %d and %d bodies, %v", file, len(a.bodies), len(b.bodies), err)
		}
		for i := range a.bodies {
			if !proto.Equal(a.bodies[i], b.bodies[i]) {
				t.Errorf("%s: body %d differs between two runs", file, i)
			}
		}
	}
}

// oneByOne is a source without the power to deliver several frames at once.
type oneByOne struct{ capture.Source }

// TestAheadChangesNothing: what is read ahead gives the same bodies as what is
// not.
func TestAheadChangesNothing(t *testing.T) {
	for _, file := range plant(t) {
		ahead, _, err := runFile(context.Background(), t, file, Config{Default: "s"})
		if err != nil {
			t.Fatal(err)
		}
		src, err := capture.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		alone := &kept{}
		if _, err := Run(context.Background(), Config{Default: "s"}, oneByOne{src}, alone); err != nil {
			t.Fatal(err)
		}
		if err := src.Close(); err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(ahead.bodies, alone.bodies, func(a, b *demarcv1.Body) bool { return proto.Equal(a, b) }) {
			t.Errorf("%s: the bodies differ", file)
		}
	}
}

// interrupted is a source during which the user presses Ctrl-C.
type interrupted struct {
	capture.Source
	left   int
	cancel context.CancelFunc
}

func (s *interrupted) Next(f *capture.Frame) error {
	if s.left--; s.left == 0 {
		s.cancel()
		return capture.ErrTick
	}
	return s.Source.Next(f)
}

func TestInterruptedFileGivesNoMore(t *testing.T) {
	src, err := capture.Open(plant(t)[0])
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close() //nolint:errcheck // read only
	ctx, cancel := context.WithCancel(context.Background())
	out := &kept{}
	_, err = Run(ctx, Config{}, &interrupted{src, 300, cancel}, out)
	if !errors.Is(err, context.Canceled) || len(out.bodies) != 0 {
		t.Errorf("%v, %d bodies", err, len(out.bodies))
	}
}

// TestWhatTheAgentIsTold: what a device answers to the agent's own questions is a
// connection as any other, and nothing that was overheard.
func TestWhatTheAgentIsTold(t *testing.T) {
	count := func(asker string) (facts, connections int) {
		cfg := Config{Default: "s"}
		if asker != "" {
			cfg.Asker = netip.MustParseAddr(asker)
		}
		out, _, err := runFile(t.Context(), t, filepath.Join("..", "..", "testdata", "modbus", "units.pcap"), cfg)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range out.bodies {
			for _, f := range b.GetFacts() {
				if strings.HasPrefix(f.GetSource(), "modbus.device_id") {
					facts++
				}
			}
			connections += len(b.GetConnections())
		}
		return facts, connections
	}
	facts, connections := count("")
	if facts == 0 || connections == 0 {
		t.Fatal("the sample tells nothing")
	}
	for asker, want := range map[string]int{"10.30.5.10": facts, "10.30.5.21": 0, "10.30.5.99": facts} {
		if f, c := count(asker); f != want || c != connections {
			t.Errorf("%s asks: %d facts of %d, %d connections of %d", asker, f, facts, c, connections)
		}
	}
}

// unending is a live source that brings a frame every millisecond, and so never
// a tick; after some the user presses Ctrl-C.
type unending struct {
	capture.Source
	frame        capture.Frame
	left, behind int
	cancel       context.CancelFunc
}

func (s *unending) Next(f *capture.Frame) error {
	time.Sleep(time.Millisecond)
	switch s.left--; {
	case s.left == 0:
		s.cancel()
	case s.left < 0:
		s.behind++
	}
	*f = s.frame
	return nil
}

// TestSteadyTrafficIsLeftAtOnce: who ends a live capture does not wait for a
// pause of the traffic.
func TestSteadyTrafficIsLeftAtOnce(t *testing.T) {
	src, err := capture.Open(plant(t)[0])
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close() //nolint:errcheck // read only
	ctx, cancel := context.WithCancel(context.Background())
	s := &unending{Source: src, left: 50, cancel: cancel}
	if err := src.Next(&s.frame); err != nil {
		t.Fatal(err)
	}
	s.frame.Data = slices.Clone(s.frame.Data)
	if _, err := Run(ctx, Config{News: time.Second}, s, &kept{}); err != nil || s.behind > progressEvery/2 {
		t.Errorf("%d frames were taken after the end: %v", s.behind, err)
	}
}

// TestVLANsNameSegments: a VLAN of an interface may be another segment.
func TestVLANsNameSegments(t *testing.T) {
	s := newSegments(Config{Default: "d", Interfaces: []Interface{{Segment: "line4", VLANs: map[uint16]string{105: "line5"}}}})
	for _, c := range []struct {
		p    decode.Packet
		want string
	}{
		{decode.Packet{}, "line4"},
		{decode.Packet{Tags: 1, VLANs: [2]uint16{105}}, "line5"},
		{decode.Packet{Tags: 1, VLANs: [2]uint16{7}}, "line4"},
		{decode.Packet{Interface: 3}, "d"},
	} {
		if got := s.names[s.of(&c.p)]; got != c.want {
			t.Errorf("%+v stands in %q, want %q", c.p, got, c.want)
		}
	}
}

// again repeats the traffic of a capture for ever: each round goes on where
// the one before ended, TCP sequence numbers included, so that no conversation
// begins or ends; a frame each ten microseconds, so that no quarter hour does.
type again struct {
	frames []capture.Frame
	tcp    []int       // offset of the TCP header in the frame, 0 for none
	step   [][2]uint32 // by which a round moves sequence and acknowledgement
	n      int64
	left   int
	next   int
	round  uint32
}

func newAgain(t testing.TB, file string) *again {
	t.Helper()
	src, err := capture.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close() //nolint:errcheck // read only
	type way struct {
		src, dst   netip.Addr
		sport, dpt uint16
	}
	var (
		a    again
		f    capture.Frame
		p    decode.Packet
		d    = decode.New(decode.Options{})
		from = map[way]uint32{} // first sequence number
		sent = map[way]uint32{} // bytes from there on; a mirror's copies count once
		ways []way
	)
	for {
		if err := src.Next(&f); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		d.Decode(&f, &p)
		if p.Has&decode.HasIP == 0 || p.Fault != decode.NoFault || (p.Protocol == 6 && p.Flags&(decode.SYN|decode.FIN|decode.RST) != 0) {
			continue
		}
		w, at := way{p.Src, p.Dst, p.SrcPort, p.DstPort}, 0
		if p.Protocol == 6 {
			if _, ok := from[w]; !ok {
				from[w] = p.Seq
			}
			ahead := p.Seq - from[w]
			if ahead > 1<<20 {
				continue // another session of the same ports
			}
			sent[w] = max(sent[w], ahead+uint32(p.PayloadLen))
			at = tcpOffset(f.Data, &p)
		}
		f.Data = slices.Clone(f.Data)
		a.frames, a.tcp, ways = append(a.frames, f), append(a.tcp, at), append(ways, w)
	}
	for _, w := range ways {
		a.step = append(a.step, [2]uint32{sent[w], sent[way{w.dst, w.src, w.dpt, w.sport}]})
	}
	return &a
}

// tcpOffset finds the TCP header by its ports and sequence number.
func tcpOffset(b []byte, p *decode.Packet) int {
	for i := 34; i+12 <= len(b); i++ {
		if binary.BigEndian.Uint16(b[i:]) == p.SrcPort && binary.BigEndian.Uint16(b[i+2:]) == p.DstPort && binary.BigEndian.Uint32(b[i+4:]) == p.Seq {
			return i
		}
	}
	return 0
}

func (a *again) Next(f *capture.Frame) error {
	if a.left == 0 {
		return io.EOF
	}
	a.left--
	i := a.next
	*f = a.frames[i]
	f.Time = a.frames[0].Time + a.n*10_000
	a.n++
	if at := a.tcp[i]; at > 0 && a.round > 0 {
		move := func(off int, by uint32) {
			binary.BigEndian.PutUint32(f.Data[off:], binary.BigEndian.Uint32(f.Data[off:])+by)
		}
		move(at+4, a.step[i][0])
		move(at+8, a.step[i][1])
	}
	if a.next++; a.next == len(a.frames) {
		a.next = 0
		a.round++
	}
	return nil
}

func (a *again) Interfaces() []capture.Interface { return nil }
func (a *again) Stats() capture.Stats            { return capture.Stats{} }
func (a *again) Close() error                    { return nil }

// BenchmarkSteady reads the example plant's traffic over and over, everything
// on: packets a second, and allocations a packet once all is known.
func BenchmarkSteady(b *testing.B) {
	for _, file := range plant(b) {
		b.Run(filepath.Base(file), func(b *testing.B) { steady(b, file) })
	}
}

func steady(b *testing.B, file string) { steadyWith(b, file, nil) }

func steadyWith(b *testing.B, file string, with *recorder.Recorder) {
	a := newAgain(b, file)
	rounds := 3*progressEvery/len(a.frames) + 20
	var (
		known, now runtime.MemStats // when all is known, and later in the same run
		from, to   int              // packets left at these times
	)
	cfg := Config{Default: "s", Recorder: with, Progress: func() {
		if from == 0 && a.round >= 5 {
			from = a.left
			runtime.ReadMemStats(&known)
			return
		}
		to = a.left
		runtime.ReadMemStats(&now)
	}}
	packets := 0
	for b.Loop() {
		a.left, a.next, a.round, a.n, from = rounds*len(a.frames), 0, 0, 0, 0
		packets += a.left
		if _, err := Run(context.Background(), cfg, a, nowhere{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(packets)/b.Elapsed().Seconds(), "packets/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(packets), "ns/packet")
	b.ReportMetric(float64(now.Mallocs-known.Mallocs)/float64(from-to), "allocs/packet")
}

// BenchmarkDissectors tells what all dissectors add to headers only on the
// capture named by DEMARC_CAPTURE. Both read it in turn, round after round
// (-benchtime 10x), and of each short piece the quickest round counts: what else
// the machine did meanwhile is left out of both.
func BenchmarkDissectors(b *testing.B) {
	file := os.Getenv("DEMARC_CAPTURE")
	if file == "" {
		b.Skip("DEMARC_CAPTURE names no capture file")
	}
	var headers, all pieces
	for b.Loop() {
		headers.read(b, file, []dissect.Protocol{})
		all.read(b, file, nil)
	}
	b.ReportMetric(headers.perPacket(), "headers-ns/packet")
	b.ReportMetric(all.perPacket(), "all-ns/packet")
	b.ReportMetric(all.perPacket()-headers.perPacket(), "dissectors-ns/packet")
}

// pieces is how long each progressEvery packets of a capture took at best.
type pieces []time.Duration

func (p *pieces) read(b *testing.B, file string, protocols []dissect.Protocol) {
	src, err := capture.Open(file)
	if err != nil {
		b.Fatal(err)
	}
	defer src.Close() //nolint:errcheck // only read
	i, last := 0, time.Now()
	cfg := Config{Protocols: protocols, Progress: func() {
		now := time.Now()
		if i == len(*p) {
			*p = append(*p, now.Sub(last))
		}
		(*p)[i] = min((*p)[i], now.Sub(last))
		i, last = i+1, now
	}}
	if _, err := Run(context.Background(), cfg, src, nowhere{}); err != nil {
		b.Fatal(err)
	}
}

func (p pieces) perPacket() float64 {
	var sum time.Duration
	for _, d := range p {
		sum += d
	}
	return float64(sum.Nanoseconds()) / float64(len(p)*progressEvery)
}

// BenchmarkRead reads the capture named by DEMARC_CAPTURE: headers only, and
// with every dissector on.
func BenchmarkRead(b *testing.B) {
	file := os.Getenv("DEMARC_CAPTURE")
	if file == "" {
		b.Skip("DEMARC_CAPTURE names no capture file")
	}
	b.Run("headers", func(b *testing.B) { readAll(b, file, []dissect.Protocol{}) })
	b.Run("all", func(b *testing.B) { readAll(b, file, nil) })
}

func readAll(b *testing.B, file string, protocols []dissect.Protocol) {
	b.ReportAllocs()
	var packets uint64
	for b.Loop() {
		src, err := capture.Open(file)
		if err != nil {
			b.Fatal(err)
		}
		sum, err := Run(context.Background(), Config{Protocols: protocols}, src, nowhere{})
		if err != nil {
			b.Fatal(err)
		}
		packets += sum.Packets
		if err := src.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(packets)/b.Elapsed().Seconds(), "packets/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(packets), "ns/packet")
}
