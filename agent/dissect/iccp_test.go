package dissect

import (
	"strings"
	"testing"
)

// mmsPDUOf takes session and presentation off a TSDU.
func mmsPDUOf(b []byte) []byte {
	_, user, _ := readSession(b, false)
	v, _ := readPDV(&user, false)
	return v.Rest()
}

func iccpTalk(t *testing.T) chat {
	return chat{&talk{t: t, d: &iccp{}, port: 102}}
}

func TestICCPSignature(t *testing.T) {
	for _, c := range []struct {
		what string
		b    []byte
		want bool
	}{
		{"version", mmsAsk(1, mmsReadOf("", "TASE2_Version")), true},
		{"table", mmsAsk(1, mmsReadOf("ICC1", "Bilateral_Table_ID")), true},
		{"report", mmsData(ber(mmsUnconfirmed, ber(0xa0, ber(0xa0, mmsVariable("ICC1", "Transfer_Set_Name")), ber(0xa0, "")))), true},
		{"data set", mmsAsk(1, ber(0xab, mmsName("ICC1", "d"), ber(0xa0, mmsVariable("ICC1", "DSConditions_Detected")))), true},
		{"IEC 61850", mmsAsk(1, mmsReadOf("LD0", "LLN0$ST$Mod$stVal")), false},
		{"almost", mmsAsk(1, mmsReadOf("ICC1", "Bilateral_Table_IDs")), false},
		{"identify", mmsAsk(1, "\x82\x00"), false},
	} {
		pdu := mmsPDUOf(c.b)
		if got := matchICCP(pdu); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
		if !c.want {
			iccpTalk(t).refused(0, pdu, ErrNotMine)
		}
	}
}

func TestICCPFacts(t *testing.T) {
	k := iccpTalk(t)
	expectTold(t, k.say(0, mmsPDUOf(mmsAsk(1, mmsReadOf("", "TASE2_Version", "Supported_Features")))), "diagnose=1")
	expectTold(t, k.say(1, mmsPDUOf(mmsTell(1, mmsResults(ber(0xa2, ber(0x85, "\x07\xd0"), ber(0x85, "\x08")), ber(0x84, "\x04\xc8\x00"))))),
		`iccp.version="2000.8"(iccp.tase2_version,identity) iccp.blocks="1 2 5"(iccp.supported_features,identity)`)
	k.say(0, mmsPDUOf(mmsAsk(2, mmsReadOf("ICC1", "Bilateral_Table_ID"))))
	expectTold(t, k.say(1, mmsPDUOf(mmsTell(2, mmsResults(ber(0x8a, "T-1"))))), `iccp.bilateral_table="T-1"(iccp.bilateral_table_id,identity)`)
	expectTold(t, k.say(1, mmsPDUOf(mmsTell(2, mmsResults(ber(0x8a, "T-1"))))), "") // answered already
	k.say(0, mmsPDUOf(mmsAsk(3, mmsReadOf("ICC1", "Bilateral_Table_ID"))))
	expectTold(t, k.say(1, mmsPDUOf(mmsTell(3, mmsResults(ber(0x80, "\x03"))))), "")
}

func TestICCPOperations(t *testing.T) {
	k := iccpTalk(t)
	say := func(side int, b []byte, want string) {
		t.Helper()
		expectTold(t, k.say(side, mmsPDUOf(b)), want)
	}
	say(1, mmsData(ber(mmsUnconfirmed, ber(0xa0, ber(0xa0, mmsVariable("ICC1", "Transfer_Set_Name")), ber(0xa0, "")))), "subscribe=1")
	say(0, mmsData(ber(mmsUnconfirmed, ber(0xa0, ber(0xa0, mmsVariable("ICC1", "Transfer_Report_ACK")), ber(0xa0, "")))), "")
	say(0, mmsAsk(1, mmsReadOf("ICC1", "Flow")), "read=1")
	say(0, mmsAsk(2, mmsReadOf("ICC1", "Breaker_SBO")), "control=1")
	say(0, mmsAsk(3, mmsWriteOf("ICC1", "Breaker")), "control=1")
	say(0, mmsAsk(4, mmsWriteOf("ICC1", "SetA")), "control=1") // not known to be a transfer set
	say(0, mmsAsk(5, mmsReadOf("ICC1", "Next_DSTransfer_Set")), "subscribe=1")
	say(1, mmsTell(5, mmsResults(ber(0xa2, ber(0x86, "\x01"), ber(0x8a, "ICC1"), ber(0x8a, "SetA")))), "")
	say(0, mmsAsk(6, mmsWriteOf("ICC1", "SetA$Status")), "subscribe=1")
	set := ber(0xa5, ber(0xa0, mmsVariable("ICC1", "Other")), ber(0xa0, ber(0xa2, ber(0x85, "\x01"))))
	say(0, mmsAsk(9, set), "subscribe=1")
	say(0, mmsAsk(7, mmsWriteOf("ICC1", "DSTrans01")), "subscribe=1")
	say(0, mmsAsk(8, "\x82\x00"), "diagnose=1")
}

func TestICCPOverMMS(t *testing.T) {
	k := mmsTalk(t)
	expectTold(t, k.say(0, mmsAsk(1, "\x82\x00")), "client diagnose=1")
	expectTold(t, k.say(0, mmsAsk(2, mmsReadOf("", "TASE2_Version"))), "client payload 160") // counted above
	expectTold(t, k.say(1, mmsTell(2, mmsResults(ber(0xa2, "")))), "server payload 161")
	ack := ber(mmsUnconfirmed, ber(0xa0, ber(0xa0, mmsVariable("ICC1", "Transfer_Report_ACK")), ber(0xa0, "")))
	if got := k.say(0, mmsData(ack)); strings.Contains(got, "server") {
		t.Errorf("told %s: the client sends this", got)
	}
}

func FuzzICCP(f *testing.F) {
	for _, b := range [][]byte{mmsAsk(1, mmsReadOf("", "TASE2_Version")), mmsTell(1, mmsResults(ber(0xa2, ber(0x85, "\x07"), ber(0x85, "\x08")))), mmsAsk(1, mmsWriteOf("ICC1", "SetA"))} {
		f.Add(mmsPDUOf(b))
	}
	for _, file := range samples(f, registry["iccp"]) {
		for _, p := range load(f, file) {
			if t, err := readTPDU(p.Payload); err == nil && t.code == cotpDT && t.last {
				f.Add(mmsPDUOf(p.Payload[cotpHead+1:]))
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		matchICCP(b)
		walk(t, &iccp{}, b, 102, false)
		walk(t, &iccp{claimed: true}, b, 102, false)
	})
}
