package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/popsync/popsync/internal/safepath"
)

// Load reads and checks a file, which nobody but root and this user may be able to change, nor what leads to it: it names
// programs that are run. A file that holds a password itself must be a regular file that nobody else may open. An error is
// an Error.
func Load(path string, env Env, o Options) (*Config, error) {
	f, err := safepath.File(path)
	if err != nil {
		return nil, Error{openProblem(path, err)}
	}
	defer f.Close()
	// Of the open file, not of its name, which may be another one by now. It comes before the reading: what is written
	// meanwhile is a later edition.
	info, err := f.Stat()
	if err != nil {
		return nil, Error{openProblem(path, err)}
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, Error{openProblem(path, err)}
	}
	owner, inode := uint32(0), uint64(0)
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		owner, inode = s.Uid, uint64(s.Ino)
	}
	c, cfg, literal := parse(path, data, env, o)
	if cfg != nil {
		cfg.Edition = fmt.Sprintf("%d %d %d", info.ModTime().UnixNano(), inode, info.Size())
	}
	if literal != "" {
		if p := ownerFault(path, info.Mode().IsRegular(), info.Mode().Perm(), owner, uint32(os.Geteuid())); p != nil {
			c.add(literal, p.text, p.hint)
		}
	}
	return c.result(cfg)
}

// Parse checks a document; name stands for the file in errors. An error is an Error.
func Parse(name string, data []byte, env Env, o Options) (*Config, error) {
	c, cfg, _ := parse(name, data, env, o)
	return c.result(cfg)
}

// parse gives the collected problems, the configuration as far as it is sound, and where a literal secret stands.
func parse(name string, data []byte, env Env, o Options) (c *checker, cfg *Config, literal string) {
	c = &checker{file: name, env: env, opts: o}
	tree, where, p := decode(name, data)
	if p != nil {
		c.problems = Error{*p}
		return c, nil, ""
	}
	c.where = where
	cfg = c.document(tree)
	return c, cfg, literalAt(tree, where)
}

func (c *checker) result(cfg *Config) (*Config, error) {
	if len(c.problems) > 0 {
		c.problems.sort()
		return nil, c.problems
	}
	return cfg, nil
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
