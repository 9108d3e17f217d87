package dissect

import "testing"

func FuzzTFTP(f *testing.F) { fuzzDissector(f, "tftp", false) }

func TestTFTP(t *testing.T) {
	k := &talk{t: t, d: &tftp{}, port: tftpPort}
	expectTold(t, k.say(0, []byte("\x00\x01plc.cfg\x00octet\x00")), `client transfer=1 tftp.file="plc.cfg"(tftp.request,content) expect 10.0.0.2:0 10.0.0.1:50123 tftp 1`)
	k = &talk{t: t, d: &tftp{}, port: tftpPort}
	expectTold(t, k.say(0, []byte("\x00\x02plc.cfg\x00NetASCII\x00blksize\x001428\x00")), `client transfer=1 tftp.file="plc.cfg"(tftp.request,content) expect 10.0.0.2:0 10.0.0.1:50123 tftp 2`)
	expectTold(t, k.say(1, []byte("\x00\x06blksize\x001428\x00")), "server") // some answer from port 69 itself
	expectTold(t, k.say(0, []byte("\x00\x03\x00\x01data")), "")
	expectTold(t, k.say(1, []byte("\x00\x05\x00\x03disk full\x00")), "")
	k.refused(0, []byte("\x00\x07\x00\x01"), ErrMalformed)
}

func TestTFTPSendersOfATransfer(t *testing.T) {
	for _, c := range []struct {
		op, request uint16
		want        Role
	}{
		{tftpData, tftpRead, Server},
		{tftpAck, tftpRead, Client},
		{tftpData, tftpWrite, Client},
		{tftpAck, tftpWrite, Server},
		{tftpOAck, tftpWrite, Server},
		{tftpError, tftpRead, 0},
		{tftpData, 0, 0},
	} {
		if got := tftpSender(c.op, c.request); got != c.want {
			t.Errorf("opcode %d after request %d: %d, want %d", c.op, c.request, got, c.want)
		}
	}
}

func TestTFTPRefuses(t *testing.T) {
	for _, b := range []string{
		"", "\x00\x01", "\x00\x01\x00octet\x00", "\x00\x01a\x00binary\x00", "\x00\x01a\x00octet", "\x00\x01a\x07\x00octet\x00",
		"\x00\x01a\x00octet\x00blksize\x00", "\x00\x03\x00\x01data", "\x00\x04\x00\x01",
	} {
		k := &talk{t: t, d: &tftp{}, port: tftpPort}
		k.refused(0, []byte(b), ErrNotMine)
	}
}
