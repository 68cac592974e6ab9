package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/popsync/popsync/config/document"
	"github.com/popsync/popsync/internal/safepath"
)

// maxIncluded bounds how many files may be included.
const maxIncluded = 10_000

// AccountsFolder is the folder beside a configuration file whose *.toml files are read with it, without being named. It may not
// exist.
func AccountsFolder(file string) string { return filepath.Join(filepath.Dir(file), "accounts.d") }

// inclusion is a file of accounts.
type inclusion struct {
	file string
	at   document.Path // what names it; "": it lies in AccountsFolder
}

// include takes the accounts of other files into the tree: those of AccountsFolder, and those that the key include names. What is
// meant twice is taken once. own is the document's file.
func (c *checker) include(tree map[string]any, own *sheet) {
	met, taken := map[string]bool{}, map[string]bool{own.id: true}
	for _, in := range slices.Concat(c.beside(), c.named(tree)) {
		if met[in.file] {
			continue
		}
		if met[in.file] = true; len(met) > maxIncluded {
			c.add(in.at, fmt.Sprintf("more than %d files with accounts", maxIncluded), "")
			return
		}
		s, err := readSheet(in.file, true)
		if err != nil {
			gone, mend := "leads nowhere", "mend the link, or remove it"
			if in.at != "" {
				gone, mend = "there is no such file", "write one, or take it out of include in "+c.file
			}
			c.partly(openProblem(in.file, err, gone, mend))
			continue
		}
		if !taken[s.id] {
			taken[s.id] = true
			c.merge(tree, s)
		}
	}
}

// beside gives the files of AccountsFolder. No folder is as good as an empty one; but a link that leads nowhere is none: it may
// be the way to a disk that is missing, and its accounts would just stop.
func (c *checker) beside() (all []inclusion) {
	dir := AccountsFolder(c.file)
	files, err := filesIn(dir, "*.toml")
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(dir); err != nil {
			return nil
		}
	}
	if err != nil {
		c.partly(openProblem(dir, err, "leads nowhere", "mend the link, or remove it"))
	}
	for _, f := range files {
		all = append(all, inclusion{file: f})
	}
	return all
}

// named gives the files that the key include names.
func (c *checker) named(tree map[string]any) (all []inclusion) {
	v, ok := tree["include"]
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		c.add("include", "must be a list of files, not "+kind(v), `write include = ["/path/*.toml"]`)
		return nil
	}
	for i, v := range list {
		at := document.Path("include").Index(i)
		pattern, ok := v.(string)
		if !ok {
			c.add(at, "must be a file, not "+kind(v), `write include = ["/path/*.toml"]`)
			continue
		}
		files, f := c.matching(pattern)
		if f != nil {
			c.add(at, f.text, f.hint)
			c.lacks = true
		}
		for _, file := range files {
			all = append(all, inclusion{file, at})
		}
	}
	return all
}

// matching gives the files that a pattern means, by name. One without * and ? is a file, which must be there.
func (c *checker) matching(pattern string) (files []string, f *fault) {
	if pattern == "" {
		return nil, &fault{text: "must not be empty"}
	}
	path := pattern
	if strings.HasPrefix(pattern, "~") {
		if path, f = c.env.expand(pattern); f != nil {
			return nil, f
		}
	} else if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(c.file), path)
	}
	dir, name := filepath.Split(filepath.Clean(path))
	if !strings.ContainsAny(path, "*?[") {
		return []string{path}, nil
	}
	if strings.ContainsAny(dir, "*?[") {
		return nil, &fault{text: document.Shown(pattern) + ": only the last part of a path may have * or ?", hint: "name the folders one by one"}
	}
	if _, err := filepath.Match(name, ""); err != nil {
		return nil, &fault{text: document.Shown(pattern) + " is no pattern", hint: "a bracket is not closed"}
	}
	files, err := filesIn(dir, name)
	if err != nil {
		p := openProblem(dir, err, "there is no such folder", "make it, or take it out of include")
		return nil, &fault{text: strings.TrimSuffix(dir, "/") + ": " + p.Text, hint: p.Hint}
	}
	return files, nil
}

// filesIn gives the files of a folder whose names fit a pattern, by name, and no hidden ones.
func filesIn(dir, pattern string) (files []string, err error) {
	folder, err := safepath.Dir(dir)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	names, err := safepath.NamesAt(folder)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	for _, n := range names {
		if ok, _ := filepath.Match(pattern, n); ok && !strings.HasPrefix(n, ".") {
			files = append(files, filepath.Join(dir, n))
		}
	}
	return files, nil
}
