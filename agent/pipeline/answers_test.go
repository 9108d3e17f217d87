package pipeline

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"demarc/agent/capture"
	"demarc/agent/decode"
	"demarc/agent/flow"
)

// talk is a TCP conversation of a client, 10.0.0.1, and a server, 10.0.0.2, as a
// capture hears it. It is a capture.Source.
type talk struct {
	few
	t     *testing.T
	port  layers.TCPPort // the client's
	at    time.Duration
	times []time.Duration
	sent  [2]uint32 // bytes of client and server
}

// segment sends one segment, some time after the one before.
func (c *talk) segment(after time.Duration, server bool, flags, text string) {
	c.t.Helper()
	from, to := "10.0.0.1", "10.0.0.2"
	h := &layers.TCP{SrcPort: c.port, DstPort: 502, ACK: flags != "S", SYN: strings.Contains(flags, "S"), Window: 1000}
	i := 0
	if server {
		from, to, i = to, from, 1
		h.SrcPort, h.DstPort = h.DstPort, h.SrcPort
	}
	h.Seq, h.Ack = 1000+c.sent[i], 1000+c.sent[1-i]
	c.sent[i] += uint32(len(text))
	if h.SYN {
		c.sent[i]++
	}
	c.at += after
	c.times = append(c.times, c.at)
	c.frames = append(c.frames, bytesOf(c.t, append(hop(byte(1+i), byte(2-i), 0), packet(from, to, 6, h, gopacket.Payload(text))...)...))
}

// open shakes hands from another port of the client's.
func (c *talk) open(port layers.TCPPort) {
	c.port, c.sent = port, [2]uint32{}
	c.segment(time.Second, false, "S", "")
	c.segment(time.Millisecond, true, "SA", "")
	c.segment(time.Millisecond, false, "A", "")
}

func (c *talk) Next(f *capture.Frame) error {
	if err := c.few.Next(f); err != nil {
		return io.EOF
	}
	f.Time = int64(c.times[c.n-1])
	return nil
}

// TestAnswers: how long a server takes is from a client's data to the server's
// next data, and nothing else is an answer.
func TestAnswers(t *testing.T) {
	c := &talk{t: t}
	c.open(50000)
	c.segment(time.Second, false, "A", "question")
	c.segment(3*time.Millisecond, true, "A", "") // an acknowledgement
	c.segment(4*time.Millisecond, true, "A", "answer")
	c.segment(time.Millisecond, true, "A", "and more of it") // answers nothing
	c.segment(time.Second, true, "A", "news")                // nobody asked
	c.segment(time.Second, false, "A", "question in")
	c.segment(5*time.Millisecond, false, "A", " two parts") // the time runs from the last
	c.segment(2*time.Millisecond, true, "A", "answer")
	c.segment(time.Second, false, "A", "question")
	c.segment(longAnswer+time.Second, true, "A", "too late")
	c.open(50001)
	c.segment(time.Second, false, "A", "question")
	c.segment(9*time.Millisecond, true, "A", "answer")

	var got []string
	cfg := Config{Default: "d", Answered: func(client, server netip.Addr, took, at time.Duration) {
		got = append(got, fmt.Sprintf("%s>%s %v", client, server, took))
		if at != c.times[c.n-1] {
			t.Errorf("told at %v, the frame's time is %v", at, c.times[c.n-1])
		}
	}}
	if _, err := Run(context.Background(), cfg, c, &kept{}); err != nil {
		t.Fatal(err)
	}
	if want := "10.0.0.1>10.0.0.2 7ms, 10.0.0.1>10.0.0.2 2ms, 10.0.0.1>10.0.0.2 9ms"; strings.Join(got, ", ") != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestAnswersAreBounded: conversations that wait for an answer for ever are
// forgotten, and the next answer is measured all the same.
func TestAnswersAreBounded(t *testing.T) {
	var a answers
	var last *flow.Conversation
	for i := range 3*maxAsked + 10 {
		last = &flow.Conversation{Transport: protoTCP, Directed: true, Client: flow.A}
		a.packet(last, flow.A, &decode.Packet{Time: int64(i), PayloadLen: 8}, nil)
		if len(a.asked) > maxAsked {
			t.Fatalf("%d conversations wait", len(a.asked))
		}
	}
	answered := false
	a.packet(last, flow.B, &decode.Packet{Time: 3*maxAsked + 9 + 70, PayloadLen: 8}, func(_, _ netip.Addr, took, _ time.Duration) {
		answered = took == 70
	})
	if !answered {
		t.Error("the last answer is not measured")
	}
}
