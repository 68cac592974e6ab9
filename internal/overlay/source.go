package overlay

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// source is the Go code of the module, without its tests, as far as it was looked at.
type source struct {
	root string
	was  map[string]string // text by file, relative to the root, with slashes
	is   map[string]string // the same, with the edits so far
}

func newSource(root string) *source {
	return &source{root: root, was: map[string]string{}, is: map[string]string{}}
}

// load reads the files of a folder and of those below, and returns their names in order.
func (s *source) load(folder string) (names []string, err error) {
	top := filepath.Join(s.root, filepath.FromSlash(folder))
	err = filepath.WalkDir(top, func(p string, e os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && e.Name() == "testdata":
			return filepath.SkipDir
		case e.IsDir() || filepath.Ext(p) != ".go" || strings.HasSuffix(p, "_test.go"):
			return nil
		}
		rel, err := filepath.Rel(s.root, p)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		names = append(names, name)
		if _, ok := s.was[name]; ok {
			return nil
		}
		b, err := os.ReadFile(p)
		s.was[name], s.is[name] = string(b), string(b)
		return err
	})
	return names, err
}

// apply makes the edits of a control, and adds its files.
func (s *source) apply(c *control) error {
	for _, e := range c.edits {
		if err := s.edit(c, e); err != nil {
			return err
		}
	}
	for _, f := range c.files {
		if _, err := os.Lstat(filepath.Join(s.root, filepath.FromSlash(f.name))); err == nil || s.is[f.name] != "" {
			return fmt.Errorf("%s: the source has a file %s of its own: give this one another name", c.file, f.name)
		}
		s.is[f.name] = f.text
	}
	return nil
}

func (s *source) edit(c *control, e edit) error {
	names, err := s.load(e.in)
	if err != nil {
		return fmt.Errorf("%s: %w", c.file, err)
	}
	var found []string
	before := 0 // how often it was there before other controls came
	for _, name := range names {
		before += strings.Count(s.was[name], e.anchor)
		for range strings.Count(s.is[name], e.anchor) {
			found = append(found, name)
		}
	}
	switch {
	case len(found) == 1:
		s.is[found[0]] = strings.Replace(s.is[found[0]], e.anchor, e.becomes, 1)
		return nil
	case before == 1:
		return fmt.Errorf("%s: another control changes the anchor of %s in %s: anchor one of the two beside it\n\t%s",
			c.file, c.name, e.in, e.anchor)
	case len(found) > 1:
		return fmt.Errorf("%s: the anchor of %s is in %s %d times (%s): make it longer, so that it means one place\n\t%s",
			c.file, c.name, e.in, len(found), strings.Join(slices.Compact(found), ", "), e.anchor)
	}
	return fmt.Errorf("%s: the anchor of %s is nowhere in %s any more\n\t%s\nFind where this is decided now, and anchor it there. What the control does:\n\t%s",
		c.file, c.name, e.in, e.anchor, strings.ReplaceAll(c.why, "\n", "\n\t"))
}

// changed are the files that are not as they were, or are new, in order.
func (s *source) changed() (names []string) {
	for name, text := range s.is {
		if was, ok := s.was[name]; !ok || was != text {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// folders are those of files, in order.
func folders(files []string) (all []string) {
	for _, f := range files {
		all = append(all, path.Dir(f))
	}
	slices.Sort(all)
	return slices.Compact(all)
}
