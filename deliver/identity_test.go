package deliver_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver"
)

const (
	idA = "aaaaaaaaaaaaaaaaaaaaaaaaaa"
	idB = "bbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func TestSamePlace(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"", "", false}, {"", "memory x", false}, {"memory x", "memory x", true}, {"memory x", "memory y", false},
		{"1 " + idA + " /mail", "1 " + idA + " /elsewhere", true}, {"1 " + idA + " /mail", "1 " + idB + " /mail", false},
		{"1 " + idA + " /mail", "1 " + idA, false}, {"1 " + idA + " /mail", "spool2 " + idA + " /mail", false},
		{"spool2  relay", "spool2 a/b relay", true}, {"spool2 a relay", "spool2 a other", false},
		{"spool2 a ", "spool2 a ", false}, {"spool2 a ", "spool2 a relay", false}, {"spool", "spool", false},
		{"spool2 ../a relay", "spool2 ../a relay", false}, {"spool3 a relay", "spool3 a relay", false},
	} {
		for _, pair := range [][2]string{{test.a, test.b}, {test.b, test.a}} {
			if got := deliver.SamePlace(pair[0], pair[1]); got != test.want {
				t.Errorf("%q and %q: %v", pair[0], pair[1], got)
			}
		}
	}
}

func TestPathOf(t *testing.T) {
	for identity, want := range map[string]string{
		"1 " + idA + " /mail%20box": "/mail box", "1 " + idA + " /a/../b": "/a/../b", "1 x /mail": "", "": "", "spool2 a /mail": "", "memory x": "",
	} {
		if got := deliver.PathOf(identity); got != want {
			t.Errorf("%q is at %q, want %q", identity, got, want)
		}
	}
}

// TestSeedsArePresent fails when a corpus was moved or lost: a fuzz test without seeds passes silently.
func TestSeedsArePresent(t *testing.T) {
	for _, name := range []string{"FuzzLineEnds", "FuzzRemoteIdentity"} {
		seeds, err := filepath.Glob(filepath.Join("testdata", "fuzz", name, "*"))
		if err != nil || len(seeds) < 3 {
			t.Errorf("%s has %d seeds: %v", name, len(seeds), err)
		}
	}
}

func FuzzRemoteIdentity(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		i, err := deliver.ParseRemoteIdentity(s)
		if err != nil {
			if i != (deliver.RemoteIdentity{}) {
				t.Errorf("%v, yet %+v", err, i)
			}
			return
		}
		if i.String() != s || len(s) > 3*512+200 || !deliver.SamePlace(s, s) == (i.Where != "") {
			t.Errorf("%q is %+v", s, i)
		}
		if path := filepath.Join("/spools", i.Folder); i.Folder != "" && path != "/spools/"+i.Folder || strings.Contains(i.Folder, "..") && strings.Contains(path, "/..") {
			t.Errorf("%q leads to %q", s, path)
		}
	})
}
