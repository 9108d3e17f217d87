package oscal

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/defenseunicorns/go-oscal/src/pkg/validation"
	types "github.com/defenseunicorns/go-oscal/src/types/oscal-1-1-3"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schema is NIST's, made ready once: that takes a while.
var schema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	v, err := validation.NewValidatorDesiredVersion([]byte(`{"assessment-results":{}}`), types.Version)
	if err != nil {
		return nil, err
	}
	p, err := v.GetValidationParams()
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat() // a date that is none is an error, not a remark
	if err := c.AddResource(p.SchemaPath, p.SchemaData); err != nil {
		return nil, err
	}
	return c.Compile(p.SchemaPath)
})

// validate holds a document to NIST's schema. The error names the place.
func validate(text []byte) error {
	s, err := schema()
	if err != nil {
		return fmt.Errorf("oscal: NIST's schema: %w", err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("oscal: %w", err)
	}
	bad := &jsonschema.ValidationError{}
	if err := s.Validate(v); errors.As(err, &bad) {
		place, why := deepest(bad)
		return fmt.Errorf("oscal: the document would not be one of OSCAL %s, and was not written: /%s: %s", types.Version, strings.Join(place, "/"), why)
	} else if err != nil {
		return fmt.Errorf("oscal: %w", err)
	}
	return nil
}

// deepest is the complaint that is furthest inside the document: what it says of
// the models that this one is not stands further out.
func deepest(e *jsonschema.ValidationError) (place []string, why string) {
	place, why = e.InstanceLocation, e.Error()
	if i := strings.LastIndexByte(why, '\n'); i >= 0 {
		why = strings.TrimSpace(why[i+1:])
	}
	if _, after, cut := strings.Cut(why, "': "); cut {
		why = after
	}
	for _, c := range e.Causes {
		if p, w := deepest(c); len(p) > len(place) {
			place, why = p, w
		}
	}
	return place, why
}
