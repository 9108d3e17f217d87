package quarter

import (
	"unique"

	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// Record is l as a collector saves it: its runs, and until when nothing is kept.
func (l *Line) Record() (runs []*demarcv1.QuarterRun, dropped int64) {
	for i := range l.runs {
		r := &l.runs[i]
		x := &demarcv1.QuarterRun{
			FirstNs: r.First, LastNs: r.Last, Classes: uint32(r.Classes), Outcome: uint32(r.Outcome), Opener: uint32(r.Opener),
			Security: uint32(r.Security), Tls: r.TLS.Value(), Folded: r.Folded, Payload: r.Payload.record(),
		}
		for _, a := range [...]Amount{r.Bytes[0], r.Bytes[1], r.Sessions} {
			x.Amounts = append(x.Amounts, a.Total, a.Most)
		}
		for _, o := range r.Operations {
			x.Amounts = append(x.Amounts, o.Total, o.Most)
		}
		runs = append(runs, x)
	}
	return runs, l.dropped
}

// record is p as it is saved: zero is what was saved before payload was counted.
func (p Payload) record() uint32 { return uint32(p ^ Uncounted) }

func payloadOf(record uint32) Payload { return Payload(record) ^ Uncounted }

// Restore is the Line of a Record. What is not well formed is left out.
func Restore(runs []*demarcv1.QuarterRun, dropped int64) *Line {
	l := &Line{dropped: dropped}
	for _, x := range runs {
		if r, ok := runOf(x); ok && (len(l.runs) == 0 || l.runs[len(l.runs)-1].end() <= r.end()) && len(l.runs) < maxRuns {
			l.runs = append(l.runs, r)
		}
	}
	return l
}

func runOf(x *demarcv1.QuarterRun) (Run, bool) {
	r := Run{
		First: x.GetFirstNs(), Last: x.GetLastNs(), Folded: x.GetFolded(),
		State: State{TLS: None, Outcome: ot.Outcome(x.GetOutcome()), Opener: Opener(x.GetOpener()), Security: ot.SecurityMode(x.GetSecurity()), Payload: payloadOf(x.GetPayload())},
	}
	if x.GetTls() != "" {
		r.TLS = unique.Make(x.GetTls())
	}
	a := x.GetAmounts()
	if r.begin() <= 0 || r.Last < r.First || x.GetClasses()>>ot.NumOperations != 0 || x.GetOpener() > uint32(Server) || x.GetOutcome() > 255 || x.GetSecurity() > 255 || x.GetPayload() > 7 || len(a)%2 != 0 || len(a) < 6 {
		return r, false
	}
	next := func() (n Amount) {
		n, a = Amount{a[0], a[1]}, a[2:]
		return n
	}
	r.Bytes[0], r.Bytes[1], r.Sessions = next(), next(), next()
	for o := range ot.Operation(ot.NumOperations) {
		if ot.Classes(x.GetClasses()).Has(o) {
			if len(a) == 0 {
				return r, false
			}
			*r.operation(o) = next()
		}
	}
	return r, len(a) == 0
}
