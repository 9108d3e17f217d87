package dissect

import (
	"encoding/binary"
	"testing"
)

func lsv2Say(command, data string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), command+data...)
}

func TestLSV2(t *testing.T) {
	k := &talk{t: t, d: &lsv2{}, port: 19000, stream: true}
	expectTold(t, k.say(0, lsv2Say("A_LG", "INSPECT\x00")), `client authenticate=1 lsv2.login="INSPECT"(lsv2.a_lg,content)`)
	expectTold(t, k.say(1, lsv2Say("T_OK", "")), "")
	expectTold(t, k.say(0, lsv2Say("R_VR", "\x01")), "client diagnose=1")
	expectTold(t, k.say(1, lsv2Say("S_VR", "TNC640\x00")), `server vendor="HEIDENHAIN"(lsv2.s_vr,behaviour) product="TNC640"(lsv2.s_vr.control,identity)`)
	expectTold(t, k.say(0, lsv2Say("R_VR", "\x02")), "client diagnose=1")
	expectTold(t, k.say(1, lsv2Say("S_VR", "340590 10 SP1\x00")), `server firmware="340590 10 SP1"(lsv2.s_vr.nc_version,identity)`)
	expectTold(t, k.say(0, lsv2Say("R_VR", "")), "client diagnose=1")
	expectTold(t, k.say(1, lsv2Say("S_VR", "TNC320\x00771855 18 SP1\x00Basic V18-00\x00No version given\x00000000010000001\x00")),
		`server vendor="HEIDENHAIN"(lsv2.s_vr,behaviour) product="TNC320"(lsv2.s_vr.control,identity)`+
			` firmware="771855 18 SP1"(lsv2.s_vr.nc_version,identity) lsv2.plc_version="Basic V18-00"(lsv2.s_vr.plc_version,identity)`)
	for command, want := range map[string]string{
		"R_RI": "read=1", "R_MB": "read=1", "R_FL": "program=1", "C_FL": "program=1", "C_FD": "transfer=1", "R_DR": "transfer=1",
		"C_MC": "configure=1", "C_MB": "write=1", "C_EK": "control=1", "C_CC": "control=1", "R_ST": "diagnose=1",
	} {
		expectTold(t, k.say(0, lsv2Say(command, "x")), "client "+want)
	}
	expectTold(t, k.say(0, lsv2Say("S_FL", "0 BEGIN PGM 1 MM")), "")
	expectTold(t, k.say(0, lsv2Say("T_FD", "")), "")
	expectTold(t, k.say(1, lsv2Say("M_CC", "\x00\x1b\x00\x64")), "server")
	expectTold(t, k.say(0, lsv2Say("A_LO", "")), "client")
	k.refused(0, lsv2Say("X_YZ", ""), ErrMalformed)
}

func TestLSV2IsNotLSV2(t *testing.T) {
	for name, b := range map[string]string{
		"length": "\x00\x02\x00\x00R_VR", "underscore": "\x00\x00\x00\x00R-VR", "letter": "\x00\x00\x00\x00B_LG", "command": "\x00\x00\x00\x00R_XX", "half a command": "\x00\x00\x00\x00R_X", "text": "R_VR",
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &lsv2{}, stream: true}).refused(0, []byte(b), ErrNotMine) })
	}
	if at := (&lsv2{}).Resync(append([]byte("x\x00\x00"), lsv2Say("T_ER", "\x00\x15")...)); at != 3 {
		t.Errorf("next telegram at %d", at)
	}
}

func TestLSV2Sample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 40001), madeAddr(2, 19000)
	r.open(a, b)
	for _, x := range [][2][]byte{
		{lsv2Say("A_LG", "INSPECT\x00"), lsv2Say("T_OK", "")},
		{lsv2Say("R_VR", "\x01"), lsv2Say("S_VR", "TNC640\x00")},
		{lsv2Say("R_VR", "\x02"), lsv2Say("S_VR", "340590 10 SP1\x00")},
		{lsv2Say("R_VR", "\x03"), lsv2Say("S_VR", "BASIS 46\x00")},
		{lsv2Say("R_VR", ""), lsv2Say("S_VR", "TNC640\x00340590 10 SP1\x00BASIS 46\x0000000000010000001\x00")},
		{lsv2Say("A_LG", "FILE\x00"), lsv2Say("T_OK", "")},
		{lsv2Say("C_FL", "TNC:\\1.H\x00\x01"), lsv2Say("T_OK", "")},
		{lsv2Say("S_FL", "0 BEGIN PGM 1 MM\r\n1 END PGM 1 MM\r\n"), lsv2Say("T_OK", "")},
		{lsv2Say("T_FD", ""), lsv2Say("T_OK", "")},
		{lsv2Say("R_RI", "\x00\x1a"), lsv2Say("S_RI", "\x00\x07")},
		{lsv2Say("A_LO", ""), lsv2Say("T_OK", "")},
	} {
		r.tcp(a, b, x[0])
		r.tcp(b, a, x[1])
	}
	made(t, "lsv2", "control", r)
}

func FuzzLSV2(f *testing.F) { fuzzDissector(f, "lsv2", true) }
