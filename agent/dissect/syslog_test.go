package dissect

import "testing"

func FuzzSyslog(f *testing.F) { fuzzDissector(f, "syslog", false) }

func TestSyslogForms(t *testing.T) {
	for s, want := range map[string]string{
		"<34>1 2026-11-22T19:59:31Z plc-7 plcd 12 - - stopped": `client alarm=1 syslog.hostname="plc-7"(syslog.hostname,content) syslog.program="plcd"(syslog.app_name,content)`,
		"<34>1 - - - - - - x":                            "client alarm=1",
		"<11>Nov 22 19:59:31 hmi-4 hmid[7]: door open":   `client alarm=1 syslog.hostname="hmi-4"(syslog.hostname,content) syslog.program="hmid"(syslog.app_name,content)`,
		"<11>Nov  2 19:59:31 10.0.0.7 hmid: door":        `client alarm=1 syslog.program="hmid"(syslog.app_name,content)`,
		"<11>Nov  2 19:59:31 hmid: the host is left out": "client alarm=1",
		"<189>45: *Mar  1 00:01: link up":                "client alarm=1",
	} {
		k := &talk{t: t, d: syslog{}, port: 514}
		expectTold(t, k.say(0, []byte(s)), want)
	}
	for _, s := range []string{"<192>1 x", "<012>1 x", "<>1 x", "34>1", "<34>\x01\x02", "<1"} {
		k := &talk{t: t, d: syslog{}, port: 514}
		k.refused(0, []byte(s), ErrNotMine)
	}
	k := &talk{t: t, d: syslog{}, port: 6514}
	k.refused(0, []byte("<34>free text"), ErrNotMine) // only on its own port
}
