package identity

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	demarcv1 "demarc/proto/demarc/v1"
)

// plant is 10,000 devices with facts and 30,000 connections, in bodies of a few
// hundred sightings as an agent sends them.
func plant(assets, conns int) []*demarcv1.Body {
	ip := func(i int) *demarcv1.Address {
		return &demarcv1.Address{Segment: fmt.Sprint("line", i%20), Ip: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).AsSlice()}
	}
	var all []*demarcv1.Body
	for i := 0; i < assets; i += 250 {
		b := &demarcv1.Body{}
		for j := i; j < min(i+250, assets); j++ {
			mac := binary.BigEndian.AppendUint32([]byte{0x00, 0x0e}, uint32(j))
			b.Endpoints = append(b.Endpoints, &demarcv1.EndpointDelta{Address: ip(j), Mac: mac, OwnLink: true, Vlans: []uint32{uint32(j%20) + 100}, FirstNs: start, LastNs: start})
			for k, v := range [...]string{"Siemens", "S7-300", "6ES7 315-2EH14-0AB0", "V3.2.6", fmt.Sprint("S C-", j), fmt.Sprint("plc-", j)} {
				b.Facts = append(b.Facts, factOf(ip(j), [...]string{"vendor", "product", "model", "firmware", "serial", "name"}[k], v, "s7comm.szl.0x001c", demarcv1.Grade_GRADE_IDENTITY, 0))
			}
		}
		all = append(all, b)
	}
	for i := 0; i < conns; i += 250 {
		b := &demarcv1.Body{}
		for j := i; j < min(i+250, conns); j++ {
			client, server := ip(j%assets), ip((j*7+1)%assets)
			server.Segment = client.Segment
			b.Connections = append(b.Connections, &demarcv1.ConnectionDelta{
				Key:      &demarcv1.ConnectionKey{Client: client, Server: server, Transport: "tcp", Port: 102},
				Protocol: "s7comm", Grade: demarcv1.Grade_GRADE_CONTENT, ClientPackets: 5, ServerPackets: 5, Operations: []uint64{5, 1}, Vlans: []uint32{100},
				Outcome: "exchanged", DirectionBasis: "syn", FirstNs: start, LastNs: start,
			})
		}
		all = append(all, b)
	}
	return all
}

// BenchmarkApply reports the memory of the Book itself, and the time from
// bodies to a settled inventory.
func BenchmarkApply(b *testing.B) {
	for _, size := range [...]struct{ assets, conns int }{{10_000, 30_000}} {
		b.Run(fmt.Sprintf("assets=%d/conns=%d", size.assets, size.conns), func(b *testing.B) {
			bodies := plant(size.assets, size.conns)
			for b.Loop() {
				before := heap()
				began := time.Now()
				book := New(nil)
				changed := 0
				for _, x := range bodies {
					book.Apply("houston", "a1", x)
					changed += len(book.Changes().Assets)
				}
				b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/all")
				b.ReportMetric(float64(heap()-before)/1e6, "MB")
				b.ReportMetric(float64(changed), "changes")
				runtime.KeepAlive(book)
			}
		})
	}
}

// BenchmarkInventory is the time to make the messages that people see.
func BenchmarkInventory(b *testing.B) {
	book := New(nil)
	for _, x := range plant(10_000, 30_000) {
		book.Apply("houston", "a1", x)
	}
	b.ResetTimer()
	for b.Loop() {
		if n := len(book.Inventory().Assets); n == 0 {
			b.Fatal("no assets")
		}
	}
}

// BenchmarkRouter is one more address behind a router that stands before
// 10,000.
func BenchmarkRouter(b *testing.B) {
	book := New(nil)
	ip := func(i int) *demarcv1.Body {
		return saw(&demarcv1.EndpointDelta{Address: &demarcv1.Address{Segment: "l", Ip: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).AsSlice()}, Mac: hw(routerMAC), FirstNs: start})
	}
	for i := range 10_000 {
		book.Apply("houston", "a1", ip(i))
	}
	book.Changes()
	i := 10_000
	for b.Loop() {
		book.Apply("houston", "a1", ip(i))
		book.Changes()
		i++
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
