package boundary

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"demarc/internal/ot"
)

type object = map[string]any

func written(pattern string) object { return object{"type": "string", "pattern": pattern} }

const namePattern = "^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$"

// forms is how values that read themselves are written.
var forms = map[reflect.Type]object{
	reflect.TypeFor[Ref]():           written(namePattern),
	reflect.TypeFor[Name]():          written(namePattern),
	reflect.TypeFor[ID]():            written("^[A-Za-z0-9._-]{1,63}$"),
	reflect.TypeFor[Prefix]():        written("^[0-9A-Fa-f:.]+/[0-9]{1,3}$"),
	reflect.TypeFor[Block]():         written("^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"),
	reflect.TypeFor[Address]():       written("^[0-9A-Fa-f:.]+$"),
	reflect.TypeFor[MAC]():           written("^([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$"),
	reflect.TypeFor[VLAN]():          {"type": "integer", "minimum": 1, "maximum": 4094},
	reflect.TypeFor[Date]():          written("^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2}))?$"),
	reflect.TypeFor[Period]():        written("^[0-9]+[smhd]$"),
	reflect.TypeFor[Use]():           written("^(continuous|on-demand|standby|every [0-9]+[smhd])$"),
	reflect.TypeFor[Clock]():         written("^([01][0-9]|2[0-4]):[0-5][0-9]$"),
	reflect.TypeFor[Level]():         {"enum": []any{0, 1, 2, 3, 3.5, 4, 5}},
	reflect.TypeFor[SecurityLevel](): {"type": "integer", "minimum": 0, "maximum": 4},
	reflect.TypeFor[AppID]():         {"anyOf": []any{object{"type": "integer", "minimum": 0, "maximum": 65535}, written("^0x[0-9A-Fa-f]{1,4}$")}},
	reflect.TypeFor[Ports]():         {"anyOf": []any{object{"const": "any"}, object{"type": "array", "minItems": 1, "items": port}}},
	reflect.TypeFor[Percent]():       written("^[0-9]+(\\.[0-9]+)?%$"),
	reflect.TypeFor[Bytes]():         written("^[0-9]+(B|kB|MB|GB|TB)$"),
	reflect.TypeFor[SHA256]():        written("^[0-9A-Fa-f]{64}$"),
	reflect.TypeFor[Zone]():          {"type": "string"},
	reflect.TypeFor[Protection](): {"anyOf": []any{
		object{"enum": []any{"none", "sign", "sign-and-encrypt"}},
		object{"type": "object", "required": []any{"tls"}, "additionalProperties": false, "properties": object{"tls": object{"enum": []any{"1.0", "1.1", "1.2", "1.3"}}}},
	}},
}

var port = object{"anyOf": []any{object{"type": "integer", "minimum": 1, "maximum": 65535}, written("^([0-9]{1,5}(-[0-9]{1,5})?|any)$")}}

// Schema is the JSON Schema of the documents, for editors, made from the types
// that Read fills. It holds less than Read checks: references, dates that fight
// each other, and rules of authority show only there.
func Schema() ([]byte, error) {
	definitions, choices := make(definitions), []any{}
	for _, k := range kinds {
		definitions.schemaOf(k.spec)
		spec := object{"properties": object{"spec": object{"$ref": "#/definitions/" + k.name}}}
		if k.name != "Site" {
			spec["required"] = []any{"spec"}
		}
		choices = append(choices, object{"if": object{"properties": object{"kind": object{"const": k.name}}}, "then": spec})
	}
	var names []any
	for _, k := range kinds {
		names = append(names, k.name)
	}
	out, err := json.MarshalIndent(object{
		"$schema": "http://json-schema.org/draft-07/schema#", "title": "Demarc boundary documents", "type": "object",
		"required": []any{"apiVersion", "kind", "metadata"}, "additionalProperties": false,
		"properties": object{
			"apiVersion": object{"const": "demarc/v1"},
			"kind":       object{"enum": names},
			"metadata":   object{"type": "object", "required": []any{"name"}, "additionalProperties": false, "properties": object{"name": written(namePattern)}},
			"spec":       object{"type": "object"},
		},
		"allOf": choices, "definitions": definitions,
	}, "", "  ")
	return append(out, '\n'), err
}

// definitions are the schemas of structs, by the names of their types.
type definitions object

// schemaOf is the schema of a document type or a part of one.
func (d definitions) schemaOf(t reflect.Type) object {
	if form, ok := forms[t]; ok {
		return form
	}
	switch t.Kind() {
	case reflect.Pointer:
		return d.schemaOf(t.Elem())
	case reflect.Slice:
		return object{"type": "array", "items": d.schemaOf(t.Elem())}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int:
		return object{"type": "integer"}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Struct:
		if t.Name() == "" {
			return d.structSchema(t)
		}
		if _, done := d[t.Name()]; !done {
			d[t.Name()] = object{} // it may hold itself
			d[t.Name()] = d.structSchema(t)
		}
		return object{"$ref": "#/definitions/" + t.Name()}
	}
	panic("boundary: no schema for a " + t.String()) // a fault in the document types, met by every test
}

func (d definitions) structSchema(t reflect.Type) object {
	properties, required := object{}, []any{}
	for f := range fields(t) {
		name, need := f.name()
		if need {
			required = append(required, name)
		}
		of := d.schemaOf(f.Type)
		if allowed := f.Tag.Get("oneof"); allowed != "" {
			of = only(f.Type, allowed)
		} else if name == "protocol" && t == reflect.TypeFor[Service]() {
			of = object{"type": "string", "examples": anys(ot.Protocols())} // one of its own may have another
		}
		properties[name] = of
	}
	s := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// only is the schema of a word, or a list of words, from a list.
func only(t reflect.Type, allowed string) object {
	words, ok := vocabularies[allowed]
	if !ok {
		words = strings.Fields(allowed)
	}
	one := object{"enum": anys(words)}
	if t.Kind() == reflect.Slice {
		return object{"type": "array", "items": one}
	}
	return one
}

func anys(words []string) []any {
	list := make([]any, 0, len(words))
	for _, w := range slices.Sorted(slices.Values(words)) {
		list = append(list, w)
	}
	return list
}
