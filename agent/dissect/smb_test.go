package dissect

import (
	"strings"
	"testing"
)

func FuzzSMB(f *testing.F) { fuzzDissector(f, "smb", true) }

// smb2Bytes builds a message with its length of n bytes, of which only body is
// there.
func smb2Bytes(n int, command byte, flags byte, body string) []byte {
	head := "\xfeSMB\x40\x00" + strings.Repeat("\x00", 6) + string([]byte{command, 0}) + "\x00\x00" + string([]byte{flags, 0, 0, 0}) + strings.Repeat("\x00", 44)
	return append([]byte{0, byte(n >> 16), byte(n >> 8), byte(n)}, head+body...)
}

func TestSMB2PassesOverContents(t *testing.T) {
	k := &talk{t: t, d: &smb{}, port: 445, stream: true}
	k.log.reset()
	used, err := k.d.Dissect(k.message(0, smb2Bytes(1<<20, smb2Write, 0, "abc")), &k.log)
	if err != nil || used != 4+1<<20 {
		t.Fatalf("used %d, %v", used, err)
	}
	expectTold(t, told2text(&k.log), "client transfer=1")
	k.refused(0, smb2Bytes(3000, smb2SessionSetup, 0, "abc"), ErrShort) // a log-on is read whole
}

func TestSMBNames(t *testing.T) {
	utf16 := func(s string) string { return strings.Join(strings.Split(s, ""), "\x00") + "\x00" }
	at := func(b []byte, off int, v, whole string) {
		i := strings.Index(whole, v)
		b[off], b[off+2], b[off+4] = byte(len(v)), byte(len(v)), byte(i)
	}
	name, domain := utf16("EWS-1"), utf16("PLANT")
	token := []byte("NTLMSSP\x00\x03\x00\x00\x00" + strings.Repeat("\x00", 76) + domain + name)
	at(token, 28, domain, string(token))
	at(token, 44, name, string(token))
	token[60] = ntlmUnicode
	k := &talk{t: t, d: &smb{}, port: 445, stream: true}
	b := smb2Bytes(smb2HeaderLen+len(token), smb2SessionSetup, 0, string(token))
	expectTold(t, k.say(0, b), `client ntlm.domain="PLANT"(ntlm.authenticate.domain,identity) name="EWS-1"(ntlm.authenticate.workstation,identity) authenticate=1`)
	token[44+4] = 250 // points behind the end
	b = smb2Bytes(smb2HeaderLen+len(token), smb2SessionSetup, 0, string(token))
	expectTold(t, k.say(0, b), `client ntlm.domain="PLANT"(ntlm.authenticate.domain,identity) authenticate=1`)
}

func TestSMBRefuses(t *testing.T) {
	for name, s := range map[string]string{
		"another mark":        "\x00\x00\x00\x40\xfeSMX" + strings.Repeat("\x00", 64),
		"another structure":   "\x00\x00\x00\x40\xfeSMB\x30" + strings.Repeat("\x00", 64),
		"no session packet":   "\x84\x00\x00\x00",
		"keepalive on 445":    "\x85\x00\x00\x00",
		"a request of 3":      "\x81\x00\x00\x03abc",
		"a request, no names": "\x81\x00\x00\x44" + strings.Repeat("\x20", 68),
	} {
		k := &talk{t: t, d: &smb{}, port: 445, stream: true}
		t.Run(name, func(t *testing.T) { k.t = t; k.refused(0, []byte(s), ErrNotMine) })
	}
}
