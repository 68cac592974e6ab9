package config

import (
	"errors"
	"io/fs"
	"os"
	"slices"
)

// LoadWith is Load for a configuration that has more accounts than its files, as if the first of them ended in this text. There need
// be no file yet. The text may hold a password whatever the file's mode: it is nowhere but here.
func LoadWith(path string, more []byte, env Env, o Options) (*Config, error) {
	c, s := newChecker(path, env, o), &sheet{path: path}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		if s, err = readSheet(path, false); err != nil {
			c.partly(openProblem(path, err, "there is no such file", "name another by --config"))
			return c.result(nil)
		}
	}
	return c.result(c.parse(slices.Concat(s.data, []byte("\n"), more), s))
}
