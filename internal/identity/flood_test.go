package identity

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	demarcv1 "demarc/proto/demarc/v1"
)

// settled is a controller and the panel that reads it, as they were before and
// must be after whatever somebody does to the link.
func settled(b *Book) {
	b.Apply("houston", "a4", saw(owner("line4", "10.20.4.10", plcMAC, 0), owner("line4", "10.20.4.20", hmiMAC, 0)))
	b.Apply("houston", "a4", &demarcv1.Body{
		Facts:       []*demarcv1.FactDelta{factOf(addr("line4", "10.20.4.10"), "model", "6ES7 315-2EH14-0AB0", "s7comm.szl", demarcv1.Grade_GRADE_IDENTITY, 0)},
		Connections: []*demarcv1.ConnectionDelta{{Key: connKey("line4", "10.20.4.20", "10.20.4.10", "tcp", 102), Protocol: "s7comm", Grade: demarcv1.Grade_GRADE_CONTENT, Outcome: "exchanged", ClientPackets: 1, ServerPackets: 1}},
	})
}

func stillReal(t *testing.T, b *Book) {
	t.Helper()
	inv := b.Inventory()
	plc := assetAt(t, inv, plcMAC)
	wantList(t, "the controller's addresses", plc.Ips, "10.20.4.10")
	wantText(t, "its model", plc.Model, "6ES7 315-2EH14-0AB0")
	wantText(t, "its kind", plc.Kind, "device")
	wantList(t, "the panel's addresses", assetAt(t, inv, hmiMAC).Ips, "10.20.4.20")
}

func lossTold(b *Book, reason string) bool {
	return slices.ContainsFunc(b.Inventory().Losses, func(l *demarcv1.Loss) bool { return l.Reason == reason })
}

func randomMAC(n int) string {
	m := binary.BigEndian.AppendUint32([]byte{0x02, 0x66}, uint32(n))
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// Senders that somebody invents fill the table to its bound and no further;
// what does not fit is told.
func TestRandomMACs(t *testing.T) {
	const bound, flood = 500, 5000
	b := NewLimited(nil, Limits{Addresses: bound, Connections: bound})
	settled(b)
	for n := range flood {
		b.Apply("houston", "a4", saw(&demarcv1.EndpointDelta{Address: addr("line4", randomMAC(n)), FirstNs: start, LastNs: start}))
	}
	if n := len(b.Assets("")); n > bound || len(b.macs) > bound+2 {
		t.Errorf("%d assets, %d MACs for a bound of %d", n, len(b.macs), bound)
	}
	if !lossTold(b, "table-full") {
		t.Error("what did not fit is not told")
	}
	stillReal(t, b)
}

// The same under one address that is nobody's.
func TestRandomMACsOfOneAddress(t *testing.T) {
	b := New(nil)
	settled(b)
	for n := range 5000 {
		b.Apply("houston", "a4", saw(owner("line4", "10.20.4.99", randomMAC(n), int64(n))))
	}
	if len(b.macs) > maxClaims+2 {
		t.Errorf("%d MACs are kept, at most %d", len(b.macs), maxClaims+2)
	}
	if !lossTold(b, "table-full") {
		t.Error("what did not fit is not told")
	}
	stillReal(t, b)
}

// Somebody who answers ARP for the real devices is told of, and they keep what
// is theirs.
func TestSpoofedARP(t *testing.T) {
	b := New(nil)
	settled(b)
	const evil = "02:13:37:00:00:01"
	for n := range 60 {
		b.Apply("houston", "a4", saw(owner("line4", "10.20.4.10", evil, int64(n)), owner("line4", "10.20.4.20", evil, int64(n))))
	}
	b.Apply("houston", "a4", saw(owner("line4", "10.20.4.10", plcMAC, 61), owner("line4", "10.20.4.20", hmiMAC, 61)))
	inv := b.Inventory()
	wantJoin(t, assetAt(t, inv, plcMAC), "10.20.4.10 is held by "+evil+" at the same time: duplicate address")
	stillReal(t, b)
}

// A scan makes no assets of what did not answer.
func TestScanMakesNoAssets(t *testing.T) {
	b := New(nil)
	settled(b)
	body := &demarcv1.Body{}
	for n := range 65_536 {
		target := fmt.Sprintf("10.77.%d.%d", n>>8, n&255)
		body.Connections = append(body.Connections, &demarcv1.ConnectionDelta{Key: connKey("line4", "10.20.4.20", target, "tcp", 502), Outcome: "unanswered", ClientPackets: 1})
	}
	b.Apply("houston", "a4", body)
	if n := len(b.Assets("")); n != 2 {
		t.Errorf("%d assets, want the 2 that spoke", n)
	}
	stillReal(t, b)
}

// A device that changes its name each second keeps what it is.
func TestNameEachSecond(t *testing.T) {
	b := New(nil)
	settled(b)
	for n := range 3000 {
		b.Apply("houston", "a4", &demarcv1.Body{Facts: []*demarcv1.FactDelta{
			factOf(addr("line4", "10.20.4.10"), "name", fmt.Sprint("plc-", n), "dns.answer", demarcv1.Grade_GRADE_CONTENT, int64(n)),
		}})
	}
	a := assetAt(t, b.Inventory(), plcMAC)
	wantText(t, "names shown", len(a.Names), maxNames)
	wantText(t, "the latest first", a.Names[0], "plc-2999")
	wantText(t, "facts kept", len(a.Facts) <= maxFacts+8, true)
	if !lossTold(b, "table-full") {
		t.Error("what did not fit is not told")
	}
	stillReal(t, b)
}
