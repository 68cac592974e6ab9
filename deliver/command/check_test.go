package command

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver"
)

func TestCheck(t *testing.T) {
	dir := folder(t)
	bin := filepath.Join(dir, "up", "bin")
	must(t, os.MkdirAll(bin, 0o755))
	mda := filepath.Join(bin, "mda")
	ran := filepath.Join(dir, "ran")
	must(t, os.WriteFile(mda, []byte("#!/bin/sh\ntouch "+ran+"\n"), 0o755))
	links := filepath.Join(dir, "links")
	must(t, os.Mkdir(links, 0o755))
	link := filepath.Join(links, "mda")
	must(t, os.Symlink(mda, link))

	for _, path := range []string{mda, link} {
		must(t, sender(t, Options{Args: []string{path}}).Check(context.Background(), ""))
	}
	if _, err := os.Stat(ran); err == nil {
		t.Fatal("Check ran it")
	}
	for _, c := range []struct {
		path, changed string
		mode, back    os.FileMode
		want          string // in the error; "" for none
	}{
		{mda, mda, 0o775, 0o755, "others can write"},
		{mda, mda, 0o757, 0o755, "others can write"},
		{mda, mda, 0o777 | os.ModeSticky, 0o755, "others can write"},
		{mda, bin, 0o775, 0o755, "others can write"},
		{mda, bin, 0o757, 0o755, "others can write"},
		{mda, bin, 0o777 | os.ModeSticky, 0o755, ""},
		{mda, filepath.Dir(bin), 0o777, 0o755, "others can write"},
		{link, mda, 0o775, 0o755, "others can write"},
		{link, bin, 0o775, 0o755, "others can write"},
		{link, links, 0o775, 0o755, "others can write"},
		{mda, mda, 0o644, 0o755, "not executable"},
	} {
		must(t, os.Chmod(c.changed, c.mode))
		s := sender(t, Options{Args: []string{c.path}})
		err := s.Check(context.Background(), "")
		_ = os.Remove(ran)
		sent := s.Send(context.Background(), outgoing(hello))
		_, missing := os.Stat(ran)
		if c.want == "" {
			must(t, err)
			must(t, sent)
		} else {
			for _, err := range []error{err, sent} {
				e := asError(t, err)
				if e.Scope != deliver.WholeTarget || !e.Permanent || e.Hint == "" || !strings.Contains(e.Error(), c.want) {
					t.Errorf("%s is %v: %+v", c.changed, c.mode, e)
				}
			}
			if missing == nil {
				t.Errorf("%s is %v: it ran", c.changed, c.mode)
			}
		}
		must(t, os.Chmod(c.changed, c.back))
	}
	if err := sender(t, Options{Args: []string{mda}, Dir: mda}).Check(context.Background(), ""); err == nil {
		t.Error("a file as working directory")
	}
}
