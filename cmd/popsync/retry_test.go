package main

import (
	"slices"
	"testing"

	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/sqlite"
)

// What a person makes due is tried by the daemon at once, if there is one and it has the account.
func TestRetryByDaemon(t *testing.T) {
	p, d := newStation(t), &fakeDaemon{}
	l, err := sqlite.Open(t.Context(), sqlite.Options{Dir: p.state})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"home", "new"} {
		a, err := l.Acquire(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		row := uidl.Message{Row: uidl.Row{Key: uidl.Key{UID: "1"}, State: uidl.Parked, Attempts: 3, NextTry: 1 << 40}, Reason: "r"}
		other := row
		other.UID = "2"
		if err := a.Commit(t.Context(), uidl.Change{At: 1, Put: []uidl.Message{row, other}}); err != nil {
			t.Fatal(err)
		}
		a.Close()
	}
	l.Close()
	p.says(false, exit.Usage, "retry home 3")
	out, _ := p.says(false, exit.OK, "retry home 1")
	has(t, out, "home: 1 message is due now; to try them say: popsync run home\n")
	d.status = control.Status{StateDir: p.state, Config: p.file, Accounts: []control.Account{{Account: "home"}}}
	p.daemon(d)
	p.says(false, exit.Usage, "retry home 3")
	out, _ = p.says(false, exit.OK, "retry home")
	has(t, out, "home: 2 messages are due now; the daemon begins now\n")
	out, _ = p.says(false, exit.OK, "retry new 2")
	has(t, out, "new: 1 message is due now; the daemon does not know the account yet: its first run tries them\n")
	if want := []string{"wake home", "wake new"}; !slices.Equal(d.asked, want) {
		t.Errorf("the daemon was asked %q, want %q", d.asked, want)
	}
	out, _ = p.says(false, exit.OK, "parked home new")
	has(t, out, "home: 2 messages parked\n", "new: 2 messages parked\n", "    failed 3 times or refused for good; next try: due now\n")
}
