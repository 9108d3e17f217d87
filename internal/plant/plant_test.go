package plant

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

func generate(t *testing.T, seed int64, faults bool) map[string][]byte {
	t.Helper()
	files, err := Generate(seed, faults)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestCommittedCapturesAreGenerated(t *testing.T) {
	files := generate(t, Seed, true)
	total := 0
	for _, port := range Ports() {
		want, err := os.ReadFile(filepath.Join("..", "..", "testdata", "plant", port+".pcap"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(files[port+".pcap"], want) {
			t.Errorf("testdata/plant/%s.pcap is not what the generator writes: run go run ./internal/plant/gen", port)
		}
		total += len(want)
	}
	if len(files) != len(Ports()) {
		t.Errorf("%d captures, %d ports", len(files), len(Ports()))
	}
	if total > 2_000_000 {
		t.Errorf("captures have %d bytes, 2 MB at most", total)
	}
}

func TestSeedDecidesBytes(t *testing.T) {
	a, b := generate(t, 1, true), generate(t, 2, true)
	for name := range a {
		if bytes.Equal(a[name], b[name]) {
			t.Errorf("%s does not depend on the seed", name)
		}
	}
}

// A planted fault adds frames and disturbs none: without faults each capture
// holds the same payloads, less the planted ones.
func TestCleanPlantIsPartOfTheFaultyOne(t *testing.T) {
	clean, faulty := generate(t, Seed, false), generate(t, Seed, true)
	for name := range clean {
		have := map[string]int{}
		for _, p := range packets(t, faulty[name]) {
			if l := p.ApplicationLayer(); l != nil {
				have[string(l.Payload())]++
			}
		}
		for _, p := range packets(t, clean[name]) {
			l := p.ApplicationLayer()
			if l == nil {
				continue
			}
			if have[string(l.Payload())]--; have[string(l.Payload())] < 0 {
				t.Fatalf("%s: a payload of the clean plant is missing from the faulty one: % x", name, l.Payload())
			}
		}
		if len(faulty[name]) <= len(clean[name]) {
			t.Errorf("%s: no fault was planted", name)
		}
	}
}

func TestFramesAreInOrderAndWhole(t *testing.T) {
	for name, file := range generate(t, Seed, true) {
		last := Start
		for i, p := range packets(t, file) {
			if at := p.Metadata().Timestamp; at.Before(last) || at.After(Start.Add(Length)) {
				t.Fatalf("%s frame %d at %v, after %v", name, i+1, at, last)
			} else {
				last = at
			}
			if fail := p.ErrorLayer(); fail != nil {
				t.Errorf("%s frame %d: %v", name, i+1, fail.Error())
			}
			if p.Metadata().Length > 1518 {
				t.Errorf("%s frame %d has %d bytes", name, i+1, p.Metadata().Length)
			}
		}
		if last.Sub(Start) < Length-10*time.Second {
			t.Errorf("%s ends after %v", name, last.Sub(Start))
		}
	}
}

// Every byte of a TCP direction is sent once and in order on each link, with
// checksums that hold.
func TestStreamsHaveNoHoles(t *testing.T) {
	type way struct {
		vlan           uint16
		net, transport gopacket.Flow
	}
	for name, file := range generate(t, Seed, true) {
		next := map[way]uint32{}
		for i, p := range packets(t, file) {
			head, ok := p.TransportLayer().(*layers.TCP)
			if !ok {
				continue
			}
			w := way{net: p.NetworkLayer().NetworkFlow(), transport: head.TransportFlow()}
			if tag, ok := p.Layer(layers.LayerTypeDot1Q).(*layers.Dot1Q); ok {
				w.vlan = tag.VLANIdentifier
			}
			if want, seen := next[w]; seen && head.Seq != want && !head.SYN {
				t.Errorf("%s frame %d: sequence number %d, want %d", name, i+1, head.Seq, want)
			}
			next[w] = head.Seq + uint32(len(head.Payload))
			if head.SYN || head.FIN {
				next[w]++
			}
			if sum := head.Checksum; checksum(t, p, head) != sum {
				t.Errorf("%s frame %d: TCP checksum 0x%04x does not hold", name, i+1, sum)
			}
		}
		if len(next) < 20 {
			t.Errorf("%s: %d TCP directions only", name, len(next))
		}
	}
}

func checksum(t *testing.T, p gopacket.Packet, head *layers.TCP) uint16 {
	t.Helper()
	again := *head
	if err := again.SetNetworkLayerForChecksum(p.NetworkLayer()); err != nil {
		t.Fatal(err)
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{ComputeChecksums: true}, &again, gopacket.Payload(head.Payload)); err != nil {
		t.Fatal(err)
	}
	return again.Checksum
}

func TestMissingRecordingIsTold(t *testing.T) {
	if _, err := recorded("no-such"); err == nil {
		t.Error("no error")
	}
}

func TestScriptOver(t *testing.T) {
	s := script{{false, 0, []byte("a")}, {true, time.Millisecond, []byte("b")}, {false, 100 * time.Millisecond, []byte("c")}, {true, time.Millisecond, []byte("d")}}
	var took time.Duration
	for _, m := range s.over(10 * time.Second) {
		took += m.wait
	}
	if took != 10*time.Second {
		t.Errorf("stretched to %v", took)
	}
	if got := s.slow(5 * time.Millisecond)[1].wait; got != 6*time.Millisecond {
		t.Errorf("slow server answers after %v", got)
	}
}

func packets(t *testing.T, file []byte) []gopacket.Packet {
	t.Helper()
	r, err := pcapgo.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	all := slices.Collect(func(yield func(gopacket.Packet) bool) {
		src := gopacket.NewPacketSource(r, r.LinkType())
		for p, err := src.NextPacket(); err == nil && yield(p); p, err = src.NextPacket() {
		}
	})
	if len(all) < 100 {
		t.Fatalf("%d frames only", len(all))
	}
	return all
}
