package dissect

import "testing"

func FuzzTailscale(f *testing.F) { fuzzDissector(f, "tailscale", false) }

// discoMade is a DISCO message; n sets its sender apart.
func discoMade(n byte, sealed int) []byte {
	b := append([]byte(discoMagic), noise(32+24+sealed)...)
	b[len(discoMagic)] = n
	return b
}

// TestTailscaleSample builds DISCO before a tunnel, and after it has begun.
func TestTailscaleSample(t *testing.T) {
	r := newReel()
	a, b, c := madeAddr(1, 41641), madeAddr(2, 41641), madeAddr(3, 50007)
	r.udp(a, b, discoMade(1, 62))
	r.udp(b, a, discoMade(2, 48))
	r.udp(a, b, wireguardMade(wireguardInitiation, wireguardInitiationLen))
	r.udp(b, a, wireguardMade(wireguardResponse, wireguardResponseLen))
	r.udp(a, b, wireguardData(0, 96))
	r.udp(c, b, wireguardMade(wireguardInitiation, wireguardInitiationLen))
	r.udp(b, c, wireguardMade(wireguardResponse, wireguardResponseLen))
	r.udp(b, c, discoMade(2, 62))
	r.udp(c, b, wireguardData(1, 96))
	made(t, "tailscale", "disco", r)
}

func TestTailscaleRefuses(t *testing.T) {
	other := discoMade(1, 62)
	other[5]++
	for name, b := range map[string][]byte{
		"another magic": other,
		"no message":    discoMade(1, 17),
		"no key":        append([]byte(discoMagic), make([]byte, 100)...),
		"WireGuard":     wireguardData(0, 96),
	} {
		t.Run(name, func(t *testing.T) {
			k := &talk{t: t, d: &tailscale{}, port: 41641}
			k.refused(0, b, ErrNotMine)
		})
	}
	k := &talk{t: t, d: &tailscale{}, port: 41641}
	k.say(0, discoMade(1, 62))
	k.refused(0, []byte("neither the one nor the other"), ErrMalformed)
}
