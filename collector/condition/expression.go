package condition

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"

	"demarc/internal/ot"
)

// expression is one that was read and checked, with what it reads.
type expression struct {
	cel.Program
	reads      map[string]bool // "connection.protocol", "connection.operations.write", "client.roles"
	operations []ot.Operation  // that it counts
	whole      bool            // it reads a variable as a whole
}

// variables are what an expression may read.
var variables = map[string]bool{"connection": true, "client": true, "server": true}

// read reports whether the expression reads an attribute.
func (e *expression) read(attribute string) bool { return e.whole || e.reads[attribute] }

// readsOf reports whether the expression reads anything of a variable.
func (e *expression) readsOf(variable string) bool {
	for attribute := range e.reads {
		if strings.HasPrefix(attribute, variable+".") {
			return true
		}
	}
	return e.whole
}

// parse checks an expression and makes it ready. What could cost too much is
// refused here, and stopped when it runs.
func parse(text string) (*expression, error) {
	if e := expressions.known(text); e != nil {
		return e, nil
	}
	env, err := environment()
	if err != nil {
		return nil, err
	}
	if strings.Count(text, ".exists")+strings.Count(text, ".all")+strings.Count(text, ".map")+strings.Count(text, ".filter") > 4 {
		return nil, errors.New("more than four loops: write several conditions")
	}
	checked, issues := env.Compile(text)
	if issues.Err() != nil {
		e := issues.Errors()[0]
		return nil, fmt.Errorf("column %d: %s", e.Location.Column()+1, e.Message)
	}
	if checked.OutputType() != cel.BoolType {
		return nil, fmt.Errorf("it gives %s, and must give true or false", checked.OutputType())
	}
	program, err := env.Program(checked, cel.EvalOptions(cel.OptPartialEval), cel.CostLimit(maxCost))
	if err != nil {
		return nil, err
	}
	e := &expression{Program: program, reads: map[string]bool{}}
	e.note(checked)
	expressions.keep(text, e)
	return e, nil
}

// note lists what a checked expression reads: each variable with the fields that
// are selected from it.
func (e *expression) note(checked *cel.Ast) {
	for _, x := range ast.MatchDescendants(ast.NavigateAST(checked.NativeRep()), ast.KindMatcher(ast.IdentKind)) {
		name := x.AsIdent()
		if !variables[name] {
			continue
		}
		path := name
		for up, ok := x.Parent(); ok && up.Kind() == ast.SelectKind && strings.Count(path, ".") < 2; up, ok = up.Parent() {
			if path += "." + up.AsSelect().FieldName(); name != "connection" {
				break // what is selected of a list is none of the device's fields
			}
			if !strings.HasSuffix(path, ".operations") {
				break
			}
		}
		e.reads[path] = true
		e.whole = e.whole || path == name || path == "connection.operations"
	}
	for i, class := range ot.OperationNames() {
		if e.read("connection.operations." + class) {
			e.operations = append(e.operations, ot.Operation(i))
		}
	}
}

// library keeps expressions that were read: the same ones are asked for again
// and again.
type library struct {
	mu  sync.Mutex
	all map[string]*expression
}

// maxRead bounds a library.
const maxRead = 1000

var expressions library

func (l *library) known(text string) *expression {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all[text]
}

func (l *library) keep(text string, e *expression) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil || len(l.all) >= maxRead {
		l.all = map[string]*expression{}
	}
	l.all[text] = e
}
