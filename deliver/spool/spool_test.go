package spool_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/deliver/spool"
)

// harness is a Spool over a destination in memory, which can search if told so.
func harness(wrap func(*spool.Target) deliver.Target, searches bool) func(testing.TB) delivertest.Harness {
	return func(t testing.TB) delivertest.Harness {
		root, where := filepath.Join(t.TempDir(), "state", "spool"), "relay"
		mailbox := delivertest.NewMemorySender("relay")
		mailbox.Searches, mailbox.Parallel = searches, 4
		var refused error
		mailbox.OnSend = func(deliver.Outgoing) (err error) {
			if refused != nil {
				err, refused = refused, nil
			}
			return err
		}
		path := func(ticket deliver.Ticket) string { // in whatever folder it is
			name := strings.Fields(string(ticket))[1]
			found, err := filepath.Glob(filepath.Join(root, "*", name+"*"))
			must(t, err)
			if len(found) == 0 {
				return filepath.Join(root, "none", name)
			}
			return filepath.Join(filepath.Dir(found[0]), name)
		}
		bodies := func(testing.TB) (all []string) {
			for _, s := range mailbox.Sent() {
				all = append(all, s.Text)
			}
			return all
		}
		open := func() *spool.Target {
			return spool.New(spool.Options{Root: root, Where: where, Account: "work", Destination: "relay", Sender: mailbox.Reopen()})
		}
		h := delivertest.Harness{
			Open: func(t testing.TB) deliver.Target {
				s := open()
				t.Cleanup(func() { s.Close() })
				return wrap(s)
			},
			Visible:  bodies,
			Sequence: bodies,
			Staged: func(t testing.TB, ticket deliver.Ticket) (string, bool) {
				text, err := os.ReadFile(path(ticket))
				if err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
				return string(text), err == nil
			},
			Places: func(t testing.TB) int {
				list, err := filepath.Glob(filepath.Join(root, "*", "*"))
				must(t, err)
				return len(slices.DeleteFunc(list, func(name string) bool { return filepath.Ext(name) != "" }))
			},
			Look: func(t testing.TB) string {
				if _, err := os.Stat(root); os.IsNotExist(err) {
					return "nothing"
				}
				return snapshot(t, root)
			},
			Move:   func(testing.TB) { where += " elsewhere" },
			Others: []string{"spool", "memory other", "spool2 ../a relay", "1 abcdefghijklmnopqrstuvwxyz /mail"},
			Refuse: func(t testing.TB, _ deliver.Target, _ deliver.Ticket, late bool) {
				if late {
					t.Error("what was sent is sent again")
				}
				refused = &deliver.Error{Op: "send", Err: errors.New("refused")}
			},
			Aside: func(t testing.TB) int {
				list, err := filepath.Glob(filepath.Join(root, "*", "*.aside"))
				must(t, err)
				return len(list)
			},
			Damage: func(t testing.TB, ticket deliver.Ticket) {
				text, err := os.ReadFile(path(ticket))
				must(t, err)
				text[len(text)-1] ^= 1
				must(t, os.WriteFile(path(ticket), text, 0o600))
			},
		}
		// sentThenKilled publishes in another Spool, and undoes what a kill would not have let happen.
		sentThenKilled := func(t testing.TB, ticket deliver.Ticket) {
			s := open()
			defer s.Close()
			_, err := s.Identify(context.Background(), "spool2 "+filepath.Base(filepath.Dir(path(ticket)))+" ")
			must(t, err)
			must(t, s.Publish(context.Background(), []deliver.Ticket{ticket})[0])
		}
		h.States = map[string]func(testing.TB, deliver.Ticket){
			"sent": sentThenKilled,
			"sent, rename interrupted": func(t testing.TB, ticket deliver.Ticket) {
				sentThenKilled(t, ticket)
				must(t, os.Link(path(ticket)+".sent", path(ticket)))
			},
		}
		if searches { // else this is where a kill makes a duplicate
			h.States["sent, not marked"] = func(t testing.TB, ticket deliver.Ticket) {
				sentThenKilled(t, ticket)
				must(t, os.Rename(path(ticket)+".sent", path(ticket)))
			}
		}
		return h
	}
}

func whole(s *spool.Target) deliver.Target { return s }

func TestConforms(t *testing.T) {
	t.Run("plain", func(t *testing.T) { delivertest.Run(t, harness(whole, false)) })
	t.Run("searching", func(t *testing.T) { delivertest.Run(t, harness(whole, true)) })
}

// forgetful is a Spool whose Publish somebody got wrong.
type forgetful struct {
	*spool.Target
	publish func(s *spool.Target, tickets []deliver.Ticket) []error
}

func (f forgetful) Publish(ctx context.Context, tickets []deliver.Ticket) []error {
	if err := ctx.Err(); err != nil {
		return f.Target.Publish(ctx, tickets)
	}
	return f.publish(f.Target, tickets)
}

// hasty is a Spool that publishes both.
type hasty struct{ *spool.Target }

func (h hasty) PublishBefore(ctx context.Context, t, next deliver.Ticket) error {
	return errors.Join(h.Publish(ctx, []deliver.Ticket{t, next})...)
}

// timid is a Spool that tells of the next one.
type timid struct{ *spool.Target }

func (h timid) PublishBefore(ctx context.Context, t, next deliver.Ticket) error {
	err := h.Target.PublishBefore(ctx, t, next)
	if f, oerr := h.Open(next); oerr != nil {
		return oerr
	} else {
		f.Close()
	}
	return err
}

func TestSuiteNoticesBadForesight(t *testing.T) {
	for _, wrap := range []func(s *spool.Target) deliver.Target{
		func(s *spool.Target) deliver.Target { return hasty{s} },
		func(s *spool.Target) deliver.Target { return timid{s} },
	} {
		if got := delivertest.Failures(t, harness(wrap, false)); !slices.Equal(got, []string{"published before another"}) {
			t.Errorf("failed checks: %q", got)
		}
	}
}

func TestSuiteNoticesBrokenSpools(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		publish func(s *spool.Target, tickets []deliver.Ticket) []error
		caught  string
	}{
		"nothing is wrong": {func(s *spool.Target, tickets []deliver.Ticket) []error { return s.Publish(ctx, tickets) }, ""},
		"sends nothing":    {func(s *spool.Target, tickets []deliver.Ticket) []error { return make([]error, len(tickets)) }, "published in order"},
		"forgets that it sent": {func(s *spool.Target, tickets []deliver.Ticket) []error {
			errs := s.Publish(ctx, tickets)
			return append(errs[:0:0], append(errs[1:], deliver.ErrUnknown)...)
		}, "publish is idempotent"},
		"discards at once": {func(s *spool.Target, tickets []deliver.Ticket) []error {
			errs := s.Publish(ctx, tickets)
			s.Discard(tickets)
			return errs
		}, "publish after a crash"},
	} {
		t.Run(name, func(t *testing.T) {
			got := delivertest.Failures(t, harness(func(s *spool.Target) deliver.Target { return forgetful{s, test.publish} }, false))
			if test.caught == "" && len(got) > 0 || test.caught != "" && !slices.Contains(got, test.caught) {
				t.Errorf("failed checks: %q, want %q among them", got, test.caught)
			}
		})
	}
}
