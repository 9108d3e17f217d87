package boundary

import (
	"reflect"
	"slices"
)

// Resigned warns of authorizations that say something else than before, while
// the papers behind them are those that were signed before: it is a new
// revision of the record, and nobody has signed it.
func (d *Documents) Resigned(before *Documents) Problems {
	if before == nil {
		return nil
	}
	was := byName(before.Authorizations)
	var all Problems
	for _, a := range d.Authorizations {
		old := was[a.Name]
		if old == nil || old.digest == a.digest || !slices.ContainsFunc(a.Documents, Artefact.signed) || bare(reflect.ValueOf(a.Documents)) != bare(reflect.ValueOf(old.Documents)) {
			continue
		}
		all = append(all, a.problem(a.Name+" is not what was signed: it changes, and its papers stay the same", "add the paper that says so under documents: of "+a.Name))
	}
	return all
}

func (a Artefact) signed() bool { return a.Signer != "" || !a.Signed.Time.IsZero() }
