package dissect

import "testing"

const prpNode = "\x00\x00\x5e\x00\x53\x01"

func TestPRP(t *testing.T) {
	const padding = "\x00\x00\x00\x00\x00\x00\x00\x00"
	for name, c := range map[string][2]string{
		"discard": {"\x00\x01\x00\x09\x14\x06" + prpNode + "\x00\x00" + padding, `prp.mode="PRP, duplicates discarded"(prp.supervision.type,content)`},
		"accept":  {"\x00\x01\x00\x09\x15\x06" + prpNode + padding, `prp.mode="PRP, duplicates accepted"(prp.supervision.type,content)`},
		"HSR":     {"\x10\x01\x00\x09\x17\x06" + prpNode + "\x00\x00" + padding, `prp.mode="HSR"(prp.supervision.type,content)`},
		"PRP-0":   {"\x00\x00\x00\x09\x14\x0c" + prpNode + prpNode + padding, `prp.mode="PRP, duplicates discarded"(prp.supervision.type,content)`},
		"behind": {
			"\x00\x01\x00\x09\x14\x06" + prpNode + "\x1e\x06\x00\x00\x5e\x00\x53\x09\x00\x00" + padding,
			`prp.mode="PRP, duplicates discarded"(prp.supervision.type,content) prp.redbox="00:00:5e:00:53:09"(prp.supervision.redbox,content) prp.role="redbox"(prp.supervision.redbox,content)`,
		},
		"itself": {
			"\x00\x01\x00\x09\x14\x06" + prpNode + "\x1e\x06" + prpNode + "\x00\x00" + padding,
			`prp.mode="PRP, duplicates discarded"(prp.supervision.type,content) prp.role="redbox"(prp.supervision.redbox,content)`,
		},
	} {
		t.Run(name, func(t *testing.T) { expectTold(t, (&talk{t: t, d: &prp{}}).say(0, []byte(c[0])), c[1]) })
	}
	for name, b := range map[string]string{
		"version": "\x00\x02\x00\x09\x14\x06" + prpNode + padding,
		"type":    "\x00\x01\x00\x09\x18\x06" + prpNode + padding,
		"length":  "\x00\x01\x00\x09\x14\x07" + prpNode + padding,
		"group":   "\x00\x01\x00\x09\x14\x06\x01\x00\x5e\x00\x53\x01" + padding,
		"nobody":  "\x00\x01\x00\x09\x14\x06\x00\x00\x00\x00\x00\x00" + padding,
		"another": "\x00\x01\x00\x09\x14\x06" + prpNode + "\x05\x01a",
		"cut":     "\x00\x01\x00\x09\x14\x06\x00",
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &prp{}}).refused(0, []byte(b), ErrNotMine) })
	}
}

func TestPRPSample(t *testing.T) {
	r := newReel()
	group := []byte{1, 0x15, 0x4e, 0, 1, 0}
	r.ether(1, group, 0x88fb, []byte("\x00\x01\x00\x09\x14\x06"+prpNode+"\x00\x00"))
	r.ether(9, group, 0x88fb, []byte("\x00\x01\x00\x03\x14\x06\x00\x00\x5e\x00\x53\x05\x1e\x06\x00\x00\x5e\x00\x53\x09\x00\x00"))
	r.ether(7, group, 0x88fb, []byte("\x10\x01\x00\x04\x17\x06\x00\x00\x5e\x00\x53\x07\x00\x00"))
	made(t, "prp", "nodes", r)
}

func FuzzPRP(f *testing.F) { fuzzDissector(f, "prp", false) }
