package dissect

import (
	"net/netip"
	"testing"
)

const (
	vrrp2 = "\x21\x07\x64\x01\x00\x01\x00\x00\xc0\x00\x02\xfe\x00\x00\x00\x00\x00\x00\x00\x00"
	vrrp3 = "\x31\x07\x64\x02\x00\x64\x00\x00\xc0\x00\x02\xfe\xc0\x00\x02\xfd"
)

func vrrpMessage(b string, from, to string) *Message {
	return &Message{Ends: &[2]Endpoint{{Addr: netip.MustParseAddr(from)}, {Addr: netip.MustParseAddr(to)}}, Data: []byte(b)}
}

func TestVRRP(t *testing.T) {
	const id = `virtual_router.id="7"(vrrp.advertisement.vrid,content) `
	const active = `virtual_router.state="active"(vrrp.advertisement.priority,content) virtual_router.mac="00:00:5e:00:01:07"(vrrp.advertisement.vrid,content) virtual_router.ip="192.0.2.254"(vrrp.advertisement.address,content)`
	for name, c := range map[string]struct{ b, from, to, want string }{
		"version 2": {vrrp2, "192.0.2.1", "224.0.0.18", id + active},
		"version 3": {vrrp3, "192.0.2.1", "224.0.0.18", id + active + ` virtual_router.ip="192.0.2.253"(vrrp.advertisement.address,content)`},
		"IPv6": {
			"\x31\x07\x00\x01\x00\x64\x00\x00\xfe\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01", "fe80::2", "ff02::12",
			id + `virtual_router.state="leaving"(vrrp.advertisement.priority,content) virtual_router.mac="00:00:5e:00:02:07"(vrrp.advertisement.vrid,content) virtual_router.ip="fe80::1"(vrrp.advertisement.address,content)`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var l log
			if used, err := (&vrrp{}).Dissect(vrrpMessage(c.b, c.from, c.to), &l); err != nil || used != len(c.b) {
				t.Fatalf("used %d, %v", used, err)
			}
			expectTold(t, told2text(&l), c.want)
		})
	}
	for name, b := range map[string]string{
		"CARP":     "\x21\x07\x00\x07\x00\x01\x00\x00" + vrrp2 + "\x00\x00\x00\x00\x00\x00\x00\x00",
		"no id":    "\x21\x00" + vrrp2[2:],
		"nothing":  "\x31\x07\x64\x00\x00\x64\x00\x00",
		"type 2":   "\x22" + vrrp2[1:],
		"cut":      vrrp3[:14],
		"trailing": vrrp3 + "\x00",
	} {
		t.Run(name, func(t *testing.T) {
			var l log
			if _, err := (&vrrp{}).Dissect(vrrpMessage(b, "192.0.2.1", "224.0.0.18"), &l); err != ErrNotMine { //nolint:errorlint // never wrapped
				t.Error(err)
			}
		})
	}
}

func TestVRRPSample(t *testing.T) {
	r := newReel()
	group := netip.MustParseAddr("224.0.0.18")
	r.ip(madeAddr(1, 0).Addr(), group, 112, []byte(vrrp2))
	r.ip(madeAddr(2, 0).Addr(), group, 112, []byte(vrrp3))
	made(t, "vrrp", "routers", r)
}

func FuzzVRRP(f *testing.F) { fuzzDissector(f, "vrrp", false) }
