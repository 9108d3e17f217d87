package identity

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/prototext"

	demarcv1 "demarc/proto/demarc/v1"
)

const (
	second = int64(time.Second)
	start  = int64(1_700_000_000) * second
)

// addr is an IP or a MAC in a segment; vlan counts for a MAC only.
func addr(segment, text string, vlan ...uint32) *demarcv1.Address {
	if ip, err := netip.ParseAddr(text); err == nil {
		return &demarcv1.Address{Segment: segment, Ip: ip.AsSlice()}
	}
	a := &demarcv1.Address{Segment: segment, Mac: hw(text)}
	if len(vlan) > 0 {
		a.Vlan = vlan[0]
	}
	return a
}

func hw(text string) []byte {
	if text == "" {
		return nil
	}
	m, err := net.ParseMAC(text)
	if err != nil {
		panic(err)
	}
	return m
}

// sender is an address that sent a frame with a MAC at second t.
func sender(segment, ip, mac string, t int64, vlans ...uint32) *demarcv1.EndpointDelta {
	return &demarcv1.EndpointDelta{Address: addr(segment, ip), Mac: hw(mac), Vlans: vlans, FirstNs: start + t*second, LastNs: start + t*second}
}

// owner is an address that its MAC proved.
func owner(segment, ip, mac string, t int64, vlans ...uint32) *demarcv1.EndpointDelta {
	d := sender(segment, ip, mac, t, vlans...)
	d.OwnLink = true
	return d
}

func saw(d ...*demarcv1.EndpointDelta) *demarcv1.Body { return &demarcv1.Body{Endpoints: d} }

func factOf(a *demarcv1.Address, attribute, value, source string, g demarcv1.Grade, t int64) *demarcv1.FactDelta {
	return &demarcv1.FactDelta{Of: a, Attribute: attribute, Value: value, Source: source, Grade: g, FirstNs: start + t*second, LastNs: start + t*second}
}

func connKey(segment, client, server, transport string, port uint32) *demarcv1.ConnectionKey {
	return &demarcv1.ConnectionKey{Client: addr(segment, client), Server: addr(segment, server), Transport: transport, Port: port}
}

// assetAt is the one asset that lists an address.
func assetAt(t *testing.T, inv *demarcv1.Inventory, address string) *demarcv1.Asset {
	t.Helper()
	all := assetsAt(inv, address)
	if len(all) != 1 {
		t.Fatalf("%d assets hold %s, want 1:\n%s", len(all), address, prototext.Format(inv))
	}
	return all[0]
}

func assetsAt(inv *demarcv1.Inventory, address string) []*demarcv1.Asset {
	var out []*demarcv1.Asset
	for _, a := range inv.Assets {
		if slices.Contains(a.Ips, address) || slices.Contains(a.Macs, address) {
			out = append(out, a)
		}
	}
	return out
}

func wantJoin(t *testing.T, a *demarcv1.Asset, part string) {
	t.Helper()
	if !slices.ContainsFunc(a.Joins, func(j string) bool { return strings.Contains(j, part) }) {
		t.Errorf("joins of %s %v: none says %q", a.Id, a.Joins, part)
	}
}

func wantText(t *testing.T, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func wantList(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}
