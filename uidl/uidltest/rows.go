package uidltest

import (
	"fmt"
	"reflect"
	"regexp"
	"sort"
	"strings"
	"testing"

	"github.com/popsync/popsync/uidl"
)

func testEmptyAccount(t *testing.T, b *bench) {
	a := b.open()
	if got, want := a.Info(), (uidl.Info{Name: name}); !reflect.DeepEqual(got, want) {
		t.Errorf("Info of a new account: %+v, want %+v", got, want)
	}
	if rows, pending := b.rows(), b.pending(); len(rows)+len(pending) != 0 {
		t.Errorf("a new account has rows: %v %v", rows, pending)
	}
	if k, ok := a.Interrupted(); ok {
		t.Errorf("a new account was interrupted: %v", k)
	}
	b.commit(uidl.Change{At: now, Status: &uidl.Status{}})
	token := a.Info().Token
	if got := a.Info().Epoch; got != 1 || !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(token) {
		t.Errorf("epoch %d, token %q after the first commit", got, token)
	}
	if got := b.reopen().Info(); got.Epoch != 2 || got.Token != token {
		t.Errorf("epoch of the second lease: %d, want 2; token %q, want %q", got.Epoch, got.Token, token)
	}
}

// every field at once, so that a column that is forgotten or swapped shows
func wholeMessage() uidl.Message {
	m := uidl.Message{
		Row: uidl.Row{
			Key: uidl.Key{UID: "whole", Dup: 3}, State: uidl.Parked, Size: 1, FirstSeen: 2,
			GoneAt: 4, GoneListing: 5, Attempts: 6, NextTry: 7,
			Facts: uidl.Facts{Have: uidl.PlaceOf(47) | uidl.PlaceOf(0) | uidl.Former, Waived: uidl.PlaceOf(46), Generation: 12},
		},
		Octets: 8, Reason: "nine",
	}
	m.SHA256[31], m.Fingerprint[15] = 10, 11
	return m
}

func testPutWhole(t *testing.T, b *bench) {
	b.open()
	want := wholeMessage()
	b.commit(uidl.Change{At: now, Put: []uidl.Message{want}})
	for range 2 {
		if got := b.find(want.Key); got != want {
			t.Errorf("Find: %+v\nwant %+v", got, want)
		}
		if got := b.rows(); len(got) != 1 || got[0] != want.Row {
			t.Errorf("Messages: %+v\nwant %+v", got, want.Row)
		}
		b.reopen()
	}
	want = uidl.Message{Row: uidl.Row{Key: want.Key, State: uidl.Wanted}}
	b.commit(uidl.Change{At: now, Put: []uidl.Message{want}})
	if got := b.find(want.Key); got != want {
		t.Errorf("a second Put must replace every field: %+v\nwant %+v", got, want)
	}
}

// Values at the edges of what a ledger may pack together.
func testEdges(t *testing.T, b *bench) {
	b.open()
	var all []uidl.Message
	row := func(change func(*uidl.Row)) {
		m := uidl.Message{Row: uidl.Row{Key: key(fmt.Sprintf("%03d", len(all))), State: uidl.Held, Size: 1, FirstSeen: 2}}
		change(&m.Row)
		all = append(all, m)
	}
	for _, v := range []int64{uidl.BeforeAll, 0, 1, 255, 256, 511, 512, 1 << 40} {
		row(func(r *uidl.Row) { r.Generation = v })
	}
	for o := range uidl.Ordinals {
		row(func(r *uidl.Row) { r.Have = uidl.PlaceOf(o) | uidl.Unsure })
		row(func(r *uidl.Row) { r.Waived = uidl.PlaceOf(o) })
	}
	for _, v := range []int64{0, uidl.Unstamped - 1, uidl.Unstamped} {
		row(func(r *uidl.Row) { r.FirstSeen = v })
	}
	for _, v := range []int{7, 8, 65535, 65536, 1 << 30} {
		row(func(r *uidl.Row) { r.Dup = v })
	}
	b.commit(uidl.Change{At: now, Put: all})
	for i, got := range b.rows() {
		if got != all[i].Row {
			t.Errorf("Messages: %+v\nwant %+v", got, all[i].Row)
		}
	}
}

func testOrder(t *testing.T, b *bench) {
	b.open()
	uids := []string{"b", "a", "B", " ", "a ", "a\x00", "a\x00b", "\x00", "\xff", "\xc3\xa4", "\x80", "ab",
		strings.Repeat("u", 512), strings.Repeat("\xfe", 70), "10", "9"}
	want := map[string]bool{}
	for _, uid := range uids {
		want[uid] = true
	}
	c := uidl.Change{At: now, Put: messages(uids...)}
	for _, dup := range []int{2, 1, 10} {
		m := message("b")
		m.Dup = dup
		c.Put = append(c.Put, m)
	}
	b.commit(c)
	rows := b.rows()
	if len(rows) != len(uids)+3 {
		t.Fatalf("%d rows, want %d", len(rows), len(uids)+3)
	}
	if !sort.SliceIsSorted(rows, func(i, j int) bool {
		if rows[i].UID != rows[j].UID {
			return rows[i].UID < rows[j].UID
		}
		return rows[i].Dup < rows[j].Dup
	}) {
		t.Errorf("not by (UID, Dup) in byte order: %v", rows)
	}
	for _, r := range rows {
		if !want[r.UID] {
			t.Errorf("UID came back changed: %q", r.UID)
		}
		if got := b.find(r.Key); got.Row != r {
			t.Errorf("Find(%q): %+v, want %+v", r.UID, got.Row, r)
		}
	}
}

func testMessagesStop(t *testing.T, b *bench) {
	b.open()
	b.commit(uidl.Change{At: now, Put: messages("a", "b", "c")})
	for range 50 { // a leak of what the iteration holds would end in a block
		for range b.a.Messages(t.Context()) {
			break
		}
	}
	b.commit(uidl.Change{At: now, Put: messages("d")})
	if n := len(b.rows()); n != 4 {
		t.Errorf("%d rows, want 4", n)
	}
}

// Also a commit in the midst of the iteration, by the same goroutine: the snapshot must not block it, nor change.
func testMessagesDuringCommit(t *testing.T, b *bench) {
	b.open()
	var c uidl.Change
	for i := range 2000 {
		c.Put = append(c.Put, message(fmt.Sprintf("%04d", i)))
	}
	b.commit(c)
	n := 0
	for r, err := range b.a.Messages(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n%500 == 1 {
			b.commit(uidl.Change{At: now, Put: messages(r.UID+"+", "zzz")})
			b.pending()
			b.find(key("zzz"))
		}
	}
	if n != 2000 {
		t.Errorf("%d rows in the snapshot, want 2000", n)
	}
	done := make(chan error)
	go func() {
		for i := range 20 {
			if err := b.a.Commit(t.Context(), uidl.Change{At: now, Put: messages(fmt.Sprint("later", i))}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for range 5 {
		b.rows()
		b.a.Info()
	}
	if err := <-done; err != nil {
		t.Errorf("Commit during Messages: %v", err)
	}
}

func testFindMatches(t *testing.T, b *bench) {
	b.open()
	var c uidl.Change
	for i, uid := range []string{"a", "b", "c", "none", "tombstone"} {
		m := message(uid)
		m.Fingerprint[0] = byte([]int{1, 1, 2, 0, 3}[i])
		if uid == "tombstone" {
			m.GoneAt, m.GoneListing = now, 1
		}
		c.Put = append(c.Put, m)
	}
	b.commit(c)
	fps := []uidl.Fingerprint{{1}, {3}, {9}, {}}
	found, err := b.a.Matches(t.Context(), fps)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range found {
		if m.Size != 100 || m.Fingerprint == (uidl.Fingerprint{}) {
			t.Errorf("not the whole row: %+v", m)
		}
		got = append(got, m.UID)
	}
	sort.Strings(got)
	if want := []string{"a", "b", "tombstone"}; !reflect.DeepEqual(got, want) {
		t.Errorf("Matches: %q, want %q; the zero fingerprint matches nothing", got, want)
	}
	found, err = b.a.Find(t.Context(), []uidl.Key{key("c"), key("unknown"), key("a"), {UID: "a", Dup: 1}})
	if err != nil || len(found) != 2 {
		t.Errorf("Find: %v %v, want the two that are known", found, err)
	}
	if found, err := b.a.Find(t.Context(), nil); err != nil || len(found) != 0 {
		t.Errorf("Find of nothing: %v %v", found, err)
	}
}
