package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
