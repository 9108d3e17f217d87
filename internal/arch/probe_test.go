package arch

import (
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
)

// TestProbeCannotWrite: agent/probe reaches devices by one function, builds
// reads alone, and nothing but the program imports it.
func TestProbeCannotWrite(t *testing.T) {
	files, requests := 0, 0
	for _, s := range tree(t) {
		if s.test {
			continue
		}
		if slices.Contains(s.imports, module+probePackage) && s.pkg != "agent" {
			t.Errorf("%s imports %s: the program alone does", s.file, probePackage)
		}
		if s.pkg != probePackage {
			continue
		}
		files++
		for _, i := range s.imports {
			if (strings.HasPrefix(i, "github.com/gopcua/") || strings.HasPrefix(i, "github.com/simonvetter/")) && !slices.Contains(probeImports, i) {
				t.Errorf("%s imports %s: it can write", s.file, i)
			}
		}
		library := slices.Contains(s.imports, "github.com/simonvetter/modbus")
		ast.Inspect(s.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, _ := sel.X.(*ast.Ident)
			if x == nil {
				return true
			}
			name := x.Name + "." + sel.Sel.Name
			if where, ok := probeSends[name]; ok && !slices.Contains(where, path.Base(s.file)) {
				t.Errorf("%s uses %s: bytes leave by the line alone", s.file, name)
			}
			if x.Name == "ua" && strings.HasSuffix(sel.Sel.Name, "Request") && sel.Sel.Name != "Request" {
				requests++
				if !slices.Contains(probeRequests, sel.Sel.Name) {
					t.Errorf("%s names %s: it is no read", s.file, name)
				}
			}
			if library && strings.HasPrefix(sel.Sel.Name, "Write") && sel.Sel.Name != "Write" {
				t.Errorf("%s names %s: %v is all that the library is used for", s.file, name, probeModbus)
			}
			return true
		})
		if library {
			modbusCalls(t, s)
		}
	}
	if files < 10 || requests < 8 {
		t.Fatalf("only %d files were looked at (%d requests)", files, requests)
	}
}

// modbusCalls checks what is called of the variable that NewClient gives.
func modbusCalls(t *testing.T, s source) {
	t.Helper()
	client, calls := "", 0
	ast.Inspect(s.ast, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && len(a.Rhs) == 1 {
			if call, ok := a.Rhs[0].(*ast.CallExpr); ok {
				if sel, ok := call.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "NewClient" {
					client = a.Lhs[0].(*ast.Ident).Name
				}
			}
		}
		return true
	})
	ast.Inspect(s.ast, func(n ast.Node) bool {
		f, ok := n.(*ast.FuncDecl)
		if !ok || f.Name.Name != "library" {
			return true
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == client {
					calls++
					if !slices.Contains(probeModbus, sel.Sel.Name) {
						t.Errorf("%s calls %s of the library: %v is all that is used", s.file, sel.Sel.Name, probeModbus)
					}
				}
			}
			return true
		})
		return false
	})
	if client == "" || calls < 4 {
		t.Errorf("%s: the library's client is not found where it was", s.file)
	}
}
