package boundary

import (
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// A decoder fills the document types from YAML. The struct tags are the whole
// schema: `doc:"key"` names a key, `doc:"key,need"` one that must be there, and
// `oneof:"a b"` the only values allowed. It tells every problem and goes on.
type decoder struct {
	file     string
	line     int // lines of the file before the document
	problems Problems
	warnings Problems
}

// scalar is a value that reads itself from one piece of text; cure says what
// would be right and is empty only where what is.
type scalar interface {
	parse(text string) (what, cure string)
}

// custom is a value that has more than one form.
type custom interface {
	decode(d *decoder, n ast.Node, key string)
}

type positioned interface{ setAt(At) }

func (d *decoder) at(n ast.Node) At {
	for {
		switch v := n.(type) {
		case *ast.MappingNode:
			if !v.IsFlowStyle && len(v.Values) > 0 {
				n = v.Values[0].Key
				continue
			}
		case *ast.MappingValueNode:
			n = v.Key
			continue
		}
		break
	}
	tk := n.GetToken()
	if tk == nil || tk.Position == nil {
		return At{d.file, d.line + 1, 1}
	}
	return At{d.file, d.line + max(1, tk.Position.Line), max(1, tk.Position.Column)}
}

func (d *decoder) problem(at At, what, cure string) {
	d.problems = append(d.problems, at.problem(what, cure))
}

func (d *decoder) warn(at At, what, cure string) {
	d.warnings = append(d.warnings, at.problem(what, cure))
}

// value fills v from n, which stands under key.
func (d *decoder) value(n ast.Node, v reflect.Value, key, oneof string) {
	if p, ok := reflect.TypeAssert[positioned](v.Addr()); ok {
		p.setAt(d.at(n))
	}
	switch p := v.Addr().Interface().(type) {
	case custom:
		p.decode(d, n, key)
		return
	case scalar:
		if text, ok := d.text(n, key); ok {
			if what, cure := p.parse(text); what != "" {
				d.problem(d.at(n), key+": "+what, cure)
			}
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), key, oneof)
	case reflect.Struct:
		d.mapping(n, v, key)
	case reflect.Slice:
		d.list(n, v, key, oneof)
	case reflect.String:
		if text, ok := d.text(n, key); ok {
			d.word(n, v, key, text, oneof)
		}
	case reflect.Bool:
		text, ok := d.text(n, key)
		if ok && text != "true" && text != "false" {
			d.problem(d.at(n), key+": "+quote(text)+" is neither true nor false", "write true or false")
		}
		v.SetBool(text == "true")
	case reflect.Int:
		text, ok := d.text(n, key)
		i, err := strconv.Atoi(text)
		if ok && err != nil {
			d.problem(d.at(n), key+": "+quote(text)+" is not a whole number", "write digits only")
		}
		v.SetInt(int64(i))
	default:
		panic("boundary: no way to read a " + v.Type().String()) // a fault in the document types, met by every test
	}
}

func (d *decoder) word(n ast.Node, v reflect.Value, key, text, oneof string) {
	v.SetString(text)
	if oneof == "" {
		return
	}
	allowed, ok := vocabularies[oneof]
	if !ok {
		allowed = strings.Fields(oneof)
	}
	if !slices.Contains(allowed, text) {
		cure := "write one of " + strings.Join(allowed, ", ")
		if best := nearest(text, allowed); best != "" {
			cure = "did you mean " + best + "? Allowed are " + strings.Join(allowed, ", ")
		}
		d.problem(d.at(n), key+": "+quote(text)+" is not allowed", cure)
	}
}

// text is the text of a scalar as it was written, quotes taken off.
func (d *decoder) text(n ast.Node, key string) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		if v.Value != "" {
			return v.Value, true
		}
	case *ast.LiteralNode:
		if text := strings.TrimSpace(v.Value.Value); text != "" {
			return text, true
		}
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	case *ast.NullNode:
	default:
		d.problem(d.at(n), key+" is "+form(n), "write one value")
		return "", false
	}
	d.problem(d.at(n), key+" is empty", "write a value or take the key out")
	return "", false
}

func form(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping of keys"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "empty"
	}
	return "one value"
}

func (d *decoder) list(n ast.Node, v reflect.Value, key, oneof string) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.problem(d.at(n), key+" is "+form(n)+" where a list belongs", "write "+key+": [...]")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values)))
	for i, one := range seq.Values {
		d.value(one, v.Index(i), key, oneof)
	}
}

// pairs lists the keys of a mapping in order and tells those that stand twice.
func (d *decoder) pairs(n ast.Node, key string) ([]*ast.MappingValueNode, bool) {
	var values []*ast.MappingValueNode
	switch v := n.(type) {
	case *ast.MappingNode:
		values = v.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{v}
	default:
		d.problem(d.at(n), key+" is "+form(n)+" where a mapping of keys belongs", "write the keys that it has, each on a line of its own")
		return nil, false
	}
	first := make(map[string]At, len(values))
	var once []*ast.MappingValueNode
	for _, p := range values {
		name := keyName(p)
		if at, twice := first[name]; twice {
			d.problem(d.at(p), fmt.Sprintf("key %s stands twice, first in line %d", quote(name), at.Line), "keep one")
			continue
		}
		first[name] = d.at(p)
		once = append(once, p)
	}
	return once, true
}

func keyName(p *ast.MappingValueNode) string {
	if s, ok := p.Key.(*ast.StringNode); ok {
		return s.Value
	}
	return p.Key.GetToken().Value
}

func (d *decoder) mapping(n ast.Node, v reflect.Value, key string) {
	pairs, ok := d.pairs(n, key)
	if !ok {
		return
	}
	seen := make(map[string]bool, len(pairs))
	for _, p := range pairs {
		name := keyName(p)
		seen[name] = true
		f, ok := fieldOf(v.Type(), name)
		if !ok {
			d.problem(d.at(p), key+" has no key "+quote(name), unknown(name, keysOf(v.Type())))
			continue
		}
		d.value(p.Value, v.FieldByIndex(f.Index), name, f.Tag.Get("oneof"))
	}
	for f := range fields(v.Type()) {
		if name, need := f.name(); need && !seen[name] {
			d.problem(d.at(n), key+" has no "+name, "add "+name+": ...")
		}
	}
}

type field reflect.StructField

func (f field) name() (name string, need bool) {
	name, rest, _ := strings.Cut(f.Tag.Get("doc"), ",")
	return name, rest == "need"
}

// fields ranges over the fields of a document type that have a key.
func fields(t reflect.Type) iter.Seq[field] {
	known, ok := fieldsOf.Load(t)
	if !ok {
		var list []field
		for _, f := range reflect.VisibleFields(t) {
			if f.Tag.Get("doc") != "" {
				list = append(list, field(f))
			}
		}
		known, _ = fieldsOf.LoadOrStore(t, list)
	}
	return slices.Values(known.([]field))
}

// fieldsOf keeps the fields of each type: reflect.Type -> []field.
var fieldsOf sync.Map

func fieldOf(t reflect.Type, key string) (field, bool) {
	for f := range fields(t) {
		if name, _ := f.name(); name == key {
			return f, true
		}
	}
	return field{}, false
}

func keysOf(t reflect.Type) []string {
	var keys []string
	for f := range fields(t) {
		name, _ := f.name()
		keys = append(keys, name)
	}
	return keys
}

// inOrder tells an end that lies before its beginning; dates that are not given
// are in order with any.
func (d *decoder) inOrder(at At, first string, from Date, second string, until Date) {
	if from.Time.IsZero() || until.Time.IsZero() || !until.Time.Before(from.Time) {
		return
	}
	d.problem(at, fmt.Sprintf("%s (%s) lies before %s (%s)", second, until.Time.Format(time.DateOnly), first, from.Time.Format(time.DateOnly)), "swap or correct the dates")
}
