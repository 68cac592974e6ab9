package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/popsync/popsync/config/document"
	"github.com/popsync/popsync/internal/safepath"
)

// Problem is one thing that a person has to change, and Error all of them: Load and Parse return no other type of error.
type (
	Problem = document.Problem
	Error   = document.Error
)

// Load reads and checks a file, which nobody but root and this user may be able to change, nor what leads to it: it names
// programs that are run. A file that holds a password itself must be a regular file that nobody else may open. An error is
// an Error.
func Load(path string, env Env, o Options) (*Config, error) {
	s, p := readSheet(path)
	if p != nil {
		return nil, Error{*p}
	}
	c, cfg, literal, included := parse(path, s.data, env, o, readSheet)
	if cfg != nil {
		cfg.Edition = s.edition
		if len(included) > 0 {
			cfg.Edition += fmt.Sprintf(" %x", sha256.Sum256([]byte(strings.Join(included, "\n"))))
		}
	}
	if f := s.judge(literal); f != nil {
		c.add(literal, f.text, f.hint)
	}
	return c.result(cfg)
}

// Parse checks a document; name stands for the file in errors. An error is an Error.
func Parse(name string, data []byte, env Env, o Options) (*Config, error) {
	c, cfg, _, _ := parse(name, data, env, o, nil)
	return c.result(cfg)
}

// parse gives the collected problems, the configuration as far as it is sound, where a literal secret stands in the document
// itself, and the editions of the files that it includes, which read reads. nil: it cannot include any.
func parse(name string, data []byte, env Env, o Options, read func(path string) (*sheet, *Problem)) (c *checker, cfg *Config, literal document.Path, included []string) {
	c = &checker{env: env, opts: o, read: read,
		report: report{file: name, files: map[document.Path]string{}, silent: map[document.Path]bool{}}}
	tree, where, p := document.Decode(name, data)
	if p != nil {
		c.problems = Error{*p}
		return c, nil, "", nil
	}
	c.where = where
	literal = literalAt(tree, where)
	included = c.include(tree)
	c.inherit(tree)
	cfg = c.document(tree)
	return c, cfg, literal, included
}

// openProblem words why a file can't be read.
func openProblem(path string, err error) Problem {
	p := Problem{File: path, Text: "can't be read"}
	var errno syscall.Errno
	var fault *safepath.Error
	switch {
	case errors.As(err, &fault):
		p.Text, p.Hint = "can't be trusted: "+fault.Why, fault.Mend
	case errors.Is(err, fs.ErrNotExist):
		p.Text, p.Hint = "there is no such file", "write one, config.example.toml shows how, or name another by --config"
	case errors.Is(err, fs.ErrPermission):
		p.Text, p.Hint = "may not be read by this user", "see its permissions and those of the folders above it"
	case errors.As(err, &errno):
		p.Text += ": " + errno.Error()
	}
	return p
}
