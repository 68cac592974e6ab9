// Package overlay makes programs that are wrong on purpose, for tests which must notice them. What is wrong is a control: a
// file NAME.txtar in some folder testdata/controls, with edits of the source as it is now. The source itself has nothing of
// them: the go command builds through an overlay ('go help build', -overlay), and no file of the module changes.
//
// One overlay has all controls of the module, each behind a switch (see the package switches). An edit whose code is not there
// exactly once is an error that says what to do, so that no control is lost unnoticed when code changes. Only tests call this.
package overlay

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// None is what Flags takes for a program that has all controls in it, and none of them on.
const None = "none"

// Overlay is the module's source with all controls in it.
type Overlay struct {
	file     string // for -overlay
	module   string
	names    []string
	packages []string
}

// Make writes the overlay of the module that the working directory is in. It needs the folder dir, which exists, for as long
// as something is built. The error is the first control's that does not fit the source.
func Make(dir string) (*Overlay, error) {
	root, err := os.Getwd()
	for ; err == nil; root = filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			return write(root, dir)
		}
		if root == filepath.Dir(root) {
			err = errors.New("the working directory is in no module")
		}
	}
	return nil, err
}

var moduleLine = regexp.MustCompile(`(?m)^module (\S+)$`)

func write(root, dir string) (*Overlay, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, err
	}
	m := moduleLine.FindSubmatch(mod)
	if m == nil {
		return nil, fmt.Errorf("%s has no line 'module'", filepath.Join(root, "go.mod"))
	}
	o := &Overlay{file: filepath.Join(dir, "overlay.json"), module: string(m[1])}
	all, err := readAll(root)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b *control) int { return strings.Compare(a.name, b.name) })
	s := newSource(root)
	for i, c := range all {
		if i > 0 && all[i-1].name == c.name || c.name == None {
			return nil, fmt.Errorf("%s: there is another control %s", c.file, c.name)
		}
		if err := s.apply(c); err != nil {
			return nil, err
		}
		o.names = append(o.names, c.name)
	}
	for _, folder := range folders(s.changed()) {
		if err := s.addSwitch(folder, o.switches()); err != nil {
			return nil, err
		}
		o.packages = append(o.packages, "./"+folder)
	}
	return o, s.writeTo(dir, o.file)
}

func (o *Overlay) switches() string { return o.module + "/internal/overlay/switches" }

// addSwitch adds the function controlled to the package in a folder.
func (s *source) addSwitch(folder, switches string) error {
	shim := path.Join(folder, "controlled.go")
	for _, name := range s.changed() {
		if path.Dir(name) != folder {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, s.is[name], parser.PackageClauseOnly)
		if err != nil {
			return err
		}
		return s.apply(&control{file: "the switch of " + folder, files: []file{{shim, fmt.Sprintf(
			"package %s\n\nimport \"%s\"\n\nfunc controlled(name string) bool { return switches.On(name) }\n", f.Name.Name, switches)}}})
	}
	return nil
}

// writeTo writes what is changed below dir, and the list of it to file.
func (s *source) writeTo(dir, file string) error {
	var list struct{ Replace map[string]string }
	list.Replace = map[string]string{}
	for _, name := range s.changed() {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(at, []byte(s.is[name]), 0o600); err != nil {
			return err
		}
		real, err := filepath.Abs(filepath.Join(s.root, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		list.Replace[real] = at
	}
	b, err := json.MarshalIndent(list, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o600)
}

// Flags are what go build and go test need to make a program that is wrong. control is always on in it, and no other; what
// follows a colon in it is left to the control (poison:UID). "": the environment says which one, at any moment: see
// switches.Env.
func (o *Overlay) Flags(control string) ([]string, error) {
	flags := []string{"-overlay=" + o.file}
	if control == "" {
		return flags, nil
	}
	if name, _, _ := strings.Cut(control, ":"); name != None && !slices.Contains(o.names, name) {
		return nil, fmt.Errorf("there is no control %s, but: %s", name, strings.Join(o.names, ", "))
	}
	return append(flags, "-ldflags=-X="+o.switches()+".name="+control), nil
}

// Packages are those that controls change, for the go command at the module's root.
func (o *Overlay) Packages() []string { return o.packages }
