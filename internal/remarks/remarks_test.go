package remarks

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/internal/places"
)

// What several accounts of one mailbox do to its mail is said, by either port for POP3.
func TestSharedMailboxes(t *testing.T) {
	account := func(name string, port int, deletes bool, same ...string) Account {
		a := Account{Name: name, Host: "Mail.example.", Port: port, Username: "u", Deletes: deletes}
		for _, s := range same {
			a.Places = append(a.Places, Place{Same: s, Text: s, Look: func(context.Context) places.Place { return places.Place{} }})
		}
		return a
	}
	for _, tt := range []struct {
		accounts []Account
		want     string
		wrong    bool
	}{
		{[]Account{account("a", 110, false, "x"), account("b", 111, false, "x")}, "", false},
		{[]Account{account("a", 110, false, "x"), account("b", 995, false, "y")}, ": each fetches the same mail", false},
		{[]Account{account("a", 110, false, "x"), account("b", 110, false, "x")}, ": all mail comes twice to x", true},
		{[]Account{account("a", 110, true, "x"), account("b", 110, false, "y")}, ": what a deletes on the server is missing for the others, so that a message comes to one of them only", true},
		{[]Account{account("a", 110, true, "x"), account("b", 110, true, "x")}, ": what a, b delete on the server is missing for the others, so that a message comes to one of them only, or twice to x", true},
	} {
		all := Of(t.Context(), tt.accounts)
		if tt.want == "" {
			if len(all) != 0 {
				t.Errorf("%+v", all)
			}
			continue
		}
		if len(all) != 1 || !strings.HasSuffix(all[0].Text, tt.want) || all[0].Wrong != tt.wrong {
			t.Errorf("%+v, want %q, wrong %v", all, tt.want, tt.wrong)
		} else if !all[0].Concerns([]string{"b"}) || all[0].Concerns([]string{"c"}) {
			t.Errorf("%+v concerns others", all[0])
		}
	}
}

// A Maildir under two paths, and a copy of one, are found.
func TestOddMaildirs(t *testing.T) {
	dir := t.TempDir()
	info := func(name string) os.FileInfo {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		i, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	place := func(folder, identity string, info os.FileInfo) Place {
		return Place{Folder: folder, Same: folder, Look: func(context.Context) places.Place { return places.Place{Identity: identity, Info: info} }}
	}
	one := Account{Name: "a", Host: "a", Places: []Place{place("/a", "maildir:1:/a", info("a"))}}
	two := Account{Name: "b", Host: "b", Places: []Place{place("/b", "maildir:2:/b", info("a")), place("/none", "", nil)}}
	three := Account{Name: "c", Host: "c", Places: []Place{place("/c", "maildir:3:/c", info("c"))}}
	all := Of(t.Context(), []Account{one, two, three})
	if len(all) != 1 || !strings.Contains(all[0].Text, "/a and /b are one Maildir under two paths") || !strings.HasSuffix(all[0].Text, "(a, b)") {
		t.Errorf("%+v", all)
	}
}
