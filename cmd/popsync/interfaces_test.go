package main_test

import (
	"go/ast"
	"os"
	"regexp"
	"strings"
	"testing"
)

// listedInterface is a row of the table of interfaces in ARCHITECTURE.md.
var listedInterface = regexp.MustCompile("(?m)^\\| `([a-z0-9]+\\.[A-Z][A-Za-z]*)` \\|")

// Whoever implements or uses an interface finds it in ARCHITECTURE.md, with what it is for.
func TestInterfacesAreListed(t *testing.T) {
	page, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, m := range listedInterface.FindAllSubmatch(page, -1) {
		listed[string(m[1])] = true
	}
	there := map[string]bool{}
	for _, p := range goList(t, "./...") {
		for _, f := range sources(t, p) {
			if f.test {
				continue
			}
			for _, name := range exportedInterfaces(f.File) {
				name = f.Name.Name + "." + name
				if there[name] = true; !listed[name] {
					t.Errorf("%s (%s) is not in the list of interfaces in ARCHITECTURE.md", name, strings.TrimPrefix(p.ImportPath, module+"/"))
				}
			}
		}
	}
	if len(there) == 0 {
		t.Error("there is no interface: this test looks in the wrong place")
	}
	for name := range listed {
		if !there[name] {
			t.Errorf("ARCHITECTURE.md lists %s, which is no exported interface", name)
		}
	}
}

// What a Target or a Sender can do besides is asked for by deliver/abilities.go alone: else a wrapper that hides it, or a method that
// gets another name, changes what is done, and nobody sees why.
func TestAbilitiesAreAskedForInOnePlace(t *testing.T) {
	abilities := map[string]bool{}
	asked := 0
	pkgs := goList(t, "./...")
	for _, p := range pkgs {
		for _, f := range sources(t, p) {
			if strings.HasSuffix(f.path, "/deliver/abilities.go") {
				for _, name := range exportedInterfaces(f.File) {
					abilities[name] = true
				}
			}
		}
	}
	for _, p := range pkgs {
		for _, f := range sources(t, p) {
			if f.test {
				continue
			}
			ast.Inspect(f.File, func(n ast.Node) bool {
				a, ok := n.(*ast.TypeAssertExpr)
				if !ok || a.Type == nil {
					return true
				}
				name := ""
				switch is := a.Type.(type) {
				case *ast.Ident:
					if f.Name.Name == "deliver" {
						name = is.Name
					}
				case *ast.SelectorExpr:
					if x, ok := is.X.(*ast.Ident); ok && x.Name == "deliver" {
						name = is.Sel.Name
					}
				}
				if abilities[name] {
					if asked++; !strings.HasSuffix(f.path, "/deliver/abilities.go") {
						t.Errorf("%s asks for deliver.%s: deliver.AbilitiesOf does", f.path, name)
					}
				}
				return true
			})
		}
	}
	if asked < len(abilities) || asked == 0 {
		t.Errorf("%d abilities, %d are asked for", len(abilities), asked)
	}
}

// exportedInterfaces are the names of those that a file declares.
func exportedInterfaces(f *ast.File) (names []string) {
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range g.Specs {
			if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.IsExported() {
				if _, ok := ts.Type.(*ast.InterfaceType); ok {
					names = append(names, ts.Name.Name)
				}
			}
		}
	}
	return names
}
