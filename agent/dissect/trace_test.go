package dissect

// traced wraps every protocol so that what its dissectors are asked and what
// they answer can be watched.
func traced(all []Protocol, watch func(p *Protocol, d Dissector, m *Message, l *log) (int, error)) []Protocol {
	out := make([]Protocol, len(all))
	for i := range all {
		p := all[i]
		out[i] = p
		out[i].New = func() Dissector {
			d := p.New()
			t := &tracer{p: &p, d: d, watch: watch}
			if r, ok := d.(Resyncer); ok {
				return &resyncing{t, r}
			}
			return t
		}
	}
	return out
}

type tracer struct {
	p     *Protocol
	d     Dissector
	watch func(p *Protocol, d Dissector, m *Message, l *log) (int, error)
}

func (t *tracer) Dissect(m *Message, out Out) (int, error) {
	return t.watch(t.p, t.d, m, out)
}

type resyncing struct {
	*tracer
	r Resyncer
}

func (r *resyncing) Resync(b []byte) int { return r.r.Resync(b) }
