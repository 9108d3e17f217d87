package boundary

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Test says in one line what a condition is tested by, as documents write it: the
// form that a machine reads, beside the sentence that people signed.
func (c *Condition) Test() string {
	if c.Attest != nil {
		return "attest " + asWritten(reflect.ValueOf(c.Attest))
	}
	words := "require: " + c.Require
	if c.Require == "" {
		words = "check: " + c.Check
	}
	for _, part := range []struct {
		name string
		of   any
	}{{"with", c.With}, {"scope", c.Scope}, {"window", c.Window}, {"staleAfter", c.StaleAfter}, {"maxLoss", c.MaxLoss}} {
		if s := asWritten(reflect.ValueOf(part.of)); s != "" {
			words += "; " + part.name + ": " + s
		}
	}
	return words
}

// asWritten is a value as documents write it, empty where there is none.
func asWritten(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case Ref:
		return x.Name
	case Prefix:
		return x.Prefix.String()
	case Period:
		if x.Duration == 0 {
			return ""
		}
		return x.String()
	case Percent:
		if x.Line == 0 {
			return ""
		}
		return strconv.FormatFloat(100*x.Share, 'g', -1, 64) + "%"
	case Bytes:
		if x.Count == 0 {
			return ""
		}
		return strconv.FormatUint(x.Count, 10) + "B"
	case Level:
		return strconv.FormatFloat(float64(x.Tenths)/10, 'g', -1, 64)
	case Clock:
		if !x.Set {
			return ""
		}
		return fmt.Sprintf("%02d:%02d", x.Minute/60, x.Minute%60)
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return asWritten(v.Elem())
	case reflect.Slice:
		var all []string
		for i := range v.Len() {
			all = append(all, asWritten(v.Index(i)))
		}
		if len(all) == 0 {
			return ""
		}
		return "[" + strings.Join(all, ", ") + "]"
	case reflect.Struct:
		return writtenKeys(v)
	}
	if v.IsZero() && v.Kind() != reflect.String {
		return ""
	}
	return fmt.Sprint(v.Interface())
}

func writtenKeys(v reflect.Value) string {
	var all []string
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("doc"), ",")
		if name == "" {
			continue
		}
		if s := asWritten(v.Field(i)); s != "" {
			all = append(all, name+": "+s)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return "{" + strings.Join(all, ", ") + "}"
}
