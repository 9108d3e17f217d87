package dissect

import "testing"

func FuzzKerberos(f *testing.F) { fuzzDissector(f, "kerberos", false) }

func FuzzKerberosStream(f *testing.F) { fuzzDissector(f, "kerberos", true) }

func TestKerberosMachineAccount(t *testing.T) {
	integer := func(tag byte, n string) string { return der(tag, der(berInteger, n)) }
	name := der(berSequence, integer(0xa0, "\x01"), der(0xa1, der(berSequence, der(0x1b, "HMI-4$"))))
	address := der(berSequence, der(berSequence, integer(0xa0, "\x14"), der(0xa1, der(berOctetString, "HMI-4          "))))
	body := der(0xa4, der(berSequence, der(0xa0, der(0x03, "\x00\x00\x00\x00\x10")), der(0xa1, name), der(0xa9, address)))
	request := der(0x6a, der(berSequence, integer(0xa1, "\x05"), integer(0xa2, "\x0a"), body))
	k := &talk{t: t, d: &kerberos{}, port: 88}
	expectTold(t, k.say(0, []byte(request)), `client authenticate=1 name="HMI-4"(kerberos.request.client_name,content) name="HMI-4"(kerberos.request.address,identity)`)
	wrong := der(0x6a, der(berSequence, integer(0xa1, "\x05"), integer(0xa2, "\x0c"), body))
	k.refused(0, []byte(wrong), ErrNotMine) // type and tag differ
	k.refused(0, []byte(request+"\x00"), ErrNotMine)
}
