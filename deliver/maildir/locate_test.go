package maildir_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

func TestLocates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail")
	m := open(t, path)
	if got, info := m.Locate(); got != path || info != nil {
		t.Errorf("nothing is at %q, %v", got, info)
	}
	mkdirs(t, path+"2", ".")
	must(t, os.Symlink("mail2", path))
	want, err := os.Stat(path + "2")
	must(t, err)
	if got, info := m.Locate(); got != path || !os.SameFile(info, want) {
		t.Errorf("it is at %q, %v", got, info)
	}
	t.Chdir(filepath.Dir(path))
	if got, _ := open(t, "mail").Locate(); got != path {
		t.Errorf("it is at %q", got)
	}
}

func TestRecognises(t *testing.T) {
	ctx := context.Background()
	for name, make := range map[string]func(path string){
		"no parent": func(string) {},
		"nothing":   func(path string) { mkdirs(t, filepath.Dir(path), ".") },
		"a Maildir": func(path string) { mkdirs(t, path, "cur", "new", "tmp") },
		"a file":    func(path string) { mkdirs(t, filepath.Dir(path), "."); must(t, os.WriteFile(path, nil, 0o600)) },
		"a link":    func(path string) { mkdirs(t, filepath.Dir(path), "."); must(t, os.Symlink("nothing", path)) },
	} {
		path := filepath.Join(t.TempDir(), "parent", "mail")
		make(path)
		if got, err := open(t, path).Recognise(ctx); got != "" || err != nil {
			t.Errorf("%s is recognised as %q, %v", name, got, err)
		}
	}
	path := filepath.Join(t.TempDir(), "mail")
	known := identify(t, open(t, path), "")
	if got, err := open(t, path).Recognise(ctx); got != known || err != nil {
		t.Errorf("recognised as %q, %v, want %q", got, err, known)
	}
	must(t, os.WriteFile(filepath.Join(path, "popsync.id"), []byte("x"), 0o600))
	_, err := open(t, path).Recognise(ctx)
	refuses(t, err, "popsync.id is damaged")
	_, err = open(t, "").Recognise(ctx)
	refuses(t, err, "not a path")
}
