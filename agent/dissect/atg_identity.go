package dissect

import (
	"bytes"

	"demarc/internal/ot"
)

// answer tells what a gauge says of itself: the station's header in reports
// for people, software in answers to function 902.
func (d *atg) answer(x *atgMessage, out Out) {
	switch {
	case x.code == nil:
	case bytes.EqualFold(x.code[:4], []byte("I902")):
		d.software(x.body, out)
	case bytes.HasPrefix(x.code, []byte("I20")):
		d.station(x.body, out)
	}
}

// software reads "VERSION 131.01", "SOFTWARE# 346330-100-B".
func (d *atg) software(b []byte, out Out) {
	if v := atgWord(b, []byte("VERSION ")); len(v) > 0 {
		out.Fact(Sender, ot.FirmwareRev, v, "atg.i902.version", ot.Identity)
	}
	if v := atgWord(b, []byte("SOFTWARE# ")); len(v) > 0 {
		v, _, _ = bytes.Cut(v, []byte("CREATED")) // for a computer nothing is between them
		out.Fact(Sender, atgSoftware, v, "atg.i902.software_number", ot.Identity)
	}
}

// atgWord is the word behind a label, at most 32 octets.
func atgWord(b, label []byte) []byte {
	_, after, found := bytes.Cut(b, label)
	if !found {
		return nil
	}
	if i := bytes.IndexAny(after, " \r\n&"); i >= 0 {
		after = after[:i]
	}
	if len(after) > 32 || !printable(after) {
		return nil
	}
	return after
}

// station reads the header of a report: the time, then up to four lines that
// name the site, then the report's title.
func (d *atg) station(b []byte, out Out) {
	lines := 0
	for range 8 {
		line, after, more := bytes.Cut(b, []byte("\n"))
		b = after
		if line = trim(line); len(line) > 0 {
			lines++
		}
		if lines == 2 && len(line) > 0 {
			if !bytes.HasPrefix(line, []byte("IN-TANK")) && len(line) <= 40 && printable(line) {
				out.Fact(Sender, ot.Name, line, "atg.report.station", ot.Identity)
			}
			return
		}
		if !more {
			return
		}
	}
}
