package safepath

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// world is a machine's root in a folder, in which paths are made: a name that ends in / is a folder, "a -> b" a link, any
// other a file, "a is also b" one with two names. A number in front is the mode, and @uid or @uid:gid behind whose it is; 0755 or 0644, and ours, without.
type world struct {
	t    *testing.T
	root string
}

func newWorld(t *testing.T, layout string) *world {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t, root}
	w.must(os.Chmod(root, 0o755))
	w.must(os.Chmod(filepath.Dir(root), 0o755))
	type late struct {
		path string
		mode fs.FileMode
	}
	var modes []late
	for line := range strings.FieldsFuncSeq(layout, func(r rune) bool { return r == '\n' || r == ';' }) {
		f := strings.Fields(line)
		mode := fs.FileMode(0)
		if f[0][0] == '0' {
			mode, f = parseMode(f[0]), f[1:]
		}
		name, owner, _ := strings.Cut(f[0], "@")
		path := filepath.Join(root, name)
		w.must(os.MkdirAll(filepath.Dir(path), 0o755))
		switch {
		case len(f) == 3:
			target := f[2]
			target, owner, _ = strings.Cut(target, "@")
			if strings.HasPrefix(target, "/") {
				target = filepath.Join(root, target)
			}
			w.must(os.Symlink(target, path))
		case len(f) == 4: // a file with two names
			w.must(os.WriteFile(path, []byte(name), 0o644))
			w.must(os.Link(path, filepath.Join(root, f[3])))
		case strings.HasSuffix(name, "/"):
			w.must(os.MkdirAll(path, 0o755))
		default:
			w.must(os.WriteFile(path, []byte(name), 0o644))
		}
		if owner != "" {
			var uid, gid int
			u, g, ok := strings.Cut(owner, ":")
			uid, gid = number(u), -1
			if ok {
				gid = number(g)
			}
			w.must(os.Lchown(path, uid, gid))
		}
		if mode != 0 {
			modes = append(modes, late{path, mode})
		}
	}
	for _, m := range modes {
		w.must(os.Chmod(m.path, m.mode))
	}
	return w
}

func parseMode(s string) fs.FileMode {
	n := 0
	for _, c := range s {
		n = n*8 + int(c-'0')
	}
	mode := fs.FileMode(n & 0o777)
	if n&0o1000 != 0 {
		mode |= fs.ModeSticky
	}
	if n&0o2000 != 0 {
		mode |= fs.ModeSetgid
	}
	return mode
}

func number(s string) (n int) {
	for _, c := range s {
		n = n*10 + int(c-'0')
	}
	return n
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// needsRoot skips a layout in which something is another user's.
func needsRoot(t *testing.T, layout string) {
	if !strings.Contains(layout, "@") || os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("only root can make what is another user's")
	}
	t.Skip("NOT TESTED: only root can make what is another user's")
}

// What people have goes on working.
func TestLayoutsThatWork(t *testing.T) {
	for name, tt := range map[string]struct{ layout, file, shared string }{
		"plain":                       {"home/me/f", "home/me/f", ""},
		"linked home":                 {"data/me/f; home -> /data", "home/me/f", "home/me"},
		"linked home, relative":       {"usr/home/me/f; home -> usr/home", "home/me/f", "home/me"},
		"stow":                        {"home/me/dotfiles/popsync/.config/popsync/f; home/me/.config/popsync -> ../dotfiles/popsync/.config/popsync", "home/me/.config/popsync/f", ""},
		"links in a chain, with dots": {"a/b/f; a/c -> ./b/../b; d/e -> ../a/./c//; g -> d/e/f", "g", ""},
		"nix":                         {"nix/store/abc/f; 01775 nix/store/; etc/f -> static; etc/static -> /nix/store/abc/f", "etc/f", ""},
		"nix, equal files linked":     {"nix/store/.links/; nix/store/abc is also nix/store/.links/abc; 01775 nix/store/@0:12345; etc/f -> /nix/store/abc", "etc/f", ""},
		"alternatives":                {"usr/bin/vim.basic; etc/alternatives/vim -> /usr/bin/vim.basic; usr/bin/vim -> /etc/alternatives/vim", "usr/bin/vim", ""},
		"secrets of a container": {"run/secrets/..2026_01/password; 01777 run/secrets/; run/secrets/..data -> ..2026_01; run/secrets/password -> ..data/password",
			"run/secrets/password", ""},
		"sticky, ours in it":           {"01777 tmp/; tmp/me/f", "tmp/me/f", "tmp/me"},
		"sticky, a file of ours":       {"01777 tmp/; tmp/f", "tmp/f", ""},
		"folder that cannot be listed": {"home/me/f; 0711 home/", "home/me/f", "home/me"},
		"group that may only read":     {"02750 srv/; 0640 srv/f", "srv/f", ""},
		"a Maildir of another user's":  {"home/you/@12345; home/you/Mail/@12345", "", "home/you/Mail"},
		"of another's, sticky":         {"01777 var/mail/; var/mail/you/@12345", "", "var/mail/you"},
		"of a group of mail":           {"02775 var/mail/@0:12345; var/mail/you/@12345", "", "var/mail/you"},
		"our link to another's folder": {"home/you/@12345; home/you/Mail/@12345; me/Mail -> /home/you/Mail", "", "me/Mail"},
	} {
		t.Run(name, func(t *testing.T) {
			needsRoot(t, tt.layout)
			w := newWorld(t, tt.layout)
			if tt.file != "" {
				f, err := File(filepath.Join(w.root, tt.file))
				w.must(err)
				text, err := io.ReadAll(f)
				w.must(err)
				w.must(f.Close())
				if filepath.Base(string(text)) == "" {
					t.Error("another file")
				}
			}
			if tt.shared != "" {
				d, err := SharedDir(filepath.Join(w.root, tt.shared))
				w.must(err)
				here, err1 := d.Stat()
				there, err2 := os.Stat(filepath.Join(w.root, tt.shared))
				if err1 != nil || err2 != nil || !os.SameFile(here, there) {
					t.Error("another folder")
				}
				if (d.Fault != nil) != strings.Contains(tt.layout, "12345") || d.World != nil {
					t.Errorf("%v, %v", d.Fault, d.World)
				}
				d.Close()
			}
		})
	}
}

// What others could change is refused, with what mends it. %s is the root.
func TestLayoutsThatAreRefused(t *testing.T) {
	for name, tt := range map[string]struct{ layout, path, mend string }{
		"file for all":                      {"0646 etc/f", "etc/f", "chmod o-w %s/etc/f"},
		"file for all, in private":          {"0602 etc/f", "etc/f", "chmod o-w %s/etc/f"},
		"file of another's":                 {"etc/f@12345", "etc/f", "run popsync as 12345, or say: chown root %s/etc/f"},
		"folder for all":                    {"0757 etc/; etc/f", "etc/f", "chmod o-w %s/etc"},
		"folder for all, far above":         {"0757 a/; a/b/c/f", "a/b/c/f", "chmod o-w %s/a"},
		"folder of a group":                 {"0775 etc/@0:12345; etc/f", "etc/f", "chmod g-w %s/etc"},
		"folder of another's":               {"etc/@12345; etc/f", "etc/f", "run popsync as 12345, or say: chown root %s/etc"},
		"behind a link":                     {"0757 b/; b/f; a/f -> ../b/f", "a/f", "chmod o-w %s/b"},
		"folder of the link":                {"0757 a/; b/f; a/f -> ../b/f", "a/f", "chmod o-w %s/a"},
		"link to a folder, in a bad folder": {"0757 a/; b/f; a/b -> ../b", "a/b/f", "chmod o-w %s/a"},
		"another's in a sticky folder":      {"01777 tmp/; tmp/f@12345", "tmp/f", "run popsync as 12345, or say: chown root %s/tmp/f"},
		"another's folder in a sticky one":  {"01777 tmp/; tmp/d/@12345; tmp/d/f", "tmp/d/f", "run popsync as 12345, or say: chown root %s/tmp/d"},
		"another's link in a sticky folder": {"01777 tmp/; b/f; tmp/f -> ../b/f@12345", "tmp/f", "chown -h root %s/tmp/f"},
		"linked into a folder of all":       {"etc/; tmp/f is also etc/f; 01777 tmp/", "tmp/f", "cp %[1]s/tmp/f %[1]s/tmp/f.own && mv %[1]s/tmp/f.own %[1]s/tmp/f"},
		"sticky folder of another's":        {"01755 tmp/@12345; tmp/f", "tmp/f", "run popsync as 12345, or say: chown root %s/tmp"},
		"a name that the shell would split": {"0757 it's/; it's/f", "it's/f", `chmod o-w '%s/it'\''s'`},
		"folder for all and a group":        {"0777 etc/@0:12345; etc/f", "etc/f", "chmod go-w %s/etc"},
	} {
		t.Run(name, func(t *testing.T) {
			needsRoot(t, tt.layout)
			w := newWorld(t, tt.layout)
			mend := strings.NewReplacer("%s", w.root, "%[1]s", w.root).Replace(tt.mend)
			path := filepath.Join(w.root, tt.path)
			f, err := File(path)
			var fault *Error
			if !errors.As(err, &fault) || fault.Mend != mend || !errors.Is(err, fs.ErrPermission) {
				t.Errorf("%v: %+v; want %s", f, err, mend)
			}
			must := func(err error) { w.must(err) }
			if info, err := os.Stat(path); err == nil {
				must(os.Chmod(path, info.Mode()|0o111))
				if err := Program(path, true); !errors.As(err, &fault) || fault.Mend != mend {
					t.Errorf("as a program: %v", err)
				}
			}
		})
	}
}

// In somebody else's folder real folders are entered, and links are not followed.
func TestSharedFollowsNoLinkOfOthers(t *testing.T) {
	for name, tt := range map[string]struct{ layout, path string }{
		"of the user it is for": {"home/you/@12345; secret/Mail/; home/you/Mail -> /secret/Mail@12345", "home/you/Mail"},
		"root's, in his folder": {"home/you/@12345; secret/Mail/; home/you/Mail -> /secret/Mail", "home/you/Mail"},
		"on the way":            {"home/you/@12345; secret/Mail/; home/you/x -> /secret@12345", "home/you/x/Mail"},
		"in a sticky folder":    {"01777 tmp/; secret/Mail/; tmp/m -> ../secret@12345", "tmp/m/Mail"},
		"of a group":            {"0775 g/@0:12345; secret/Mail/; g/m -> ../secret", "g/m/Mail"},
	} {
		t.Run(name, func(t *testing.T) {
			needsRoot(t, tt.layout)
			w := newWorld(t, tt.layout)
			d, err := SharedDir(filepath.Join(w.root, tt.path))
			var fault *Error
			if !errors.As(err, &fault) || !strings.Contains(err.Error(), "symbolic link that others can change") {
				t.Errorf("%v: %v", d, err)
			}
		})
	}
	needsRoot(t, "@")
	w := newWorld(t, "0777 a/; a/b/c/@12345")
	d, err := SharedDir(filepath.Join(w.root, "a/b/c"))
	w.must(err)
	defer d.Close()
	if d.World == nil || d.World.Mend != "chmod o-w "+w.root+"/a" || d.Fault == nil {
		t.Errorf("%v, %v", d.World, d.Fault)
	}
}
