package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/popsync/popsync/config/document"
)

// Env looks up an environment variable, as os.Getenv does. HOME, XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_RUNTIME_DIR and
// systemd's STATE_DIRECTORY, RUNTIME_DIRECTORY and CREDENTIALS_DIRECTORY are asked for. nil: an empty environment.
type Env func(key string) string

// get is the value of a variable that holds an absolute path. Others are ignored, as the XDG specification asks.
func (e Env) get(key string) string {
	if e == nil {
		return ""
	}
	if v := e(key); filepath.IsAbs(v) {
		return v
	}
	return ""
}

// first is the first path of a variable in which systemd lists, with colons, several directories of a unit.
func (e Env) first(key string) string {
	if e == nil {
		return ""
	}
	if dir, _, _ := strings.Cut(e(key), ":"); filepath.IsAbs(dir) {
		return filepath.Clean(dir)
	}
	return ""
}

// xdg is the directory that an XDG variable names, or its default under the home directory, or "".
func (e Env) xdg(key, home string) string {
	if dir := e.get(key); dir != "" {
		return dir
	}
	if dir := e.get("HOME"); dir != "" {
		return filepath.Join(dir, home)
	}
	return ""
}

// SearchPaths gives where a configuration is looked for when the person names none, the first that exists winning.
func SearchPaths(env Env) []string {
	var paths []string
	if dir := env.xdg("XDG_CONFIG_HOME", ".config"); dir != "" {
		paths = append(paths, filepath.Join(dir, "popsync", "config.toml"))
	}
	return append(paths, "/etc/popsync/config.toml")
}

// DefaultPath gives the first of SearchPaths that exists; when none does, the first, for Load to complain about. A
// file that can't be looked at counts as existing: falling back silently would hide it.
func DefaultPath(env Env) string {
	paths := SearchPaths(env)
	for _, p := range paths {
		if _, err := os.Stat(p); !errors.Is(err, fs.ErrNotExist) {
			return p
		}
	}
	return paths[0]
}

// defaultStateDir is where the ledger lives when the file doesn't say, or "".
func defaultStateDir(env Env) string {
	if dir := env.first("STATE_DIRECTORY"); dir != "" {
		return dir
	}
	if dir := env.xdg("XDG_STATE_HOME", ".local/state"); dir != "" {
		return filepath.Join(dir, "popsync")
	}
	return ""
}

// path accepts an absolute path or one that begins with "~". Empty texts are left to the caller.
func (e Env) path(dst *string) convert {
	return func(v any) *fault {
		s, ok := v.(string)
		if !ok {
			return want("a path in quotes", v, "")
		}
		if s == "" {
			*dst = ""
			return nil
		}
		p, f := e.expand(s)
		if f == nil {
			*dst = p
		}
		return f
	}
}

// output is path for a file that popsync writes, whose name ends in suffix.
func (e Env) output(dst *string, suffix string) convert {
	return func(v any) *fault {
		var p string
		f := e.path(&p)(v)
		s, _ := v.(string)
		switch {
		case f != nil:
			return f
		case strings.HasSuffix(s, "/") || s == "~":
			return &fault{text: document.Shown(s) + " is a folder", hint: "write the path of a file"}
		case p != "" && !strings.HasSuffix(p, suffix):
			return &fault{text: document.Shown(s) + " doesn't end in " + suffix, hint: "else the collector passes it over"}
		}
		*dst = p
		return nil
	}
}

// expand resolves "~" at the beginning and nothing else.
func (e Env) expand(s string) (string, *fault) {
	if strings.ContainsRune(s, 0) {
		return "", &fault{text: "a path can't hold a NUL"}
	}
	if s == "~" || strings.HasPrefix(s, "~/") {
		home := e.get("HOME")
		if home == "" {
			return "", &fault{text: "~ has no meaning here: HOME is not set", hint: "write an absolute path"}
		}
		return filepath.Join(home, s[1:]), nil
	}
	if strings.HasPrefix(s, "~") {
		return "", &fault{text: "only ~ itself is expanded, not ~user", hint: "write an absolute path"}
	}
	if !filepath.IsAbs(s) {
		hint := "write an absolute path or ~/..."
		if strings.Contains(s, "$") {
			hint += "; variables are not expanded"
		}
		return "", &fault{text: document.Shown(s) + " is a relative path", hint: hint}
	}
	return filepath.Clean(s), nil
}
