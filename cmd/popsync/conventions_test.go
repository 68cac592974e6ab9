package main_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// source is one parsed file of the project.
type source struct {
	*ast.File
	path string
	test bool
}

// sources parses every Go file of a package, also those that only other systems build.
func sources(t *testing.T, p pkg) (files []source) {
	t.Helper()
	fset := token.NewFileSet()
	for _, name := range slices.Concat(p.GoFiles, p.CgoFiles, p.IgnoredGoFiles, p.TestGoFiles, p.XTestGoFiles) {
		path := filepath.Join(p.Dir, name)
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, source{f, path, strings.HasSuffix(name, "_test.go")})
	}
	return files
}

func TestEveryPackageHasOneDoc(t *testing.T) {
	for _, p := range goList(t, "./...") {
		docs := 0
		for _, f := range sources(t, p) {
			if f.test || f.Doc == nil {
				continue
			}
			docs++
			if f.Name.Name != "main" && !strings.HasPrefix(f.Doc.Text(), "Package "+f.Name.Name+" ") {
				t.Errorf("%s: the comment does not begin with Package %s", f.path, f.Name.Name)
			}
		}
		if docs != 1 {
			t.Errorf("%s has %d package comments, want one", p.ImportPath, docs)
		}
	}
}

// A client that does not verify certificates gives the password to anybody. One place may do without, where a pinned key is what
// is verified.
func TestCertificatesAreVerified(t *testing.T) {
	for _, p := range goList(t, "./...") {
		for _, f := range sources(t, p) {
			if f.test || strings.HasSuffix(f.path, "internal/trust/trust.go") {
				continue
			}
			ast.Inspect(f.File, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && id.Name == "InsecureSkipVerify" {
					t.Errorf("%s mentions InsecureSkipVerify", f.path)
				}
				return true
			})
		}
	}
}

// The standard library's reader of dotted text takes a bare LF for a line end, so that the author of a mail could
// forge server replies, and it rewrites line ends.
func TestOwnDotReader(t *testing.T) {
	for _, p := range goList(t, "./pop3/...", "./fetcher/...") {
		if slices.Contains(p.Imports, "net/textproto") {
			t.Errorf("%s imports net/textproto", p.ImportPath)
		}
	}
}

// Every fuzz target starts from seeds that are in the repository, and no seeds are left of targets that are gone.
func TestFuzzCorpora(t *testing.T) {
	targets := 0
	for _, p := range goList(t, "./...") {
		corpora := map[string]bool{}
		dirs, _ := filepath.Glob(filepath.Join(p.Dir, "testdata", "fuzz", "*"))
		for _, d := range dirs {
			corpora[filepath.Base(d)] = true
		}
		for _, f := range sources(t, p) {
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || !f.test || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "Fuzz") {
					continue
				}
				targets++
				dir := filepath.Join(p.Dir, "testdata", "fuzz", fn.Name.Name)
				if seeds, err := os.ReadDir(dir); err != nil || len(seeds) == 0 {
					t.Errorf("%s has no seeds in %s", fn.Name.Name, dir)
				}
				delete(corpora, fn.Name.Name)
			}
		}
		for name := range corpora {
			t.Errorf("%s: seeds for %s, which does not exist", p.ImportPath, name)
		}
	}
	if targets == 0 {
		t.Error("no fuzz target was found")
	}
}

// SQLite is translated for one version of its C library; with another one it may corrupt what it stores.
func TestLibcIsTheOneThatSQLiteWants(t *testing.T) {
	cmd := exec.Command("go", "list", "-m", "-json", "modernc.org/sqlite", "modernc.org/libc")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var sqlite, libc struct{ Path, Version, GoMod string }
	d := json.NewDecoder(strings.NewReader(string(out)))
	if err := d.Decode(&sqlite); err != nil {
		t.Fatal(err)
	}
	if err := d.Decode(&libc); err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(sqlite.GoMod)
	if err != nil {
		t.Fatal(err)
	}
	wants := regexp.MustCompile(`(?m)^\s*(?:require )?modernc\.org/libc (\S+)`).FindSubmatch(mod)
	if wants == nil {
		t.Fatalf("%s asks for no modernc.org/libc", sqlite.GoMod)
	}
	if string(wants[1]) != libc.Version {
		t.Errorf("sqlite %s wants libc %s, the build has %s", sqlite.Version, wants[1], libc.Version)
	}
}
