package imports

import (
	"fmt"
	"testing"
)

// Whatever the file: no account deletes, and each has a name of its own.
func FuzzConfig(f *testing.F) {
	f.Add(uint8(0), []byte("poll h proto pop3 user a pass b is c here\n"))
	f.Add(uint8(0), []byte("fetchmailrc = {'servers':[{'pollname':'a','active':TRUE,'users':[]}]}"))
	f.Add(uint8(1), []byte("account a\nhost h\nuser u\n"))
	f.Add(uint8(2), []byte("[retriever]\ntype=SimplePOP3Retriever\nserver=h\n[destination]\ntype=Maildir\npath=/m/\n"))
	f.Add(uint8(3), []byte(`account "a" pop3 server "h" user "u" pass "p"`))
	f.Add(uint8(4), []byte(`user_pref("mail.accountmanager.accounts", "account1");`))
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		found, err := Config(Tools()[int(which)%len(Tools())], data)
		if err != nil {
			return
		}
		found.Name()
		names := map[string]bool{}
		for _, a := range found.Accounts {
			if a.Name == "" || len(a.Name) > 64 || names[a.Name] {
				t.Fatalf("name %q", a.Name)
			}
			names[a.Name] = true
			if a.Settings.Get("delete") != "never" {
				t.Fatalf("%s deletes", a.Name)
			}
			said := map[string]bool{}
			for _, r := range a.Remarks {
				key := fmt.Sprint(r.Line, r.Key)
				if said[key] {
					t.Fatalf("line %d: %s is said twice", r.Line, r.Key)
				}
				said[key] = true
			}
		}
	})
}
