package dissect

import (
	"reflect"
	"strings"
	"unsafe"
)

// clone copies a dissector with all that it keeps, so that one state can be
// shown several messages.
func clone(d Dissector) Dissector {
	v := reflect.ValueOf(d)
	if v.Kind() != reflect.Pointer {
		return d
	}
	n := reflect.New(v.Elem().Type())
	deepCopy(n.Elem(), v.Elem())
	return n.Interface().(Dissector)
}

func deepCopy(to, from reflect.Value) {
	switch t := from.Type(); {
	case from.Kind() == reflect.Struct && !strings.HasPrefix(t.PkgPath(), "demarc/"):
		to.Set(from) // of the standard library: no pointer in it is ours
	case from.Kind() == reflect.Struct:
		for i := range t.NumField() {
			deepCopy(settable(to.Field(i)), settable(from.Field(i)))
		}
	case from.Kind() == reflect.Array && !plain(t.Elem().Kind()):
		for i := range from.Len() {
			deepCopy(to.Index(i), from.Index(i))
		}
	case from.Kind() == reflect.Slice && !from.IsNil():
		to.Set(reflect.MakeSlice(t, from.Len(), from.Cap()))
		if plain(t.Elem().Kind()) {
			reflect.Copy(to, from)
			return
		}
		for i := range from.Len() {
			deepCopy(to.Index(i), from.Index(i))
		}
	case from.Kind() == reflect.Pointer && !from.IsNil():
		to.Set(reflect.New(t.Elem()))
		deepCopy(to.Elem(), from.Elem())
	case from.Kind() == reflect.Map && !from.IsNil():
		to.Set(reflect.MakeMap(t))
		for i := from.MapRange(); i.Next(); {
			value, old := reflect.New(t.Elem()).Elem(), reflect.New(t.Elem()).Elem()
			old.Set(i.Value())
			deepCopy(value, old)
			to.SetMapIndex(i.Key(), value)
		}
	default:
		to.Set(from)
	}
}

func plain(k reflect.Kind) bool {
	return k >= reflect.Bool && k <= reflect.Complex128 || k == reflect.String
}

// settable lifts the protection of an unexported field.
func settable(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
}
