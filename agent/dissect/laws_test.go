package dissect

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
)

// TestLaws holds every message of every sample to the laws of Dissector: it
// uses what is there; a strict prefix of a stream message is ErrShort, or is
// told and used as the whole; a message that was asked about, in part or on
// trial, is told afterwards as if it had not been.
func TestLaws(t *testing.T) {
	for _, p := range Protocols() {
		for _, file := range samples(t, p) {
			t.Run(p.Name+"/"+filepath.Base(file), func(t *testing.T) {
				j := &judge{t: t, seen: map[string]bool{}}
				learn(load(t, file), traced(Protocols(), j.watch), nil)
				if j.messages == 0 {
					t.Error("no message was read")
				}
			})
		}
	}
}

// judge watches the dissectors of one sample.
type judge struct {
	t        *testing.T
	messages int
	seen     map[string]bool
}

// fault tells each kind of fault of a protocol once.
func (j *judge) fault(p *Protocol, format string, args ...any) {
	if k := p.Name + format; !j.seen[k] {
		j.seen[k] = true
		j.t.Errorf(p.Name+": "+format, args...)
	}
}

// answer is what a dissector made of a message.
type answer struct {
	used int
	err  error
	told string
}

func answerOf(d Dissector, m Message) answer {
	var l log
	used, err := d.Dissect(&m, &l)
	return answer{used, err, everything(&l)}
}

func (j *judge) watch(p *Protocol, d Dissector, m *Message, l *log) (int, error) {
	before := clone(d)
	l.settled = false // the engine knows who is who: let it be told all the same
	used, err := d.Dissect(m, l)
	whole := answer{used, err, everything(l)}
	switch {
	case err == nil && used <= 0:
		j.fault(p, "used %d of %d octets", used, len(m.Data))
	case err == nil, errors.Is(err, ErrShort), errors.Is(err, ErrNotMine), errors.Is(err, ErrMalformed), errors.Is(err, ErrDone):
	default:
		j.fault(p, "an error of its own: %v", err)
	}
	if err == nil || errors.Is(err, ErrDone) {
		j.messages++
	}
	if err == nil && m.Stream && !m.Trial {
		j.trial(p, before, m, whole)
		if !m.Cut {
			j.prefixes(p, before, m, whole)
		}
	}
	return used, err
}

// trial asks only whether a message can be read.
func (j *judge) trial(p *Protocol, before Dissector, m *Message, whole answer) {
	trial := *m
	trial.Trial = true
	d := clone(before)
	answerOf(d, trial)
	if got := answerOf(d, *m); got != whole {
		j.fault(p, "after a trial of %x: %+v, not %+v", m.Data, got, whole)
	}
}

// prefixes cuts a message everywhere, or in many places when it is long.
func (j *judge) prefixes(p *Protocol, before Dissector, m *Message, whole answer) {
	for n := 1; n < min(whole.used, len(m.Data)); n += 1 + n/32 {
		part := *m
		part.Data = m.Data[:n:n]
		d := clone(before)
		switch got := answerOf(d, part); {
		case got == whole:
		case got.err == nil && got.used == n && got.told == "" && whole.told == "": // a body that is passed over as it comes
		case errors.Is(got.err, ErrShort):
			if after := answerOf(d, *m); after != whole {
				j.fault(p, "after %d octets of %x: %+v, not %+v", n, m.Data[:min(whole.used, len(m.Data))], after, whole)
			}
		default:
			j.fault(p, "%d octets of %x: %+v", n, m.Data[:min(whole.used, len(m.Data))], got)
		}
	}
}

// everything is the text of all that was told.
func everything(l *log) string {
	s := ""
	all := l.all()
	for i := range all {
		switch e := &all[i]; e.kind {
		case toldFact:
			s += fmt.Sprintf("fact %v %s %q %s %s; ", e.subject, e.attribute, e.value, e.text, e.grade)
		case toldOperation:
			s += fmt.Sprintf("%s=%d; ", e.operation, e.n)
		case toldSender:
			s += fmt.Sprintf("sender %d; ", e.role)
		case toldSecurity:
			s += fmt.Sprintf("security %v; ", e.security)
		case toldPayload:
			s += fmt.Sprintf("payload %d %x; ", e.tag, e.value)
		case toldSwitch:
			s += "switch " + e.text + "; "
		case toldExpect:
			s += fmt.Sprintf("expect %v %v %s %d; ", e.a, e.b, e.text, e.tag)
		}
	}
	return s
}
