package capture_test

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"demarc/agent/capture"
)

// ng writes pcapng blocks by hand.
type ng struct {
	binary.AppendByteOrder
	b []byte
}

type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

func (w *ng) block(kind uint32, parts ...[]byte) *ng {
	var body []byte
	for _, p := range parts {
		body = append(body, p...)
	}
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	w.b = w.AppendUint32(w.b, kind)
	w.b = w.AppendUint32(w.b, uint32(len(body)+12))
	w.b = append(w.b, body...)
	w.b = w.AppendUint32(w.b, uint32(len(body)+12))
	return w
}

func (w *ng) u32(v ...uint32) (b []byte) {
	for _, x := range v {
		b = w.AppendUint32(b, x)
	}
	return b
}

func (w *ng) u16(v ...uint16) (b []byte) {
	for _, x := range v {
		b = w.AppendUint16(b, x)
	}
	return b
}

func (w *ng) option(code uint16, value string) []byte {
	b := append(w.u16(code, uint16(len(value))), value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func (w *ng) section() *ng {
	return w.block(0x0a0d0d0a, w.u32(0x1a2b3c4d), w.u16(1, 0), w.u32(0xffffffff, 0xffffffff))
}

func (w *ng) iface(link uint16, snap uint32, options ...[]byte) *ng {
	return w.block(1, append([][]byte{w.u16(link, 0), w.u32(snap)}, options...)...)
}

func (w *ng) packet(iface uint32, ticks uint64, data string, options ...[]byte) *ng {
	padded := data + strings.Repeat("\x00", -len(data)&3)
	return w.block(6, append([][]byte{w.u32(iface, uint32(ticks>>32), uint32(ticks), uint32(len(data)), uint32(len(data)+1)), []byte(padded)}, options...)...)
}

func (w *ng) number(v uint64) string { return string(w.AppendUint64(nil, v)) }

func TestPcapngBlocks(t *testing.T) {
	for _, o := range []byteOrder{binary.LittleEndian, binary.BigEndian} {
		t.Run(o.String(), func(t *testing.T) {
			w := &ng{AppendByteOrder: o}
			w.section()
			w.iface(1, 65535, w.option(2, "eth0"), w.option(9, "\x09"), w.u32(0))
			w.block(0x0bad, []byte("a block that nobody knows"))
			w.iface(113, 4, w.option(2, "any"), w.option(14, w.number(100)))
			w.packet(0, 1_500_000_000, "nano")
			w.packet(1, 1_500_000, "micro and 100 s", w.option(4, w.number(3)))
			w.block(3, w.u32(100), []byte("simple packet"))                                              // of eth0
			w.block(2, w.u16(1, 2), w.u32(0, 7_000_000, 8, 9), []byte("obsolete"))                       // two drops
			w.block(5, w.u32(1, 0, 0), w.option(5, w.number(6)), w.option(7, w.number(1)), w.u32(0))     // seven in all
			w.block(5, w.u32(9, 0, 0), w.option(5, w.number(6)))                                         // of no interface
			w.section().iface(1, 65535, w.option(2, "eth0")).packet(0, 9_000_000, "after the new start") // other clock, same interface
			s := mustOpen(t, write(t, w.b))
			all, end := readAll(t, s)
			if end != nil {
				t.Fatal(end)
			}
			want := []struct {
				data  string
				time  int64
				iface int
				len   int
			}{
				{"nano", 1.5e9, 0, 5},
				{"micro and 100 s", 101.5e9, 1, 16},
				{"simple packet\x00\x00\x00", 101.5e9, 0, 100},
				{"obsolete", 107e9, 1, 9},
				{"after the new start", 9e9, 0, 20},
			}
			if len(all) != len(want) {
				t.Fatalf("%d packets, want %d", len(all), len(want))
			}
			for i, x := range want {
				if p := all[i]; p.data != x.data || p.Time != x.time || p.Interface != x.iface || p.Length != x.len || p.Link != s.Interfaces()[x.iface].Link {
					t.Errorf("packet %d: %q %+v, want %+v", i, p.data, p.Frame, x)
				}
			}
			if f := s.Interfaces(); len(f) != 2 || f[0] != (capture.Interface{Name: "eth0", Link: 1, Snap: 65535}) || f[1] != (capture.Interface{Name: "any", Link: 113, Snap: 4}) {
				t.Errorf("interfaces %+v", f)
			}
			if st := s.Stats(); st.Packets != 5 || st.Drops != 7 {
				t.Errorf("stats %+v, want 5 packets and 7 drops", st)
			}
		})
	}
}

func TestSectionsOfBothOrders(t *testing.T) {
	a, b := &ng{AppendByteOrder: binary.LittleEndian}, &ng{AppendByteOrder: binary.BigEndian}
	a.section().iface(1, 0).packet(0, 1, "little")
	b.section().iface(101, 0).packet(0, 2, "big")
	all, end := readAll(t, mustOpen(t, write(t, append(a.b, b.b...))))
	if end != nil || len(all) != 2 || all[0].Link != 1 || all[1].Link != 101 || all[1].Time != 2000 || all[1].data != "big" {
		t.Fatalf("%+v, %v", all, end)
	}
}

func TestClocks(t *testing.T) {
	for _, r := range []struct {
		resolution byte
		ticks      uint64
		want       int64
	}{
		{0, 7, 7e9},
		{3, 1234, 1.234e9},
		{9, 1<<62 + 5, 1<<62 + 5},
		{12, 5_000_000_000_123, 5e9},
		{0x80 | 10, 1536, 1.5e9},
		{0x80 | 32, 3 << 31, 1.5e9},
		{0x80, 3, 3e9},
		{6, 1 << 63, 1<<63 - 1}, // beyond 2262
		{0x80, 1 << 63, 1<<63 - 1},
	} {
		w := &ng{AppendByteOrder: binary.LittleEndian}
		w.section().iface(1, 0, w.option(9, string([]byte{r.resolution}))).packet(0, r.ticks, "x")
		all, end := readAll(t, mustOpen(t, write(t, w.b)))
		if end != nil || len(all) != 1 || all[0].Time != r.want {
			t.Errorf("resolution %#x, %d ticks: %v, %v, want %d", r.resolution, r.ticks, all, end, r.want)
		}
	}
}

func TestPcapngCorrupt(t *testing.T) {
	good := func() *ng {
		w := &ng{AppendByteOrder: binary.LittleEndian}
		return w.section().iface(1, 0).packet(0, 1, "good")
	}
	at := len(good().b)
	for name, r := range map[string]struct {
		tail []byte
		say  string
	}{
		"huge packet block":     {good().u32(6, 0x7ffffffc, 0), "more than"},
		"huge unknown block":    {good().u32(77, 0x7ffffffc, 0), "more than"},
		"odd length":            {good().u32(6, 33, 0), "multiple of 4"},
		"short length":          {good().u32(6, 8, 0), "multiple of 4"},
		"lengths that differ":   {good().u32(5, 12, 16), "16 at its end"},
		"no such interface":     {(&ng{AppendByteOrder: binary.LittleEndian}).packet(1, 0, "x").b, "interface 1"},
		"data beyond the block": {(&ng{AppendByteOrder: binary.LittleEndian}).block(6, good().u32(0, 0, 0, 99, 99)).b, "99 bytes"},
		"short packet":          {(&ng{AppendByteOrder: binary.LittleEndian}).block(6, good().u32(0)).b, "too short"},
		"section without magic": {good().u32(0x0a0d0d0a, 28, 1), "byte-order magic"},
		"newer version":         {(&ng{AppendByteOrder: binary.LittleEndian}).block(0x0a0d0d0a, good().u32(0x1a2b3c4d, 2, 0, 0)).b, "version 2"},
	} {
		t.Run(name, func(t *testing.T) {
			all, end := readAll(t, mustOpen(t, write(t, append(good().b, r.tail...))))
			var e *capture.CorruptError
			if !errors.As(end, &e) || e.Offset != int64(at) || e.Packet != 2 || len(all) != 1 || !strings.Contains(e.Reason, r.say) {
				t.Fatalf("%d packets, then %v; want %q", len(all), end, r.say)
			}
		})
	}
}

func TestPcapngCut(t *testing.T) {
	w := &ng{AppendByteOrder: binary.BigEndian}
	ends := map[int]int{len(w.section().b): 0, len(w.iface(1, 0).b): 0, len(w.packet(0, 1, "one").b): 1, len(w.block(99, make([]byte, 40)).b): 1}
	w.packet(0, 1, "two")
	for n := 12; n < len(w.b); n++ {
		all, end := readAll(t, mustOpen(t, write(t, w.b[:n])))
		if packets, between := ends[n]; between {
			if end != nil || len(all) != packets {
				t.Fatalf("cut at %d: %d packets, %v", n, len(all), end)
			}
			continue
		}
		var e *capture.TruncatedError
		if !errors.As(end, &e) || e.Offset+e.Have != int64(n) || e.Want <= e.Have {
			t.Fatalf("cut at %d: %d packets, %v", n, len(all), end)
		}
	}
}

func TestInterfacesAreCapped(t *testing.T) {
	w := &ng{AppendByteOrder: binary.LittleEndian}
	w.section()
	for range 5000 {
		w.iface(1, 0)
	}
	s := mustOpen(t, write(t, w.b))
	_, end := readAll(t, s)
	var e *capture.CorruptError
	if !errors.As(end, &e) || len(s.Interfaces()) != 4096 {
		t.Fatalf("%d interfaces, %v", len(s.Interfaces()), end)
	}
}
