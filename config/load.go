package config

import (
	"errors"
	"io/fs"
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
	c, cfg := load(path, env, o)
	return c.result(cfg)
}

// Parse checks a document; name stands for the file in errors. It has all accounts: no other file is read. An error is an Error.
func Parse(name string, data []byte, env Env, o Options) (*Config, error) {
	c := newChecker(name, env, o)
	return c.result(c.parse(data, nil))
}

// load reads a file and what belongs to it, and gives the configuration as far as it is sound.
func load(path string, env Env, o Options) (*checker, *Config) {
	c := newChecker(path, env, o)
	s, err := readSheet(path, false)
	if err != nil {
		c.partly(openProblem(path, err, "there is no such file", "'popsync init' writes one; or name another by --config"))
		return c, nil
	}
	c.editions[path] = s.edition
	cfg := c.parse(s.data, s)
	if f := s.judge(c.literal); f != nil {
		c.add(c.literal, f.text, f.hint)
	}
	return c, cfg
}

func newChecker(name string, env Env, o Options) *checker {
	return &checker{env: env, opts: o, editions: map[string]string{},
		report: report{file: name, files: map[document.Path]string{}, silent: map[document.Path]bool{}}}
}

// parse gives the configuration as far as it is sound. own is the file that the document stands in; nil: it has none, and so there
// are no other files either.
func (c *checker) parse(data []byte, own *sheet) *Config {
	tree, where, p := document.Decode(c.file, data)
	if p != nil {
		c.problems = Error{*p}
		return nil
	}
	c.tree, c.where = tree, where
	c.literal = literalAt(tree, where)
	if own != nil {
		c.include(tree, own)
	} else if list, _ := tree["include"].([]any); len(list) > 0 {
		c.add("include", "is only possible in a file", "")
	}
	c.inherit(tree)
	return c.document(tree)
}

var errNoFile = errors.New("no file")

// openProblem words why a file or folder can't be read. gone and mend are for what is not there.
func openProblem(path string, err error, gone, mend string) Problem {
	p := Problem{File: path, Text: "can't be read"}
	var errno syscall.Errno
	var fault *safepath.Error
	switch {
	case errors.As(err, &fault):
		p.Text, p.Hint = "can't be trusted: "+fault.Why, fault.Mend
	case errors.Is(err, fs.ErrNotExist):
		p.Text, p.Hint = gone, mend
	case errors.Is(err, errNoFile):
		p.Text, p.Hint = "is no file", "only files belong here: move it elsewhere"
	case errors.Is(err, fs.ErrPermission):
		p.Text, p.Hint = "may not be read by this user", "see its permissions and those of the folders above it"
	case errors.As(err, &errno):
		p.Text += ": " + errno.Error()
		switch errno {
		case syscall.EISDIR:
			p.Hint = "a folder stands where a file is meant: move it elsewhere, or name the file"
		case syscall.ENOTDIR:
			p.Hint = "a file stands where a folder is meant: move it elsewhere, or name the folder"
		}
	}
	return p
}
