package boundary

import "slices"

// Window is a time in which something is allowed or explained.
type Window struct {
	Meta
	Type            string `doc:"type,need" oneof:"vendor-session maintenance outage change emergency"`
	Interconnection Ref    `doc:"interconnection"`
	Boundaries      []Ref  `doc:"boundaries"`
	From            Date   `doc:"from,need"`
	Until           Date   `doc:"until,need"`
	RequestedBy     string `doc:"requestedBy"`
	ApprovedBy      string `doc:"approvedBy"`
	Ticket          string `doc:"ticket"`
	Reviewed        Date   `doc:"reviewed"` // of an emergency
}

// opening are the types that open an agreement which is active per window. A
// change ticket and an outage explain what is seen and authorize nothing.
var opening = []string{"vendor-session", "maintenance", "emergency"}

// Opens reports whether w can open its interconnection.
func (w *Window) Opens() bool {
	return w.Interconnection.Name != "" && slices.Contains(opening, w.Type)
}

func (w *Window) check(d *decoder) {
	if !w.From.Time.IsZero() && !w.Until.Time.IsZero() && !w.From.Time.Before(w.Until.End()) {
		d.problem(w.Until.At, "window "+w.Name+" ends before it begins", "swap or correct from and until")
	}
	switch {
	case w.Interconnection.Name == "" && len(w.Boundaries) == 0:
		d.problem(w.At, "window "+w.Name+" is for nothing", "name the interconnection that it opens, or the boundaries where it explains what is seen")
	case w.Type == "vendor-session" && w.Interconnection.Name == "":
		d.problem(w.At, "vendor session "+w.Name+" names no interconnection", "add interconnection: with the agreement that it opens")
	case w.Opens() && w.ApprovedBy == "":
		d.problem(w.At, "window "+w.Name+" has no approvedBy", "name who approved it: a window that nobody approved opens nothing")
	}
	if w.Reviewed.Line != 0 && w.Type != "emergency" {
		d.problem(w.Reviewed.At, "reviewed belongs to an emergency", "take it out")
	}
}
