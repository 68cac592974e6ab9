package overlay

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// Every control of the project fits the source as it is. TestControlsCompile of the program tells that it
// compiles then, and the tests that play a control that they notice it: see docs/reliability.md.
func TestControlsFit(t *testing.T) {
	dir := t.TempDir()
	o, err := Make(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range o.Packages() {
		files, err := filepath.Glob(filepath.Join(dir, p, "*.go"))
		if err != nil || len(files) < 2 {
			t.Errorf("%s: %q, %v", p, files, err)
		}
		for _, f := range files {
			if _, err := parser.ParseFile(token.NewFileSet(), f, nil, 0); err != nil {
				t.Errorf("with the controls in it, each of which is in a file testdata/controls/NAME.txtar: %v", err)
			}
		}
	}
}

// A control that no test plays shows nothing. TestChaosControls plays all of the fetcher's.
func TestControlsArePlayed(t *testing.T) {
	all, err := readAll(root)
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	each(t, func(path string, b []byte) {
		if strings.HasSuffix(path, "_test.go") && filepath.Base(path) != "overlay_test.go" {
			tests.Write(b)
		}
	})
	for _, c := range all {
		if played := regexp.MustCompile(`"` + c.name + `[":]`); !strings.HasPrefix(c.file, "fetcher") && !played.MatchString(tests.String()) {
			t.Errorf("%s: no test mentions %q", c.file, c.name)
		}
	}
}

// tags are those that a build of the program may depend on: the system, and measuring.
var tags = []string{"linux", "darwin", "unix", "amd64", "arm64", "profile"}

// hooks are what code has in it that is made for tests.
var hooks = regexp.MustCompile(`\bcontrolled\(|internal/overlay|POPSYNC_CONTROL|(?i:failpoint|beforebody)`)

var words = regexp.MustCompile(`\w+`)

// The program has one build, and nothing in it asks whether it is to go wrong.
func TestNothingGoesWrongOnPurpose(t *testing.T) {
	seen := 0
	each(t, func(path string, b []byte) {
		if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "internal/overlay/") {
			return
		}
		seen++
		if m := hooks.Find(b); m != nil {
			t.Errorf("%s has %q in it: a test has its own wrapper, or a control (see internal/overlay)", path, m)
		}
		for line := range strings.Lines(string(b)) {
			if strings.HasPrefix(line, "package ") {
				break
			}
			expr, ok := strings.CutPrefix(line, "//go:build ")
			for _, tag := range words.FindAllString(expr, -1) {
				if ok && !slices.Contains(tags, tag) {
					t.Errorf("%s is built by the tag %s: other builds than the one that people run are made by internal/overlay", path, tag)
				}
			}
		}
	})
	if seen < 100 {
		t.Errorf("%d files: this test looks in the wrong place", seen)
	}
}

// each reads the Go files of the module, by their path from its root.
func each(t *testing.T, do func(path string, b []byte)) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		b, err := os.ReadFile(filepath.Join(root, path))
		if err == nil {
			do(path, b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
