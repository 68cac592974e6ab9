package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/popsync/popsync/config/document"
	"github.com/popsync/popsync/internal/safepath"
)

// maxIncluded bounds how many files may be included.
const maxIncluded = 10_000

// sheet is a file of a configuration as it was read.
type sheet struct {
	path    string
	data    []byte
	edition string // another one since it was written again
	mode    fs.FileMode
	owner   uint32
}

// readSheet reads a file that nobody else can change, nor what leads to it.
func readSheet(path string) (*sheet, *Problem) {
	f, err := safepath.File(path)
	if err != nil {
		p := openProblem(path, err)
		return nil, &p
	}
	defer f.Close()
	// Of the open file, not of its name, which may be another one by now. It comes before the reading: what is written
	// meanwhile is a later edition.
	info, err := f.Stat()
	var data []byte
	if err == nil {
		data, err = io.ReadAll(io.LimitReader(f, document.MaxFile+1))
	}
	if err != nil {
		p := openProblem(path, err)
		return nil, &p
	}
	s := &sheet{path: path, data: data, mode: info.Mode()}
	inode := uint64(0)
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		s.owner, inode = st.Uid, uint64(st.Ino)
	}
	s.edition = fmt.Sprintf("%d %d %d", info.ModTime().UnixNano(), inode, info.Size())
	return s, nil
}

// judge tells whether a file may hold the secret that stands at a path in it; "": it holds none.
func (s *sheet) judge(literal document.Path) *fault {
	if literal == "" {
		return nil
	}
	return ownerFault(s.path, s.mode.IsRegular(), s.mode.Perm(), s.owner, uint32(os.Geteuid()))
}

// include takes the accounts of the files that the key include names into the tree, and gives their editions. In such a
// file there are accounts and nothing else, so that nobody has to look there for what counts for all.
func (c *checker) include(tree map[string]any) (editions []string) {
	v, ok := tree["include"]
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		c.add("include", "must be a list of files, not "+kind(v), `write include = ["accounts.d/*.toml"]`)
		return nil
	}
	if c.read == nil && len(list) > 0 {
		c.add("include", "is only possible in a file", "")
		return nil
	}
	met := map[string]bool{}
	for i, v := range list {
		at := document.Path("include").Index(i)
		pattern, ok := v.(string)
		if !ok {
			c.add(at, "must be a file, not "+kind(v), `write include = ["accounts.d/*.toml"]`)
			continue
		}
		files, f := c.matching(pattern)
		if f != nil {
			c.add(at, f.text, f.hint)
		}
		for _, file := range files {
			if met[file] {
				continue
			}
			if met[file] = true; len(met) > maxIncluded {
				c.add(at, fmt.Sprintf("more than %d files", maxIncluded), "")
				return editions
			}
			s, p := c.read(file)
			if p != nil {
				c.problems = append(c.problems, *p)
				continue
			}
			editions = append(editions, file+" "+s.edition)
			c.merge(tree, s)
		}
	}
	return editions
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
	folder, err := safepath.Dir(dir)
	if err != nil {
		p := openProblem(dir, err)
		hint := p.Hint
		if errors.Is(err, fs.ErrNotExist) {
			p.Text, hint = "there is no such folder", "make it, or take it out of include"
		}
		return nil, &fault{text: strings.TrimSuffix(dir, "/") + ": " + p.Text, hint: hint}
	}
	defer folder.Close()
	names, err := safepath.NamesAt(folder)
	if err != nil {
		return nil, &fault{text: strings.TrimSuffix(dir, "/") + ": can't be read"}
	}
	slices.Sort(names)
	for _, n := range names {
		if ok, _ := filepath.Match(name, n); ok && !strings.HasPrefix(n, ".") {
			files = append(files, filepath.Join(dir, n))
		}
	}
	return files, nil
}

// merge takes in the accounts of an included file.
func (c *checker) merge(tree map[string]any, s *sheet) {
	more, where, p := document.Decode(s.path, s.data)
	if p != nil {
		c.problems = append(c.problems, *p)
		return
	}
	problem := func(at document.Path, text, hint string) {
		c.problems = append(c.problems, Problem{File: s.path, Line: where[at], Key: at.Short(), Text: document.Limit(text), Hint: document.Limit(hint)})
	}
	if literal := literalAt(more, where); literal != "" {
		if f := s.judge(literal); f != nil {
			problem(literal, f.text, f.hint)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(more)) {
		if k != "account" {
			problem(document.Path("").Key(k), "only accounts may stand in an included file", "write it into "+c.file)
		}
	}
	v, ok := more["account"]
	if !ok {
		return
	}
	accounts, ok := v.(map[string]any)
	if !ok {
		problem("account", "accounts are tables with names", "write [account.NAME], for example [account.work]")
		return
	}
	all, ok := tree["account"].(map[string]any)
	if !ok {
		if _, odd := tree["account"]; odd {
			return // it is told by itself
		}
		all = map[string]any{}
		tree["account"] = all
	}
	for _, name := range slices.Sorted(maps.Keys(accounts)) {
		at := document.Path("account").Key(name)
		if _, there := all[name]; there {
			problem(at, fmt.Sprintf("there is an account of that name in %s:%d too", c.fileOf(at), c.line(at)), "give one of them another name")
			continue
		}
		all[name] = accounts[name]
		c.files[at] = s.path
		for path, line := range where {
			if path.Within(at) {
				c.where[path] = line
			}
		}
	}
}
