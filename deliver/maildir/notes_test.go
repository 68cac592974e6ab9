package maildir

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
)

func TestNotes(t *testing.T) {
	f := newFixture(t)
	if all, err := New(Options{Path: f.path + "x"}).Notes(""); len(all) != 0 || err != nil {
		t.Errorf("nowhere are %v, %v", all, err)
	}
	long := strings.Repeat("z", 64)
	for _, n := range []deliver.Note{
		{Token: "a", Epoch: 0, Account: "work"}, {Token: "a", Epoch: 5, Account: "work-2._", Mailbox: "m1"},
		{Token: long, Epoch: math.MaxInt64, Account: long, Mailbox: long},
	} {
		if err := f.WriteNote(n); err != nil {
			t.Fatal(err)
		}
		m := New(Options{Path: f.path}) // not identified
		if got, err := m.Notes(n.Token); err != nil || len(got) != 1 || got[0] != n {
			t.Errorf("wrote %+v, read %+v, %v", n, got, err)
		}
		info, err := os.Lstat(filepath.Join(f.path, "popsync."+n.Token))
		if err != nil || info.Mode() != 0o600 || info.Size() != 256 {
			t.Errorf("the file is %v, %v", info, err)
		}
	}
	if all, err := f.Notes(""); err != nil || len(all) != 2 {
		t.Errorf("all are %v, %v", all, err)
	}
	if got, err := f.Notes("b"); err != nil || len(got) != 0 {
		t.Errorf("of another account: %v, %v", got, err)
	}
	f.restart() // the Maildir is as good as before
	f.expect(f.stage(1), "s")
}

// TestNotesRefuse: above all, no note is ever written over the Maildir's identity.
func TestNotesRefuse(t *testing.T) {
	f := newFixture(t)
	id, err := os.ReadFile(filepath.Join(f.path, idFile))
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("z", 65)
	for _, n := range []deliver.Note{
		{Token: "id", Account: "a"}, {Token: "", Account: "a"}, {Token: "../a", Account: "a"}, {Token: "A", Account: "a"}, {Token: long, Account: "a"},
		{Token: "a", Account: ""}, {Token: "a", Account: "a b"}, {Token: "a", Account: "a\n"}, {Token: "a", Account: long},
		{Token: "a", Account: "a", Mailbox: long}, {Token: "a", Account: "a", Mailbox: "-"}, {Token: "a", Account: "a", Epoch: -1},
	} {
		if f.WriteNote(n) == nil {
			t.Errorf("%+v was written", n)
		}
		if n.Token != "a" && n.Token != "" {
			if _, err := f.Notes(n.Token); err == nil {
				t.Errorf("%q can be read", n.Token)
			}
		}
	}
	if got := f.names("."); len(got) != 4 {
		t.Errorf("the Maildir has %q", got)
	}
	if now, err := os.ReadFile(filepath.Join(f.path, idFile)); err != nil || string(now) != string(id) {
		t.Errorf("popsync.id is %q, %v", now, err)
	}
	if New(Options{Path: f.path}).WriteNote(deliver.Note{Token: "a", Account: "a"}) == nil {
		t.Error("written before Identify")
	}
}

// TestForeignNotes: what is no note of ours is neither believed nor overwritten.
func TestForeignNotes(t *testing.T) {
	good := string(noteRecord(deliver.Note{Token: "a", Epoch: 7, Account: "work"}))
	for name, test := range map[string]struct {
		make    func(path string) error
		written bool // a later WriteNote works
	}{
		"empty":   {func(p string) error { return os.WriteFile(p, nil, 0o600) }, true},
		"cut":     {func(p string) error { return os.WriteFile(p, []byte(good[:100]), 0o600) }, true},
		"zeros":   {func(p string) error { return os.WriteFile(p, make([]byte, 256), 0o600) }, true},
		"changed": {func(p string) error { return os.WriteFile(p, []byte(strings.Replace(good, " 7 ", " 8 ", 1)), 0o600) }, true},
		"other token": {func(p string) error {
			return os.WriteFile(p, noteRecord(deliver.Note{Token: "b", Epoch: 7, Account: "work"}), 0o600)
		}, true},
		"longer":    {func(p string) error { return os.WriteFile(p, []byte(good+" "), 0o600) }, false},
		"a link":    {func(p string) error { return os.Symlink(p+"x", p) }, false},
		"a pipe":    {func(p string) error { return unix.Mkfifo(p, 0o600) }, false},
		"directory": {func(p string) error { return os.Mkdir(p, 0o700) }, false},
		"two names": {func(p string) error { return os.Link(p+"x", p) }, false},
		"foreign": {func(p string) error {
			if os.Geteuid() != 0 {
				return unix.Mkfifo(p, 0o600)
			}
			if err := os.WriteFile(p, []byte(good), 0o644); err != nil {
				return err
			}
			return os.Chown(p, 12345, 12345)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			path := filepath.Join(f.path, "popsync.a")
			if err := os.WriteFile(path+"x", []byte(good), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := test.make(path); err != nil {
				t.Fatal(err)
			}
			for _, token := range []string{"a", ""} {
				if got, err := f.Notes(token); err != nil || len(got) != 0 {
					t.Errorf("Notes(%q): %v, %v", token, got, err)
				}
			}
			err := f.WriteNote(deliver.Note{Token: "a", Epoch: 9, Account: "work"})
			if (err == nil) != test.written {
				t.Errorf("WriteNote: %v", err)
			}
			if got, _ := f.Notes("a"); (len(got) == 1) != test.written {
				t.Errorf("then it has %v", got)
			}
			if text, err := os.ReadFile(path + "x"); err != nil || string(text) != good {
				t.Errorf("another file became %q, %v", text, err)
			}
		})
	}
}

func TestNotesAreBounded(t *testing.T) {
	f := newFixture(t)
	for i := range maxNotes + 50 {
		if err := f.WriteNote(deliver.Note{Token: fmt.Sprint(i), Account: "a"}); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := f.Notes(""); err != nil || len(all) != maxNotes {
		t.Errorf("%d notes, %v", len(all), err)
	}
	if _, err := f.Identify(context.Background(), ""); err != nil {
		t.Error(err)
	}
}

func FuzzParseNote(f *testing.F) {
	f.Fuzz(func(t *testing.T, token string, record []byte) {
		n, err := parseNote(token, record)
		if err != nil {
			if n != (deliver.Note{}) {
				t.Errorf("%v, yet %+v", err, n)
			}
			return
		}
		if !validNote(n) || n.Token != token || string(noteRecord(n)) != string(record) || len(record) != noteSize {
			t.Errorf("%q is %+v", record, n)
		}
	})
}
