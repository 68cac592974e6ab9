package overlay

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

const decides = `
-- go.mod --
module example.org/m

go 1.26
-- fetcher/set.go --
package fetcher

func keeps(have, want int) bool {
	if have < want {
		return true
	}
	return have == 0
}
-- fetcher/plan/plan.go --
package plan

const most = 3
-- fetcher/set_test.go --
package fetcher

const copied = "have < want"
`

// module makes a module of an archive's files in a folder of its own.
func module(t *testing.T, archives ...string) (root string) {
	t.Helper()
	root = t.TempDir()
	for _, a := range archives {
		for _, f := range txtar.Parse([]byte(a)).Files {
			p := filepath.Join(root, f.Name)
			if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(p, f.Data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}

// addControl writes a control into the folder testdata/controls of the fetcher.
func addControl(t *testing.T, root, name, text string) {
	t.Helper()
	dir := filepath.Join(root, "fetcher", "testdata", "controls")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".txtar"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const anyPlace = `Anywhere is everywhere.
-- in fetcher --
have < want
-- becomes --
have < want && !controlled("any-place")
`

func TestOverlay(t *testing.T) {
	root, dir := module(t, decides), t.TempDir()
	addControl(t, root, "any-place", anyPlace)
	addControl(t, root, "none-stays", `Nothing stays.
-- in fetcher --
return have == 0
-- becomes --
if controlled("none-stays") {
		return never
	}
	return have == 0
-- new fetcher/never.go --
package fetcher

const never = false
`)
	addControl(t, root, "many", `More than three.
-- in fetcher --
most = 3
-- becomes --
most = 3; var more = controlled("many")
`)
	o, err := write(root, dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"./fetcher", "./fetcher/plan"}; !slices.Equal(o.Packages(), want) {
		t.Errorf("packages %q, want %q", o.Packages(), want)
	}
	flags, err := o.Flags("none-stays")
	if want := []string{"-overlay=" + o.file, "-ldflags=-X=example.org/m/internal/overlay/switches.name=none-stays"}; err != nil || !slices.Equal(flags, want) {
		t.Errorf("flags %q, %v", flags, err)
	}
	if _, err := o.Flags("no-such"); err == nil || !strings.Contains(err.Error(), "any-place, many, none-stays") {
		t.Errorf("a control that does not exist: %v", err)
	}
	for _, known := range []string{"", None, "many:more"} {
		if _, err := o.Flags(known); err != nil {
			t.Error(err)
		}
	}
	var list struct{ Replace map[string]string }
	b, err := os.ReadFile(o.file)
	if err != nil || json.Unmarshal(b, &list) != nil {
		t.Fatalf("%v: %s", err, b)
	}
	for name, want := range map[string]string{
		"fetcher/set.go":             `have < want && !controlled("any-place") {`,
		"fetcher/never.go":           "const never = false\n",
		"fetcher/controlled.go":      "package fetcher\n\nimport \"example.org/m/internal/overlay/switches\"\n",
		"fetcher/plan/plan.go":       `controlled("many")`,
		"fetcher/plan/controlled.go": "package plan\n",
	} {
		at := list.Replace[filepath.Join(root, name)]
		delete(list.Replace, filepath.Join(root, name))
		if b, err := os.ReadFile(at); err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s: %v, want %q in\n%s", name, err, want, b)
		}
	}
	if len(list.Replace) > 0 {
		t.Errorf("changed too: %v", list.Replace)
	}
}

// Two controls may be anchored at the same code, if both leave it there.
func TestSameAnchor(t *testing.T) {
	root, dir := module(t, decides), t.TempDir()
	for _, name := range []string{"one", "two"} {
		addControl(t, root, name, "Why.\n-- in fetcher --\nreturn have == 0\n-- becomes --\nif controlled(\""+name+"\") {\n}\nreturn have == 0\n")
	}
	if _, err := write(root, dir); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "fetcher", "set.go"))
	if text := string(b); err != nil || strings.Count(text, `controlled("one")`) != 1 || strings.Count(text, `controlled("two")`) != 1 {
		t.Errorf("%v\n%s", err, b)
	}
}

// What cannot be applied says what to do.
func TestRefused(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"gone", strings.Replace(anyPlace, "have < want\n", "have < wanted\n", 1), "fetcher/testdata/controls/any-place.txtar: the anchor of any-place is nowhere in fetcher any more\n\thave < wanted\nFind where this is decided now, and anchor it there. What the control does:\n\tAnywhere is everywhere."},
		{"several", strings.Replace(anyPlace, "have < want\n", "have\n", 1), "is in fetcher 3 times (fetcher/set.go): make it longer"},
		{"no folder", strings.Replace(anyPlace, "in fetcher", "in fetched", 1), "any-place.txtar: lstat "},
		{"no reason", strings.TrimPrefix(anyPlace, "Anywhere is everywhere.\n"), "must say what is wrong"},
		{"always on", strings.Replace(anyPlace, `controlled("any-place")`, "true", 1), `nothing asks for controlled("any-place")`},
		{"another's switch", strings.Replace(anyPlace, `"any-place"`, `"many"`, 1), `nothing asks for controlled("any-place")`},
		{"half", "Why.\n-- in fetcher --\nhave < want\n", "want '-- in FOLDER --'"},
		{"no anchor", "Why.\n-- in fetcher --\n-- becomes --\n\"any-place\"\n", "want '-- in FOLDER --'"},
		{"other words", "Why.\n-- at fetcher --\nx\n-- becomes --\ny\n", "want '-- in FOLDER --'"},
		{"a file that exists", anyPlace + "-- new fetcher/set.go --\npackage fetcher\n", "has a file fetcher/set.go of its own"},
		{"no Go", anyPlace + "-- new fetcher/more.go --\npackages fetcher\n-- new fetcher/a.go --\nno package\n", "expected 'package'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := module(t, decides)
			addControl(t, root, "any-place", tt.text)
			if _, err := write(root, t.TempDir()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v\nwant %q", err, tt.want)
			}
		})
	}
	for name, add := range map[string]func(t *testing.T, root string){
		"another control changes": func(t *testing.T, root string) {
			addControl(t, root, "any-place", anyPlace)
			addControl(t, root, "other", strings.NewReplacer("any-place", "other", "have < want\n", "if have < want {\n").Replace(anyPlace))
		},
		"there is another control": func(t *testing.T, root string) {
			addControl(t, root, None, strings.Replace(anyPlace, "any-place", None, 1))
		},
		"there is no control": func(*testing.T, string) {},
	} {
		root := module(t, decides)
		add(t, root)
		if _, err := write(root, t.TempDir()); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v\nwant %q", err, name)
		}
	}
}
