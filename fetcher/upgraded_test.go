package fetcher

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl/sqlite/sqlitetest"
)

// asOfFirst makes the ledger one of schema 1, of which nothing is noted where the mail is, and opens it again.
func (r *rig) asOfFirst() {
	r.t.Helper()
	r.must(r.ledger.Close())
	schema, err := os.ReadFile(filepath.Join("..", "uidl", "sqlite", "migrations", "1.sql"))
	r.must(err)
	r.must(sqlitetest.Downgrade(r.t.Context(), r.state, string(schema)))
	notes, err := filepath.Glob(filepath.Join(r.dir, "popsync.*"))
	r.must(err)
	for _, path := range append(notes, filepath.Join(r.state, "lease")) {
		if filepath.Base(path) != "popsync.id" {
			r.must(os.RemoveAll(path))
		}
	}
	r.open()
}

// upgraded is an account with a Maildir, a relay and a fallback, whose ledger is of schema 1 and has a message of each kind.
type upgraded struct {
	*rig
	remote, quarantine *delivertest.Memory
	seen, gone         []pop3test.Message
	kept               []pop3test.Message // at the Maildir and the relay
	refused, owed      pop3test.Message   // taken by the fallback; only the relay lacks it
	parked             pop3test.Message
}

func (u *upgraded) dests(names ...string) (all []settle.Destination) {
	for _, d := range []settle.Destination{to("maildir", u.maildir()), to("remote", spooled{u.remote.Reopen()}),
		{Name: "quarantine", Target: u.quarantine.Reopen(), Fallback: true}} {
		if len(names) == 0 || slices.Contains(names, d.Name) {
			all = append(all, d)
		}
	}
	return all
}

func newUpgraded(t *testing.T) *upgraded {
	all := mailbox(11)
	u := &upgraded{newRig(t, all[:2]...), delivertest.NewMemory("remote"), delivertest.NewMemory("quarantine"),
		all[:2], all[2:4], all[4:7], all[7], all[8], all[9]}
	u.quarantine.Messages = 500
	a := u.acc
	a.Destinations = u.dests()
	if _, err := Baseline(t.Context(), u.ledger, a, u.opt, nil); err != nil {
		t.Fatal(err)
	}
	u.server.Deliver("u", all[2:4]...)
	if rep := u.run(u.dests()...); rep.New != 2 {
		t.Fatalf("%+v", rep)
	}
	u.server.AddUser("u", "p", slices.Concat(u.seen, u.kept, []pop3test.Message{u.refused, u.owed, u.parked})...)
	u.remote.OnWrite = func(d deliver.Message, b []byte) error {
		if d.UID == u.owed.UID {
			return refuse(deliver.Error{Scope: deliver.ThisMessage})
		}
		return nil
	}
	u.remote.OnPublish = func(d deliver.Message) error {
		if d.UID == u.refused.UID {
			return refuse(deliver.Error{Permanent: true, Vouched: true})
		}
		return nil
	}
	u.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(s *pop3test.Session, verb, arg string) *pop3test.Reply {
			if verb == "RETR" && arg == "8" {
				return &pop3test.Reply{Raw: []byte("-ERR damaged\r\n")}
			}
			return nil
		}
	})
	var rep report.Report
	for range 4 {
		rep = u.run(u.dests()...)
	}
	if rep.Parked != 2 || u.deliveries() != 1 {
		t.Fatalf("%d open: %+v", u.deliveries(), rep)
	}
	u.remote.OnWrite, u.remote.OnPublish = nil, nil
	u.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	u.asOfFirst()
	return u
}

func (u *upgraded) listed() (uids []string) {
	for _, m := range u.server.Messages("u") {
		uids = append(uids, m.UID)
	}
	return uids
}

// After the upgrade, what was delivered everywhere is deleted in time, what a destination lacks and what was parked comes
// first, quarantined mail goes by its rules, and what was marked as seen stays. Nothing comes twice.
func TestUpgraded(t *testing.T) {
	for name, policy := range map[string]plan.Policy{"by age": thirtyDays, "after delivery": {Delete: plan.DeleteAfterDelivery}} {
		t.Run(name, func(t *testing.T) {
			u := newUpgraded(t)
			u.acc.Policy = policy
			gone := map[string]int{} // on which day each was first missing
			for day := range 45 {
				u.run(u.dests()...)
				if stored := u.stored(); day == 0 && !strings.Contains(stored, u.owed.UID+" at maildir,") {
					t.Errorf("of the one that the relay lacks the ledger says: %s", stored)
				}
				for _, m := range slices.Concat(u.kept, []pop3test.Message{u.refused, u.owed, u.parked}) {
					if _, known := gone[m.UID]; !known && !slices.Contains(u.listed(), m.UID) {
						gone[m.UID] = day
					}
				}
				u.clock = u.clock.Add(24 * time.Hour)
			}
			first, quarantined := 0, 7
			if policy.Delete == plan.DeleteAfterAge {
				first, quarantined = 31, 31
			}
			if k, q := gone[u.kept[0].UID], gone[u.refused.UID]; k != first || q != quarantined {
				t.Errorf("deleted on day %d, and what the fallback has on day %d, want %d and %d", k, q, first, quarantined)
			}
			if got, want := u.listed(), []string{u.seen[0].UID, u.seen[1].UID}; !slices.Equal(got, want) {
				t.Errorf("on the server: %v, want %v", got, want)
			}
			u.wantMail(slices.Concat(u.gone, u.kept, []pop3test.Message{u.refused, u.owed, u.parked})...)
			wantRemote(t, u.remote, slices.Concat(u.gone, u.kept, []pop3test.Message{u.owed, u.parked})...)
			wantRemote(t, u.quarantine, u.refused)
			if n := u.deliveries(); n != 0 {
				t.Errorf("%d deliveries are open", n)
			}
		})
	}
}

// A destination of before the upgrade is configured no more: what was delivered then stays until a person vouches for it.
// What came since is deleted by the facts that are known of it.
func TestUpgradedWithoutOne(t *testing.T) {
	u := newUpgraded(t)
	now := func() []settle.Destination { return u.dests("maildir") }
	u.acc.Policy = plan.Policy{Delete: plan.DeleteAfterDelivery}
	more := message("more", "x")
	u.server.Deliver("u", more)
	for range 20 {
		u.clock = u.clock.Add(24 * time.Hour)
		u.run(now()...)
	}
	for _, m := range slices.Concat(u.seen, u.kept, []pop3test.Message{u.refused, u.owed}) {
		if !slices.Contains(u.listed(), m.UID) {
			t.Errorf("%s was deleted", m.UID)
		}
	}
	for _, m := range []pop3test.Message{more, u.parked} {
		if slices.Contains(u.listed(), m.UID) {
			t.Errorf("%s was not deleted", m.UID)
		}
	}
	u.must(operator.Vouch(t.Context(), u.ledger, "a"))
	u.adopt() // what is open for the relay is not wanted there any more
	for range 20 {
		u.clock = u.clock.Add(24 * time.Hour)
		u.run(now()...)
	}
	if got, want := u.listed(), []string{u.seen[0].UID, u.seen[1].UID}; !slices.Equal(got, want) {
		t.Errorf("vouched for: %v on the server, want %v", got, want)
	}
	u.wantMail(slices.Concat(u.gone, u.kept, []pop3test.Message{u.refused, u.owed, u.parked, more})...)
}
