package decode

import (
	"reflect"
	"testing"
)

// TestPlainSetsEveryField: whatever a packet held before, reading a frame into
// it gives the same.
func TestPlainSetsEveryField(t *testing.T) {
	plain := 0
	for name, f := range benchFrames(t) {
		var fresh, used Packet
		fill(reflect.ValueOf(&used).Elem())
		if Plain(f, &fresh) != Plain(f, &used) {
			t.Fatalf("%s: what the packet held before decides whether it is plain", name)
		}
		d := New(Options{})
		d.Decode(f, &fresh)
		plain += len(fresh.Payload)
		if d.Decode(f, &used); !reflect.DeepEqual(fresh, used) {
			t.Errorf("%s: %+v, want %+v", name, used, fresh)
		}
	}
	if plain == 0 {
		t.Error("no frame was read")
	}
}

// fill sets every exported field to something.
func fill(v reflect.Value) {
	for _, f := range v.Fields() {
		if f.CanSet() {
			set(f)
		}
	}
}

func set(f reflect.Value) {
	switch f.Kind() {
	case reflect.Bool:
		f.SetBool(true)
	case reflect.Int, reflect.Int64:
		f.SetInt(77)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		f.SetUint(77)
	case reflect.Array:
		for i := range f.Len() {
			set(f.Index(i))
		}
	case reflect.Slice:
		f.Set(reflect.MakeSlice(f.Type(), 3, 3))
	default: // an address: Plain sets it whole
	}
}

// TestPlainIsAsWalked: what Plain reads is what the walk from header to header
// reads.
func TestPlainIsAsWalked(t *testing.T) {
	seen := 0
	for name, f := range benchFrames(t) {
		var plain, walked Packet
		if !Plain(f, &plain) {
			continue
		}
		seen++
		walked = Packet{Time: f.Time, Interface: f.Interface, Length: f.Length, Frames: 1}
		if f.TPID != 0 {
			walked.tag(f.TCI)
		}
		New(Options{}).walk(f, &walked)
		walked.Identify()
		if !reflect.DeepEqual(plain, walked) {
			t.Errorf("%s: %+v, walked %+v", name, plain, walked)
		}
	}
	if seen < 4 {
		t.Errorf("%d plain frames, want TCP and UDP, with a tag in the frame and from the card", seen)
	}
}
