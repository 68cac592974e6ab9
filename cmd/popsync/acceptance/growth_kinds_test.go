package acceptance_test

import (
	"fmt"
	"net"

	"github.com/popsync/popsync/pop3/pop3test"
)

type addr = net.Addr

// growthKinds are the kinds of passes, and the commands that list.
var growthKinds = []struct {
	name  string
	long  bool // only with POPSYNC_LARGE
	slow  bool // its headers are asked for: fewer messages
	steps func(g *growth)
}{
	{"new", false, false, func(g *growth) {
		_, at := serve(g.t, pop3test.Options{NoTOP: true}, g.box())
		g.account(at, "limit = 10")
		g.step("check", 0, "check")
		g.step("dry run of a first import", 0, "run", "--dry-run", "--json")
		g.step("first import", 0, "run")
		g.step("the same again", 0, "run")
	}},
	{"baseline", false, false, func(g *growth) {
		_, at := serve(g.t, pop3test.Options{NoTOP: true}, g.box())
		g.account(at)
		g.step("baseline", 0, "baseline", "a")
		g.step("after baseline", 0, "run")
		g.step("unchanged", 0, "run")
		g.step("dry run", 0, "run", "--dry-run")
		g.step("baseline again", 0, "baseline", "a")
		g.step("baseline taken back", 0, "baseline", "--undo", "a")
	}},
	{"age", false, false, func(g *growth) {
		_, at := serve(g.t, pop3test.Options{NoTOP: true}, g.box())
		g.account(at, `delete = "30d"`)
		g.step("", 0, "baseline", "a")
		g.step("", 0, "run")
		g.step("by age", 0, "run")
		g.step("by age, dry run", 0, "run", "--dry-run", "--json")
	}},
	{"due", false, false, func(g *growth) { // delivered long ago, and 12,000 of them due: their headers are asked for, in three sessions
		server, at := serve(g.t, pop3test.Options{}, g.box())
		g.account(at, `delete = "30d"`)
		g.step("baseline, with TOP", 0, "baseline", "a")
		g.step("", 0, "run")
		g.h.exec("UPDATE message SET have = 16")
		g.h.exec("UPDATE message SET first_seen = first_seen - 86400*60 WHERE uid IN (SELECT uid FROM message ORDER BY uid LIMIT 12000)")
		g.forgetUnchanged()
		g.step("due, with TOP", 0, "run")
		if left := len(server.Messages("u")); left != max(g.n-12000, 0) {
			g.t.Errorf("%d are left of %d, 12,000 of which were due", left, g.n)
		}
	}},
	{"after delivery", true, false, func(g *growth) {
		server, at := serve(g.t, pop3test.Options{NoTOP: true}, g.box())
		g.account(at, `delete = "after-delivery"`, "limit = 10")
		g.step("after delivery, all new", 0, "run")
		g.step("", 0, "baseline", "a")
		g.step("after delivery, all known", 0, "run")
		if left := len(server.Messages("u")); left != g.n-10 {
			g.t.Errorf("%d are left of %d, 10 of which were delivered", left, g.n)
		}
	}},
	{"all due", true, false, func(g *growth) { // limits.pass_time ends it
		_, at := serve(g.t, pop3test.Options{NoTOP: true}, g.box())
		g.account(at, `delete = "after-delivery"`)
		g.step("", 0, "baseline", "a")
		g.h.exec("UPDATE message SET have = 16")
		g.step("all due, dry run", 0, "run", "--dry-run", "--json")
	}},
	{"no UIDL", false, true, func(g *growth) {
		_, at := serve(g.t, pop3test.Options{NoUIDL: true}, g.own())
		g.account(at, "limit = 10")
		g.step("no UIDL", 0, "run")
		g.step("no UIDL, again", 0, "run")
		g.step("no UIDL, baseline", 0, "baseline", "a")
		g.step("no UIDL, all known", 0, "run")
	}},
	{"no UIDL, one header", true, true, func(g *growth) { // one for all
		_, at := serve(g.t, pop3test.Options{NoUIDL: true}, g.box())
		g.account(at, "limit = 10")
		g.step("no UIDL, one header", 0, "run")
	}},
	{"no UIDL, no TOP", true, true, func(g *growth) {
		_, at := serve(g.t, pop3test.Options{NoUIDL: true, NoTOP: true}, g.own())
		g.account(at, "limit = 10")
		g.step("neither UIDL nor TOP", 78, "run")
		g.account(at, "limit = 10", `delete = "after-delivery"`)
		g.step("neither, after delivery", 0, "run")
	}},
	{"shared", true, true, func(g *growth) { // two messages have each unique-id
		_, at := serve(g.t, pop3test.Options{UIDs: func(i int, _ pop3test.Message) string { return uidOf(i / 2) }}, g.own())
		g.account(at, "limit = 10")
		g.step("shared, all new", 0, "run")
		g.step("shared, baseline", 0, "baseline", "a")
		g.step("shared, all known", 0, "run")
	}},
	{"shared by all", true, true, func(g *growth) {
		_, at := serve(g.t, pop3test.Options{UIDs: func(int, pop3test.Message) string { return uidOf(1) }}, g.own())
		g.account(at, "limit = 10")
		g.step("shared by all, all new", 0, "run")
		g.step("shared by all, baseline", 0, "baseline", "a")
		g.step("shared by all, all known", 0, "run")
	}},
	{"epoch", true, true, func(g *growth) { // all have a new unique-id
		server, at := serve(g.t, pop3test.Options{}, g.own())
		g.account(at)
		g.step("", 0, "baseline", "a")
		server.Change(func(o *pop3test.Options) {
			o.UIDs = func(i int, _ pop3test.Message) string { return uidOf(i + 1<<24) }
		})
		g.step("new unique-ids, dry run", 0, "run", "--dry-run")
		g.step("new unique-ids", 0, "run")
		if n := g.h.number("SELECT count(*) FROM message WHERE gone_at IS NULL"); n != g.n {
			g.t.Errorf("%d rows of %d messages", n, g.n)
		}
		g.step("after new unique-ids", 0, "run")
	}},
	{"too large", true, false, func(g *growth) { // all of them
		_, at := serve(g.t, pop3test.Options{NoTOP: true}, g.box())
		g.account(at, `max_size = "1"`)
		g.step("too large", 0, "run")
		g.step("too large, again", 0, "run")
	}},
	{"gone", true, false, func(g *growth) { // all left
		server, at := serve(g.t, pop3test.Options{NoTOP: true}, g.box())
		g.account(at)
		g.step("", 0, "baseline", "a")
		server.AddUser("u", "p")
		g.step("all gone", 0, "run")
	}},
}

func uidOf(i int) string { return fmt.Sprintf("%08x%08x", i, uint32(i)*2654435761) }

// box has messages that are all the same, under unique-ids of 16 octets.
func (g *growth) box() []pop3test.Message {
	body := []byte("Message-ID: <x>\r\n\r\nbody\r\n")
	box := make([]pop3test.Message, g.n)
	for i := range box {
		box[i] = pop3test.Message{UID: uidOf(i), Data: body}
	}
	return box
}

// own is box where each message has a header of its own.
func (g *growth) own() []pop3test.Message {
	box := g.box()
	for i := range box {
		box[i].Data = fmt.Appendf(nil, "Message-ID: <%d@x>\r\n\r\nbody\r\n", i)
	}
	return box
}

// forgetUnchanged has the next pass read the ledger's rows.
func (g *growth) forgetUnchanged() {
	g.h.exec("UPDATE account SET facts = CAST(json_remove(CAST(facts AS TEXT), '$.unchanged') AS BLOB)")
}
