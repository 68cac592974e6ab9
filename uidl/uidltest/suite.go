// Package uidltest holds the conformance suite that every uidl.Ledger joins in three lines, and Faulty, a ledger that
// fails at a chosen commit, for the tests of those who use one.
package uidltest

import (
	"context"
	"testing"

	"github.com/popsync/popsync/uidl"
)

// Store tells the suite how to get at an implementation.
type Store struct {
	// Open opens the ledger that is kept in dir, an empty directory at first. The suite opens it again to see what
	// was kept, also a second time while the first is open, and closes what it opened.
	Open func(t *testing.T, dir string) uidl.Ledger
	// Usurp takes the lock of an account's lease away behind its holder's back, so that a second handle can acquire
	// it: what a deleted lock file or an expired lease would do.
	Usurp func(t *testing.T, dir, account string)
	// Doubt calls commit, which makes one commit of l, and has that end in doubt: with an error that is uidl.ErrDoubt. Whether
	// it is applied is the implementation's affair. It may be called more than once.
	Doubt func(t *testing.T, l uidl.Ledger, commit func() error) error
	// LazyMarker tells that the note of Reading may be lost when a lease ends.
	LazyMarker bool
	// Save copies the database in dir, without what leases keep beside it, and returns what puts the copy back. Nobody has
	// it open at either time.
	Save func(t *testing.T, dir string) (restore func())
}

// Run checks everything that uidl promises of a ledger.
func Run(t *testing.T, s Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *bench)
	}{
		{"empty account", testEmptyAccount},
		{"put is whole", testPutWhole},
		{"order by octets", testOrder},
		{"stop in the midst of Messages", testMessagesStop},
		{"Messages during Commit", testMessagesDuringCommit},
		{"mark", testMark},
		{"unknown keys", testUnknownKeys},
		{"gone and back", testGoneBack},
		{"listings and the clock", testListings},
		{"times by the confirmed clock", testConfirmed},
		{"rows ahead of the clock", testLoose},
		{"stage, pending, settle", testDeliveries},
		{"sequence of publishing", testSequence},
		{"stage needs its message", testStageUnknown},
		{"destinations", testDestinations},
		{"destinations swap", testDestinationsSwap},
		{"fold", testFold},
		{"settle says what is had", testSettleFacts},
		{"settle with a state", testSettleState},
		{"put, renew and mark keep apart", testRenew},
		{"vouch and release", testVouchRelease},
		{"move", testMove},
		{"remove", testRemove},
		{"edges", testEdges},
		{"generation", testGeneration},
		{"order of one change", testOrderOfChange},
		{"purge", testPurge},
		{"status and facts", testStatus},
		{"passes and summaries", testSummaries},
		{"what waits for whom", testWaiting},
		{"what is stuck", testStuck},
		{"given up", testGivenUp},
		{"find and matches", testFindMatches},
		{"empty change", testEmptyChange},
		{"all or nothing", testAtomic},
		{"accounts apart", testAccountsApart},
		{"refused values", testRefused},
		{"names of accounts", testNames},
		{"busy lease", testBusy},
		{"rename", testRename},
		{"rename a set", testRenameSet},
		{"rename over an empty account", testRenameOver},
		{"rename is whole", testRenameWhole},
		{"rename fences", testRenameFences},
		{"looking creates nothing", testLook},
		{"created meanwhile", testCreatedMeanwhile},
		{"notes", testNotes},
		{"notes of an older ledger", testNotesOlder},
		{"notes and names", testNotesRenamed},
		{"lift", testLift},
		{"fenced by epoch", testFenced},
		{"lost lease", testLost},
		{"doubt", testDoubt},
		{"doubt about a first commit", testDoubtFirst},
		{"doubt and the others", testDoubtOthers},
		{"in use", testInUse},
		{"forget", testForget},
		{"forget is fenced", testForgetFenced},
		{"marker", testMarker},
		{"closed account", testClosed},
		{"cancelled context", testCancelled},
		{"check", testCheck},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, &bench{t: t, s: s, dir: t.TempDir()}) })
	}
}

// bench is one test's ledger. Its helpers fail the test.
type bench struct {
	t      *testing.T
	s      Store
	dir    string
	ledger uidl.Ledger
	a      uidl.Account
}

const name = "work"

// open opens the ledger and acquires the account.
func (b *bench) open() uidl.Account {
	b.t.Helper()
	b.ledger = b.s.Open(b.t, b.dir)
	a, err := b.ledger.Acquire(b.t.Context(), name)
	if err != nil {
		b.t.Fatalf("Acquire: %v", err)
	}
	b.a = a
	b.t.Cleanup(b.close)
	return a
}

func (b *bench) close() {
	b.t.Helper()
	if b.ledger == nil {
		return
	}
	if err := b.a.Close(); err != nil {
		b.t.Errorf("Account.Close: %v", err)
	}
	if err := b.ledger.Close(); err != nil {
		b.t.Errorf("Ledger.Close: %v", err)
	}
	b.ledger = nil
}

// reopen closes all and opens it again: what is seen then was kept.
func (b *bench) reopen() uidl.Account {
	b.t.Helper()
	b.close()
	b.ledger = b.s.Open(b.t, b.dir)
	a, err := b.ledger.Acquire(b.t.Context(), name)
	if err != nil {
		b.t.Fatalf("Acquire again: %v", err)
	}
	b.a = a
	return a
}

func (b *bench) commit(c uidl.Change) {
	b.t.Helper()
	if err := b.a.Commit(b.t.Context(), c); err != nil {
		b.t.Fatalf("Commit: %v", err)
	}
}

func (b *bench) rows() []uidl.Row {
	b.t.Helper()
	var rows []uidl.Row
	for r, err := range b.a.Messages(b.t.Context()) {
		if err != nil {
			b.t.Fatalf("Messages: %v", err)
		}
		rows = append(rows, r)
	}
	return rows
}

func (b *bench) find(k uidl.Key) uidl.Message {
	b.t.Helper()
	found, err := b.a.Find(b.t.Context(), []uidl.Key{k})
	if err != nil {
		b.t.Fatalf("Find: %v", err)
	}
	if len(found) != 1 {
		b.t.Fatalf("Find(%q): %d messages, want 1", k.UID, len(found))
	}
	return found[0]
}

func (b *bench) pending() []uidl.Delivery {
	b.t.Helper()
	d, err := b.a.Pending(b.t.Context())
	if err != nil {
		b.t.Fatalf("Pending: %v", err)
	}
	return d
}

func (b *bench) summary() uidl.Summary {
	b.t.Helper()
	all, err := b.ledger.Summaries(context.Background())
	if err != nil {
		b.t.Fatalf("Summaries: %v", err)
	}
	for _, s := range all {
		if s.Name == name {
			return s
		}
	}
	b.t.Fatalf("Summaries: no account %s", name)
	return uidl.Summary{}
}

const (
	day = 86_400
	now = 20_000*day + 3_600 // one o'clock in the morning, UTC
)

func key(uid string) uidl.Key { return uidl.Key{UID: uid} }

// message is a wanted message, first seen now.
func message(uid string) uidl.Message {
	return uidl.Message{Row: uidl.Row{Key: key(uid), State: uidl.Wanted, Size: 100, FirstSeen: now}}
}

func messages(uids ...string) (ms []uidl.Message) {
	for _, uid := range uids {
		ms = append(ms, message(uid))
	}
	return ms
}

// places are destinations with ordinals from 0.
func places(names ...string) (ds []uidl.Destination) {
	for i, name := range names {
		ds = append(ds, uidl.Destination{Ordinal: i, Name: name, Role: uidl.Required})
	}
	return ds
}

func publishing(uid, destination string) uidl.Delivery {
	return uidl.Delivery{Key: key(uid), Destination: destination, State: uidl.Publishing, Ticket: "t-" + destination, At: now}
}
