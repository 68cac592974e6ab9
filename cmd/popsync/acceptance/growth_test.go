package acceptance_test

import (
	"fmt"
	"testing"

	"github.com/popsync/popsync/pop3/pop3test"
)

// mostGrowth is how much the process may grow for each listed message, in octets, with unique-ids of 16.
const mostGrowth = 200

// mostUnnamed is the same where there are no unique-ids: a name of 47 octets is made for each message.
const mostUnnamed = 250

// Every kind of pass takes less than 200 octets for each message listed, without unique-ids less than 250: what it takes for many, less what it takes for few.
func TestAcceptGrowth(t *testing.T) {
	if underRace() && !large() {
		t.Skip("NOT TESTED under the race detector, where the servers take most of the time: go test without it does, and CI has a step for that")
	}
	n := 150_000
	if large() {
		n = 1_000_000
	}
	const base = 20_000 // what a session takes, however much is listed, is in both
	few, many := growthOf(t, base), growthOf(t, n)
	for i, k := range many {
		grown := float64(k.peak-few[i].peak) / float64(n-base)
		t.Logf("%-15s %4d MiB, %.0f octets for each message", k.kind, k.peak>>20, grown)
		most := float64(mostGrowth)
		if k.kind == "no UIDL" {
			most = mostUnnamed
		}
		if grown > most || k.peak == 0 {
			t.Errorf("%s: %.0f octets for each message", k.kind, grown)
		}
	}
}

type growth struct {
	kind string
	peak int64
}

// growthOf makes a pass of each kind over mailboxes of n messages.
func growthOf(t *testing.T, n int) (all []growth) {
	body := []byte("Message-ID: <x>\r\n\r\nbody\r\n")
	box := make([]pop3test.Message, n)
	for i := range box {
		box[i] = pop3test.Message{UID: fmt.Sprintf("%08x%08x", i, uint32(i)*2654435761), Data: body}
	}
	step := func(h *house, kind string, code int, args ...string) {
		t.Helper()
		r, most := peak(t, h.command(args...))
		if r.code != code {
			t.Fatalf("%s: exit code %d\n%s%s", kind, r.code, r.out, r.err)
		}
		if kind != "" {
			all = append(all, growth{kind, most})
		}
	}
	_, addr := serve(t, pop3test.Options{NoTOP: true}, box)
	h := newHouse(t)
	h.account("a", addr, "u", "p", "Mail", "limit = 10")
	step(h, "first import", 0, "run")
	step(h, "the same again", 0, "run")

	h = newHouse(t)
	h.account("a", addr, "u", "p", "Mail")
	step(h, "", 0, "baseline", "a")
	step(h, "after baseline", 0, "run")
	step(h, "unchanged", 0, "run")
	step(h, "dry run", 0, "run", "--dry-run")

	h = newHouse(t)
	h.account("a", addr, "u", "p", "Mail", `delete = "30d"`)
	step(h, "", 0, "baseline", "a")
	step(h, "", 0, "run")
	step(h, "with rows", 0, "run", "--dry-run", "--json")

	// Delivered long ago, and 12,000 of them due: their headers are asked for, in three sessions.
	server, withTOP := serve(t, pop3test.Options{}, box)
	h = newHouse(t)
	h.account("a", withTOP, "u", "p", "Mail", `delete = "30d"`)
	step(h, "", 0, "baseline", "a")
	step(h, "", 0, "run")
	h.exec("UPDATE message SET have = 16")
	h.exec("UPDATE message SET first_seen = first_seen - 86400*60 WHERE uid IN (SELECT uid FROM message ORDER BY uid LIMIT 12000)")
	h.exec("UPDATE account SET facts = CAST(json_remove(CAST(facts AS TEXT), '$.unchanged') AS BLOB)")
	step(h, "due, with TOP", 0, "run")
	if left := len(server.Messages("u")); left != max(n-12000, 0) {
		t.Errorf("%d are left of %d, 12,000 of which were due", left, n)
	}

	for i := range box { // each with a header of its own, by which it goes
		box[i].Data = fmt.Appendf(nil, "Message-ID: <%d@x>\r\n\r\nbody\r\n", i)
	}
	_, noUIDL := serve(t, pop3test.Options{NoUIDL: true}, box)
	h = newHouse(t)
	h.account("a", noUIDL, "u", "p", "Mail", "limit = 10")
	step(h, "no UIDL", 0, "run")
	return all
}
