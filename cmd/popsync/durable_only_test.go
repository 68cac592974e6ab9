package main_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// reserved are functions that only internal/durable may use: a rename may overwrite, and a sync that fails must never
// be tried again; both are decided in one place.
var reserved = regexp.MustCompile(`^(` + strings.Join([]string{
	`os\.Rename`, `\(\*os\.Root\)\.Rename`, `\(\*os\.File\)\.Sync`,
	`(syscall|golang\.org/x/sys/unix)\.(Rename\w*|Fsync|Fdatasync|Sync|Syncfs|SyncFileRange)`,
}, "|") + `)$`)

// mayRenameAndSync lists who else may.
var mayRenameAndSync = map[string]string{
	"internal/durable": "it is the place",
	"bench/floor":      "the yardstick must not share what it measures",
}

// Files that other systems than this one build are not looked at.
func TestOnlyDurableRenamesAndSyncs(t *testing.T) {
	exports := map[string]string{}
	var own []pkg
	for _, p := range goList(t, "-export", "-deps", "./...") {
		exports[p.ImportPath] = p.Export
		if strings.HasPrefix(p.ImportPath, module+"/") {
			own = append(own, p)
		}
	}
	unused := map[string]bool{}
	for path := range mayRenameAndSync {
		unused[path] = true
	}
	for _, p := range own {
		path := strings.TrimPrefix(p.ImportPath, module+"/")
		for _, use := range uses(t, p, exports) {
			delete(unused, path)
			if _, ok := mayRenameAndSync[path]; !ok {
				t.Errorf("%s: only internal/durable may do that", use)
			}
		}
	}
	for path := range unused {
		t.Errorf("%s renames and syncs nothing: is it still the place, and does this test still see?", path)
	}
}

// uses names each use of a reserved function in the package, called or passed on.
func uses(t *testing.T, p pkg, exports map[string]string) (found []string) {
	t.Helper()
	fset, _, info := typed(t, p, exports)
	for id, object := range info.Uses {
		if f, ok := object.(*types.Func); ok && reserved.MatchString(f.FullName()) {
			found = append(found, fset.Position(id.Pos()).String()+" uses "+f.FullName())
		}
	}
	return found
}

// typed parses the package, without its tests, and gives what names mean and what types expressions have. exports are
// the files with what other packages export, by import path.
func typed(t *testing.T, p pkg, exports map[string]string) (*token.FileSet, []*ast.File, *types.Info) {
	t.Helper()
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}, Types: map[ast.Expr]types.TypeAndValue{}}
	conf := types.Config{
		Importer: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }),
		Error:    func(err error) { t.Errorf("%s: %v", p.ImportPath, err) },
	}
	conf.Check(p.ImportPath, fset, files, info)
	return fset, files, info
}
