package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/popsync/popsync/config/document"
	"github.com/popsync/popsync/internal/foreign"
)

// Whatever stands around a line with a password: no panic, no password in the error, and an error of the right type.
func FuzzParse(f *testing.F) {
	f.Add("[account.work]\nhost = \"h\"", "username = \"u\"")
	f.Fuzz(func(t *testing.T, before, after string) {
		if strings.Contains(before+after, marker[:4]) {
			t.Skip()
		}
		for _, key := range []string{"password", "pasword", "my-token", "webhook"} {
			doc := before + "\n" + key + " = \"" + marker + "\"\n" + after
			if key == "webhook" { // sound, and the secret is a part of it
				doc = strings.Replace(doc, marker, "https://h/"+marker, 1)
			}
			check := func(s string) error { return errors.New(s) } // the rudest: repeats its input
			c, err := Parse("f", []byte(doc), home, Options{CheckSchedule: check})
			if err == nil {
				if len(c.Accounts) == 0 {
					t.Fatal("no account and no error")
				}
				if text := fmt.Sprintf("%+v %#v", c, c); strings.Contains(text, marker[:4]) {
					t.Fatalf("shown: %s", text)
				}
				mustShow(t, doc, check)
				continue
			}
			e, ok := err.(Error)
			if !ok || len(e) == 0 || c != nil {
				t.Fatalf("%T with %v", err, c)
			}
			text := err.Error()
			if strings.Contains(text, marker[:4]) {
				t.Fatalf("shown: %s", text)
			}
			for _, r := range text {
				if r != '\n' && !foreign.Shown(r) {
					t.Fatalf("not printable: %q", text)
				}
			}
		}
	})
}

func TestFuzzSeedsArePresent(t *testing.T) {
	seeds, _ := filepath.Glob("testdata/fuzz/FuzzParse/*")
	if len(seeds) < 4 {
		t.Errorf("%d seeds", len(seeds))
	}
	for _, s := range seeds {
		data, err := os.ReadFile(s)
		if err != nil || !strings.HasPrefix(string(data), "go test fuzz v1\n") {
			t.Errorf("%s is not a seed (%v)", s, err)
		}
	}
}

// mustShow wants what is shown of a sound document to be one that can be read, and as long as nothing is hidden, to mean the same.
func mustShow(t *testing.T, doc string, check func(string) error) {
	t.Helper()
	c := newChecker("f", home, Options{CheckSchedule: check})
	m := &Merged{c.parse([]byte(doc), nil), c}
	var b strings.Builder
	if err := m.Write(&b, nil, true); err != nil {
		t.Fatal(err)
	}
	got, err := Parse("f", []byte(b.String()), home, Options{CheckSchedule: check})
	switch {
	case strings.Contains(b.String(), masked):
		if _, _, p := document.Decode("f", []byte(b.String())); p != nil {
			t.Fatalf("%v in\n%s", p, b.String())
		}
	case err != nil:
		t.Fatalf("%v in\n%s", err, b.String())
	case !reflect.DeepEqual(got, m.Config):
		t.Fatalf("got  %+v\nwant %+v\nof\n%s", got, m.Config, b.String())
	}
}
