package deliver

import (
	"os"
	"path/filepath"
)

// maxLinks is how many symbolic links that lead nowhere Resolve follows, as many as the system follows of others.
const maxLinks = 40

// Resolve follows the symbolic links of a path as far as it exists, so that two spellings of one place are equal. A link to
// what is missing is followed too: its target may be a disk that is not mounted. "" stays "".
func Resolve(path string) string {
	if path == "" {
		return ""
	}
	abs, err := filepath.Abs(path)
	if err != nil { // no working directory
		return filepath.Clean(path)
	}
	links := maxLinks
	return resolve(abs, &links)
}

// LeadsTo tells of paths whether Resolve gives path for them, as that gave it. Many that stand in one folder cost one look each.
func LeadsTo(path string) func(other string) bool {
	above := map[string]string{} // folders, and what Resolve gives
	return func(other string) bool {
		if other == path || other == "" || !filepath.IsAbs(other) {
			return other != "" && Resolve(other) == path
		}
		info, err := os.Lstat(other)
		if err == nil && info.Mode()&os.ModeSymlink != 0 {
			return Resolve(other) == path
		}
		dir, base := filepath.Split(filepath.Clean(other))
		real, ok := above[dir]
		if !ok {
			real = Resolve(dir)
			above[dir] = real
		}
		return filepath.Join(real, base) == path
	}
}

func resolve(path string, links *int) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	above := filepath.Dir(path)
	if above == path {
		return path
	}
	above = resolve(above, links)
	here := filepath.Join(above, filepath.Base(path))
	target, err := os.Readlink(here)
	if err != nil || *links == 0 {
		return here
	}
	*links--
	if !filepath.IsAbs(target) {
		target = filepath.Join(above, target)
	}
	return resolve(filepath.Clean(target), links)
}
