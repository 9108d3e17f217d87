package plant

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

//go:embed recorded/*.pcap
var recordings embed.FS

// A message is what one side said at once: the bytes of a stream up to the
// other side's answer or a pause, or one datagram.
type message struct {
	fromServer bool
	wait       time.Duration // since the message before
	data       []byte
}

// A script is what a conversation says, without addresses and headers.
type script []message

// pause is the silence that ends a message of a stream.
const pause = 15 * time.Millisecond

// recorded reads the conversations of a recording in the order in which they
// began. A recording that cannot be read is a fault of the program.
func recorded(name string) ([]script, error) {
	file, err := recordings.ReadFile("recorded/" + name + ".pcap")
	if err != nil {
		return nil, fmt.Errorf("plant: recording %s: %w", name, err)
	}
	r, err := pcapgo.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("plant: recording %s: %w", name, err)
	}
	t := take{index: make(map[takeKey]int)}
	for {
		data, info, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return t.scripts()
		}
		if err != nil {
			return nil, fmt.Errorf("plant: recording %s: %w", name, err)
		}
		t.packet(gopacket.NewPacket(data, r.LinkType(), gopacket.NoCopy), info.Timestamp)
	}
}

// take sorts the packets of a recording into conversations.
type take struct {
	index map[takeKey]int
	talks []talk
}

type takeKey struct{ net, transport gopacket.Flow }

type talk struct {
	last time.Time
	next [2]uint32 // sequence number that each side comes to next
	said script
}

func (t *take) packet(p gopacket.Packet, at time.Time) {
	if p.NetworkLayer() == nil || p.TransportLayer() == nil {
		return
	}
	key := takeKey{p.NetworkLayer().NetworkFlow(), p.TransportLayer().TransportFlow()}
	back := takeKey{key.net.Reverse(), key.transport.Reverse()}
	i, fromServer := t.index[key], false
	if j, ok := t.index[back]; ok && back != key {
		i, fromServer = j, true
	} else if _, ok := t.index[key]; !ok {
		t.talks = append(t.talks, talk{last: at})
		i = len(t.talks) - 1
		t.index[key] = i
	}
	switch head := p.TransportLayer().(type) {
	case *layers.TCP:
		t.talks[i].segment(head, fromServer, at)
	case *layers.UDP:
		t.talks[i].say(fromServer, at, head.Payload, false)
	}
}

// segment takes the new bytes of a TCP segment. Loopback keeps the order, so
// what lies before the next expected byte is a repetition.
func (t *talk) segment(head *layers.TCP, fromServer bool, at time.Time) {
	side := 0
	if fromServer {
		side = 1
	}
	if head.SYN {
		t.next[side], t.last = head.Seq+1, at
		return
	}
	if len(head.Payload) == 0 || head.Seq != t.next[side] {
		return
	}
	t.next[side] += uint32(len(head.Payload))
	t.say(fromServer, at, head.Payload, true)
}

func (t *talk) say(fromServer bool, at time.Time, data []byte, stream bool) {
	wait := at.Sub(t.last)
	t.last = at
	if n := len(t.said); stream && n > 0 && t.said[n-1].fromServer == fromServer && wait < pause {
		t.said[n-1].data = append(t.said[n-1].data, data...)
		return
	}
	t.said = append(t.said, message{fromServer, wait, bytes.Clone(data)})
}

func (t *take) scripts() ([]script, error) {
	all := make([]script, len(t.talks))
	for i := range t.talks {
		all[i] = t.talks[i].said
	}
	return all, nil
}

// long is what counts as waiting on purpose: shorter waits are the machines'.
const long = 30 * time.Millisecond

// over stretches the purposeful waits so that the script lasts about d.
func (s script) over(d time.Duration) script {
	var idle, busy time.Duration
	for _, m := range s {
		if m.wait >= long {
			idle += m.wait
		} else {
			busy += m.wait
		}
	}
	if idle == 0 {
		return s
	}
	factor := float64(d-busy) / float64(idle)
	out := append(script(nil), s...)
	for i := range out {
		if out[i].wait >= long {
			out[i].wait = time.Duration(float64(out[i].wait) * factor).Round(time.Microsecond)
		}
	}
	return out
}

// slow makes the server answer after at least d, as field devices do.
func (s script) slow(d time.Duration) script {
	out := append(script(nil), s...)
	for i := range out {
		if out[i].fromServer && out[i].wait < d {
			out[i].wait += d
		}
	}
	return out
}
