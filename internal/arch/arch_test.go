package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "demarc/"

// source is one Go file of the tree.
type source struct {
	file, pkg string // slash paths from the module's root
	test      bool
	generated bool
	imports   []string
	ast       *ast.File
}

// tree parses every Go file of this module, in process: the test cache then
// knows which files it depends on.
func tree(t *testing.T) []source {
	t.Helper()
	root := filepath.Join("..", "..")
	var all []source
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if p != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "bin") {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(p, "go.mod")); err == nil && p != root {
				return filepath.SkipDir // another module
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		s := source{file: rel, pkg: path.Dir(rel), test: strings.HasSuffix(name, "_test.go"), generated: ast.IsGenerated(f), ast: f}
		for _, i := range f.Imports {
			v, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, v)
		}
		all = append(all, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 50 {
		t.Fatalf("only %d Go files found: the walk is broken", len(all))
	}
	return all
}

func TestImportsGoOneWay(t *testing.T) {
	for _, s := range tree(t) {
		side, stage := split(s.pkg)
		for _, i := range s.imports {
			if !strings.HasPrefix(i, module) {
				continue
			}
			to := strings.TrimPrefix(i, module)
			toSide, toStage := split(to)
			if exceptions[s.pkg+" -> "+to] != "" || s.pkg == to || strings.HasPrefix(s.pkg, "internal/e2e") || s.pkg == "deploy/demo" {
				continue
			}
			switch {
			case side == "proto" && toSide != "proto":
				t.Errorf("%s imports %s: proto imports nothing of ours", s.file, to)
			case side == "internal" && (toSide == "agent" || toSide == "collector") && !s.test:
				t.Errorf("%s imports %s: internal is below both programs", s.file, to)
			case side == "agent" && toSide == "collector", side == "collector" && toSide == "agent":
				t.Errorf("%s imports %s: the programs share internal and proto only", s.file, to)
			case side == toSide && (side == "agent" || side == "collector") && !s.test:
				order := stages[side]
				from, at := index(order, stage), index(order, toStage)
				if from < 0 || at < 0 {
					t.Errorf("%s: %s or %s is no stage of %s: add it to the list in its place", s.file, stage, toStage, side)
				} else if at > from || toStage == "main" {
					t.Errorf("%s imports %s: a stage imports only stages above it", s.file, to)
				}
			}
		}
	}
}

// split cuts a package path into its top folder and the rest; "main" is the
// top folder itself.
func split(pkg string) (side, stage string) {
	side, stage, _ = strings.Cut(pkg, "/")
	if stage == "" {
		stage = "main"
	}
	return side, stage
}

// index finds a stage, or the stage that holds it as a sub-package.
func index(order []string, stage string) int {
	if i := slices.Index(order, stage); i >= 0 {
		return i
	}
	if parent := path.Dir(stage); parent != "." {
		return index(order, parent)
	}
	return -1
}

func TestCapturePathCannotTransmit(t *testing.T) {
	seen := 0
	for _, s := range tree(t) {
		if s.test || !within(s.pkg, capturePath) {
			continue
		}
		seen++
		for _, i := range s.imports {
			for _, bad := range cannotTransmit {
				if i == bad || strings.HasPrefix(i, bad+"/") {
					t.Errorf("%s imports %s: nothing on the capture path can transmit", s.file, i)
				}
			}
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			name := "." + sel.Sel.Name
			if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(sendingCalls, x.Name+name) {
				t.Errorf("%s uses %s%s: nothing on the capture path can transmit", s.file, x.Name, name)
			}
			if slices.Contains(sendingCalls, name) {
				t.Errorf("%s uses %s: nothing on the capture path can transmit", s.file, name)
			}
			return true
		})
	}
	if seen < 20 {
		t.Fatalf("only %d files of the capture path were looked at", seen)
	}
}

func within(pkg string, places []string) bool {
	for _, p := range places {
		if pkg == p || strings.HasPrefix(pkg, p+"/") {
			return true
		}
	}
	return false
}

func TestImportsOnlyWhereTheyBelong(t *testing.T) {
	for _, s := range tree(t) {
		if s.test {
			continue
		}
		for _, i := range s.imports {
			for bad, places := range only {
				if (i == bad || strings.HasPrefix(i, bad+"/")) && !within(s.pkg, places) {
					t.Errorf("%s imports %s: it belongs to %s", s.file, i, strings.Join(places, ", "))
				}
			}
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	docs := map[string]string{}
	for _, s := range tree(t) {
		if s.test || s.generated {
			continue
		}
		if _, ok := docs[s.pkg]; !ok {
			docs[s.pkg] = ""
		}
		if s.ast.Doc != nil {
			if docs[s.pkg] != "" {
				t.Errorf("%s: package comment in more than one file", s.pkg)
			}
			docs[s.pkg] = s.ast.Doc.Text()
		}
	}
	for pkg, doc := range docs {
		if strings.HasPrefix(pkg, "proto/") {
			continue
		}
		if len(strings.Fields(doc)) < 8 {
			t.Errorf("%s: its package comment does not say what a reader does there: %q", pkg, doc)
		}
	}
}

// TestEveryProtocolHasASample: one protocol is its file, its test, its samples.
func TestEveryProtocolHasASample(t *testing.T) {
	count := 0
	for _, s := range tree(t) {
		if s.pkg != "agent/dissect" || s.test {
			continue
		}
		for _, name := range registered(s.ast) {
			count++
			if want := "agent/dissect/" + name + ".go"; s.file != want {
				t.Errorf("%s registers %s: that belongs in %s", s.file, name, want)
			}
			if tests, err := filepath.Glob(filepath.Join("..", "..", "agent", "dissect", name+"*_test.go")); err != nil || len(tests) == 0 {
				t.Errorf("protocol %s has no test of its own: agent/dissect/%s_test.go", name, name)
			}
			dir := filepath.Join("..", "..", "testdata", name)
			samples, err := filepath.Glob(filepath.Join(dir, "*.pcap*"))
			if err != nil || len(samples) == 0 {
				t.Errorf("protocol %s has no sample: testdata/%s/<case>.pcap", name, name)
			}
			if _, err := os.Stat(filepath.Join(dir, "README.md")); err != nil {
				t.Errorf("testdata/%s/README.md does not say where its samples come from", name)
			}
		}
	}
	if count < 10 {
		t.Fatalf("only %d protocols found in agent/dissect: the search is broken", count)
	}
}

// registered finds register(Protocol{Name: "x"}) in a file.
func registered(f *ast.File) (names []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 1 {
			return true
		}
		if fn, ok := call.Fun.(*ast.Ident); !ok || fn.Name != "register" {
			return true
		}
		lit, ok := call.Args[0].(*ast.CompositeLit)
		if !ok {
			return true
		}
		for _, e := range lit.Elts {
			kv, ok := e.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			key, ok := kv.Key.(*ast.Ident)
			value, isLit := kv.Value.(*ast.BasicLit)
			if ok && isLit && key.Name == "Name" {
				if v, err := strconv.Unquote(value.Value); err == nil {
					names = append(names, v)
				}
			}
		}
		return true
	})
	return names
}

// TestForbiddenWords: nothing that people read calls a plant what the software
// cannot know (AUTHORITY: it never authorizes, and never vouches).
func TestForbiddenWords(t *testing.T) {
	words := []string{"compliant", "compliance", "certified", "guaranteed", "guarantees"}
	foreign := map[string]string{"collector/deliver/ocsf.go": `"compliance"`} // an attribute's name in the schema of others
	for _, s := range tree(t) {
		if s.test || s.generated || s.pkg == "internal/arch" {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			if foreign[s.file] == lit.Value {
				return true
			}
			for _, w := range strings.FieldsFunc(strings.ToLower(lit.Value), func(r rune) bool { return r < 'a' || r > 'z' }) {
				if slices.Contains(words, w) {
					t.Errorf("%s: the word %q in %s", s.file, w, lit.Value)
				}
			}
			return true
		})
	}
}
