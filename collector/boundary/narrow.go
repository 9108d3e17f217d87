package boundary

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Widening says why a changed document could make a verdict better, or the
// state of a condition, cover or placement, now or on what is yet to be seen;
// empty when it only narrows what it allowed. What cannot be told widens: a
// document that is new, and every change that no line of narrowing names.
func Widening(c Change, before, after *Documents) string {
	was, is := before.find(c.Kind, c.Name), after.find(c.Kind, c.Name)
	switch {
	case c.Change == "same":
		return ""
	case c.Change == "removed" && slices.Contains([]string{"Interconnection", "SharedService", "Window"}, c.Kind):
		if c.Kind == "Interconnection" && before.asksForAgreements() {
			return "an agreement that is gone cannot break the condition that agreements be in force"
		}
		return ""
	case c.Change == "removed":
		return "a " + c.Kind + " that is gone may leave less to judge by"
	case c.Change == "new":
		return "a new " + c.Kind + " may cover, place or explain what it did not before"
	}
	w := widener{rules: narrowing[c.Kind]}
	w.compare("", reflect.ValueOf(was).Elem(), reflect.ValueOf(is).Elem())
	if len(w.wider) == 0 {
		return ""
	}
	return strings.Join(w.wider, ", ") + ": more may be allowed than before, or it cannot be told"
}

// find is a pointer to a document's type; nil when there is none.
func (d *Documents) find(kind, name string) any {
	list := reflect.ValueOf(d).Elem().FieldByName(map[string]string{
		"Site": "Sites", "Boundary": "Boundaries", "Interconnection": "Interconnections", "ServiceSet": "ServiceSets", "SharedService": "SharedServices",
		"Group": "Groups", "Window": "Windows", "Inventory": "Inventories", "Authorization": "Authorizations",
	}[kind])
	if !list.IsValid() {
		return nil
	}
	for i := range list.Len() {
		if list.Index(i).Elem().FieldByName("Meta").Interface().(Meta).Name == name { //nolint:forcetypeassert // of every document
			return list.Index(i).Interface()
		}
	}
	return nil
}

func (d *Documents) asksForAgreements() bool {
	return slices.ContainsFunc(d.Authorizations, func(a *Authorization) bool {
		return slices.ContainsFunc(a.Conditions, func(c Condition) bool { return c.Check == "agreement-in-force" })
	})
}

// narrower reports whether the second value allows no more than the first.
type narrower func(was, is reflect.Value) bool

// narrowing names, for each kind of document, the keys that may change at once
// and how. Lists of mappings of equal length are compared entry by entry. Every
// line must hold for all traffic and all times: a value that is left out may
// mean everything.
var narrowing = map[string]map[string]narrower{
	"Site":     {"title": anything},
	"Boundary": {"title": anything, "parties": anything, "securityPlan": anything, "internalDefault": to("deny", "", "allow"), "review.state": to("enforced", "survey"), "review.until": sooner},
	"Interconnection": {
		"purpose": anything, "owner": anything, "agreement.reference": anything,
		"initiator": into("from", "to"), "from.cidrs": fewer, "to.cidrs": fewer,
		"services": fewer, "services.ports": fewer, "services.operations": bounded, "services.dynamic": to("false", "true"),
		"schedule": given, "activation": to("per-window", "", "standing"), "openers": bounded, "maxLength": shorter,
		"agreement.expires": sooner, "sides.expires": sooner, "sides.approval": from("approved"),
	},
	"Group":      {"connectWindow": given},
	"ServiceSet": {"services": fewer, "services.ports": fewer, "services.operations": bounded},
	"SharedService": {
		"purpose": anything, "owner": anything, "agreement.reference": anything,
		"consumers": fewer, "provider.addresses": fewer, "services": fewer, "services.ports": fewer, "services.operations": bounded,
		"agreement.expires": sooner, "sides.expires": sooner, "sides.approval": from("approved"),
	},
	"Window":    {"until": sooner, "ticket": anything, "requestedBy": anything},
	"Inventory": {"source": anything}, // a row that is gone takes its finding of what was never seen with it
	"Authorization": {
		"expires": sooner, "conditions": more, "reviewTriggers": more, "review.every": shorter, "residualRisks": gone,
		"documents": anything, "framework": anything, "rmfStep": anything, "reason": anything,
	},
}

// widener compares two versions of a document.
type widener struct {
	rules map[string]narrower
	wider []string // keys that may allow more
}

func (w *widener) compare(key string, was, is reflect.Value) {
	if bare(was) == bare(is) {
		return
	}
	if rule := w.rules[key]; rule != nil && rule(was, is) {
		return
	}
	switch was.Kind() {
	case reflect.Pointer:
		if !was.IsNil() && !is.IsNil() {
			w.compare(key, was.Elem(), is.Elem())
			return
		}
	case reflect.Slice:
		if was.Len() == is.Len() && was.Type().Elem().Kind() == reflect.Struct && hasKeys(was.Type().Elem()) {
			for i := range was.Len() {
				w.keys(key, was.Index(i), is.Index(i))
			}
			return
		}
	case reflect.Struct:
		if hasKeys(was.Type()) {
			w.keys(key, was, is)
			return
		}
	}
	if !slices.Contains(w.wider, key) {
		w.wider = append(w.wider, key)
	}
}

// keys compares what stands under each key of a mapping.
func (w *widener) keys(key string, was, is reflect.Value) {
	for f := range fields(was.Type()) {
		name, _ := f.name()
		w.compare(strings.TrimPrefix(key+"."+name, "."), was.FieldByIndex(f.Index), is.FieldByIndex(f.Index))
	}
}

func hasKeys(t reflect.Type) bool {
	for range fields(t) {
		return true
	}
	return false
}

// bare writes a value without the places where it stands in a file.
func bare(v reflect.Value) string {
	if !v.IsValid() {
		return "-"
	}
	switch x := v.Interface().(type) {
	case At, Meta:
		return ""
	case time.Time:
		return x.UTC().Format(time.RFC3339Nano)
	case *time.Location:
		return x.String()
	case netip.Prefix:
		return x.String()
	case netip.Addr:
		return x.String()
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return "-"
		}
		return bare(v.Elem())
	case reflect.Slice:
		return "[" + strings.Join(entries(v), ",") + "]"
	case reflect.Struct:
		var b strings.Builder
		for f, x := range v.Fields() {
			if f.IsExported() {
				fmt.Fprintf(&b, "{%s %s}", f.Name, bare(x))
			}
		}
		return b.String()
	}
	return fmt.Sprintf("%q", fmt.Sprint(v.Interface()))
}

// entries are those of a list, each as bare writes it.
func entries(list reflect.Value) []string {
	if list.Kind() == reflect.Struct { // Ports
		list = list.FieldByName("Ranges")
	}
	all := make([]string, list.Len())
	for i := range list.Len() {
		all[i] = bare(list.Index(i))
	}
	return all
}

func anything(_, _ reflect.Value) bool { return true }

// fewer: some of a list, and not none, which may mean everything.
func fewer(was, is reflect.Value) bool { return len(entries(is)) > 0 && gone(was, is) }

// gone: some of a list, or none.
func gone(was, is reflect.Value) bool { return subset(entries(is), entries(was)) }

// more: everything that was, and more.
func more(was, is reflect.Value) bool { return subset(entries(was), entries(is)) }

// bounded: a list in place of everything, or fewer.
func bounded(was, is reflect.Value) bool {
	return len(entries(is)) > 0 && (len(entries(was)) == 0 || gone(was, is))
}

func subset(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// given: a mapping that was not there.
func given(was, is reflect.Value) bool { return was.IsNil() && !is.IsNil() }

// sooner: an end that was not there, or an earlier one.
func sooner(was, is reflect.Value) bool {
	a, b := was.Interface().(Date), is.Interface().(Date) //nolint:forcetypeassert // see narrowing
	return !b.Time.IsZero() && (a.Time.IsZero() || !b.End().After(a.End()))
}

// shorter: a bound that was not there, or a tighter one.
func shorter(was, is reflect.Value) bool {
	a, b := was.Interface().(Period).Duration, is.Interface().(Period).Duration //nolint:forcetypeassert // see narrowing
	return b > 0 && (a == 0 || b <= a)
}

// to: one value, out of others.
func to(value string, out ...string) narrower {
	return func(was, is reflect.Value) bool {
		return fmt.Sprint(is.Interface()) == value && slices.Contains(out, fmt.Sprint(was.Interface()))
	}
}

// into: one of values in place of all of them.
func into(values ...string) narrower {
	return func(was, is reflect.Value) bool {
		return slices.Contains(values, is.String()) && (was.String() == "" || was.String() == "either")
	}
}

// from: anything else than the one value that counts.
func from(value string) narrower {
	return func(was, is reflect.Value) bool { return was.String() == value }
}
