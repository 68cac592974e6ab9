package overlay

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

// control is one thing that is wrong on purpose, as its file tells it. The comment of that txtar archive says what is wrong
// and where it is decided. Then come pairs of parts and, if they are needed, whole files:
//
//	-- in FOLDER --
//	a piece of code, without the white space around it, that occurs once in the folder and those below
//	-- becomes --
//	what stands there instead, behind if controlled("NAME")
//	-- new FOLDER/FILE.go --
//	a file that the source does not have
//
// A folder, since code moves from file to file. The function controlled is there in each package that is edited.
type control struct {
	name  string
	file  string // relative to the module's root
	why   string
	edits []edit
	files []file
}

type edit struct{ in, anchor, becomes string }

type file struct{ name, text string } // name: relative to the root, with slashes

// read reads a control from its file.
func read(root, name string) (*control, error) {
	a, err := txtar.ParseFile(filepath.Join(root, name))
	if err != nil {
		return nil, err
	}
	c := &control{name: strings.TrimSuffix(filepath.Base(name), ".txtar"), file: name, why: strings.TrimSpace(string(a.Comment))}
	switched := false
	for i := 0; i < len(a.Files); i++ {
		kind, where, _ := strings.Cut(a.Files[i].Name, " ")
		text := strings.TrimSpace(string(a.Files[i].Data))
		switch {
		case kind == "new" && path.Ext(where) == ".go":
			c.files = append(c.files, file{where, text + "\n"})
		case kind == "in" && where != "" && text != "" && i+1 < len(a.Files) && a.Files[i+1].Name == "becomes":
			i++
			becomes := strings.TrimSpace(string(a.Files[i].Data))
			c.edits = append(c.edits, edit{where, text, becomes})
			text = becomes
		default:
			return nil, fmt.Errorf("%s: %q: want '-- in FOLDER --' with an anchor and then '-- becomes --', or '-- new FOLDER/FILE.go --'", name, a.Files[i].Name)
		}
		switched = switched || strings.Contains(text, `controlled("`+c.name)
	}
	switch {
	case c.why == "":
		return nil, fmt.Errorf("%s: the first lines must say what is wrong, and where that is decided", name)
	case !switched:
		return nil, fmt.Errorf("%s: nothing asks for controlled(%q): the control would always be on, or never", name, c.name)
	}
	return c, nil
}

// readAll reads the controls in all folders testdata/controls of the module, by name.
func readAll(root string) (all []*control, err error) {
	err = filepath.WalkDir(root, func(p string, e os.DirEntry, err error) error {
		if err == nil && e.IsDir() && e.Name() == ".git" {
			return filepath.SkipDir
		}
		if err != nil || filepath.Ext(p) != ".txtar" || !strings.HasSuffix(filepath.ToSlash(filepath.Dir(p)), "/testdata/controls") {
			return err
		}
		name, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		c, err := read(root, name)
		if err == nil {
			all = append(all, c)
		}
		return err
	})
	if err == nil && len(all) == 0 {
		err = errors.New("there is no control in any folder testdata/controls of " + root)
	}
	return all, err
}
