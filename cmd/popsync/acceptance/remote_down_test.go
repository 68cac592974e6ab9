package acceptance_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
)

// once fails unless a server sent each of n messages exactly once.
func once(t *testing.T, server *pop3test.Server, n int) {
	t.Helper()
	st := server.Stats()
	if got := st.Commands["RETR"]; got != n || len(st.Retrieved) != n {
		t.Errorf("%d RETRs of %d messages, want one of each of %d", got, len(st.Retrieved), n)
	}
}

// quarantine adds a fallback.
func (h *house) quarantine(account string) {
	h.deliver(account, `type = "maildir"`, `name = "quarantine"`, fmt.Sprintf("path = %q", h.mail("Quarantine")), "fallback = true")
}

// A mail server that is down for days, 12 runs long, holds nobody up: the Maildir has its copies after the first run,
// nothing is fetched twice or deleted early, and when it is back it gets exactly one each.
func TestRemoteDown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	messages := mailgen.Messages(40, 200, 500, 3000)
	server, addr := serve(t, pop3test.Options{}, boxOf(messages))
	relay := newSink(t)
	h.account("a", addr, "u", "p", "Mail", `delete = "after-delivery"`)
	h.relay("a", relay)
	relay.stop()
	for i := range 12 {
		if r := h.run(75); i == 0 && (!strings.Contains(r.err, relay.addr) || !strings.Contains(r.err, "refused")) {
			t.Errorf("it does not say what is wrong:\n%s", r.err)
		}
		same(t, wanted(messages...), arrived(t, h.mail("Mail")))
	}
	once(t, server, 200)
	if n := len(server.Messages("u")); n != 200 {
		t.Errorf("%d of 200 are left on the server before the relay has them", n)
	}
	if files, _ := h.spooled("a", "smtp"); files != 200 {
		t.Errorf("%d files wait, want 200", files)
	}
	relay.start()
	h.run(0)
	same(t, wanted(messages...), relay.arrived())
	same(t, wanted(messages...), arrived(t, h.mail("Mail")))
	once(t, server, 200)
	if n := len(server.Messages("u")); n != 0 {
		t.Errorf("%d left on the server", n)
	}
	if files, _ := h.spooled("a", "smtp"); files != 0 {
		t.Errorf("%d files are left in the spool", files)
	}
	if n := relay.commands()["greeting"]; n != 2 { // 100 messages on each
		t.Errorf("%d connections for 200 messages", n)
	}
}

// What waits never takes more than spool_max: fetching stops, says why, and goes on by itself once there is room.
func TestRemoteSpoolFull(t *testing.T) {
	t.Parallel()
	for _, floor := range []string{"0", "16MiB"} {
		t.Run("free_space "+floor, func(t *testing.T) {
			const most = 100_000
			h := newHouse(t)
			fmt.Fprintf(&h.conf, "[limits]\nfree_space = %q\n", floor)
			messages := mailgen.Messages(41, 200, 500, 3000)
			server, addr := serve(t, pop3test.Options{}, boxOf(messages))
			relay := newSink(t)
			h.account("a", addr, "u", "p", "Mail", `delete = "after-delivery"`)
			h.relay("a", relay, fmt.Sprintf(`spool_max = "%d"`, most))
			relay.stop()
			for range 3 {
				r := h.run(75)
				if !strings.Contains(r.err, "spool_max") {
					t.Errorf("it does not say why nothing more is fetched:\n%s", r.err)
				}
				if files, octets := h.spooled("a", "smtp"); octets > most || octets < most/2 {
					t.Errorf("%d files of %d octets wait, %d are allowed", files, octets, most)
				}
			}
			fetched := server.Stats().Commands["RETR"]
			if fetched == 0 || fetched == 200 {
				t.Errorf("%d were fetched", fetched)
			}
			if got := arrived(t, h.mail("Mail")).len(); got != fetched {
				t.Errorf("the Maildir has %d of %d that were fetched", got, fetched)
			}
			if n := len(server.Messages("u")); n != 200 {
				t.Errorf("%d of 200 are left on the server before the relay has them", n)
			}
			relay.start()
			h.run(0)
			same(t, wanted(messages...), relay.arrived())
			same(t, wanted(messages...), arrived(t, h.mail("Mail")))
			once(t, server, 200)
			if n := len(server.Messages("u")); n != 0 {
				t.Errorf("%d left on the server", n)
			}
		})
	}
}

// A relay that refuses everything, for now or for good, by a wrong setting of ours or its own, empties nothing into the
// fallback and deletes nothing; a person is told once a run, and what waited is sent when it is right again.
func TestRemoteRefusesAll(t *testing.T) {
	for _, at := range []string{"greeting 554", "EHLO 550", "MAIL 550", "RCPT 550", "DATA 550", "greeting 421", "EHLO 421", "MAIL 451", "RCPT 450", "DATA 451"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			messages := mailgen.Messages(42, 20, 500, 1000)
			server, addr := serve(t, pop3test.Options{}, boxOf(messages))
			relay := newSink(t)
			step, code, _ := strings.Cut(at, " ")
			relay.set(func(verb, _ string) string {
				if verb != step {
					return ""
				}
				return code + " " + code[:1] + ".7.1 not from you"
			}, nil)
			h.account("a", addr, "u", "p", "Mail", `delete = "after-delivery"`)
			h.relay("a", relay)
			h.quarantine("a")
			for range 2 {
				r := h.popsync("run")
				if r.code != 75 && r.code != 78 {
					t.Errorf("exit code %d", r.code)
				}
				if strings.Count(r.err, "not from you") != 1 || strings.Count(r.err, "\n") != 1 || !strings.Contains(r.err, relay.addr) {
					t.Errorf("want one line, with the address and what the relay said:\n%s", r.err)
				}
			}
			same(t, sums{}, arrived(t, h.mail("Quarantine")))
			same(t, wanted(messages...), arrived(t, h.mail("Mail")))
			if n := len(server.Messages("u")); n != 20 {
				t.Errorf("%d of 20 are left on the server", n)
			}
			relay.set(nil, nil)
			h.run(0)
			same(t, wanted(messages...), relay.arrived())
			same(t, sums{}, arrived(t, h.mail("Quarantine")))
			once(t, server, 20)
			if n := len(server.Messages("u")); n != 0 {
				t.Errorf("%d left on the server", n)
			}
		})
	}
}

// A relay that takes some messages and then refuses every envelope, as one does that finds us too busy, is at fault
// itself: three refusals in a row stop the run, and what follows goes to no fallback.
func TestRemoteTurnsAgainstUs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	messages := mailgen.Messages(47, 40, 500, 1000)
	server, addr := serve(t, pop3test.Options{}, boxOf(messages))
	relay := newSink(t)
	relay.set(func(verb, _ string) string {
		if verb == "RCPT" && relay.seen["end"] >= 10 {
			return "550 5.7.1 too much mail from you"
		}
		return ""
	}, nil)
	h.account("a", addr, "u", "p", "Mail", `delete = "after-delivery"`)
	h.relay("a", relay)
	h.quarantine("a")
	r := h.popsync("run")
	if r.code != 75 || !strings.Contains(r.err, "too much mail from you") {
		t.Errorf("exit code %d, want 75\n%s", r.code, r.err)
	}
	if n := arrived(t, h.mail("Quarantine")).len(); n >= 3 {
		t.Errorf("%d of the 30 that it refused are in the fallback", n)
	}
	if n := len(server.Messages("u")); n != 30 {
		t.Errorf("%d are left on the server, want 30", n)
	}
}

// A message that a relay will not have, or whose sending ends in doubt again and again, waits for a daily retry. Then the
// status tells of it, although a run has nothing to complain about.
func TestRemoteParked(t *testing.T) {
	for what, then := range map[string]struct {
		code int
		says string
	}{
		"451 4.3.0 try later": {0, "1 delivery to smtp parked"}, "554 5.6.0 never": {0, "1 delivery to smtp parked"}, "in doubt": {0, "1 delivery to smtp parked"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			messages := mailgen.Messages(48, 4, 500, 1000)
			server, addr := serve(t, pop3test.Options{}, boxOf(messages))
			relay := newSink(t)
			bad := sunk{body: messages[1]}.sum()
			relay.set(func(verb, arg string) string {
				if verb == "end" && (sunk{body: []byte(arg)}).sum() == bad {
					return what
				}
				return ""
			}, func(m sunk) (bool, bool) { return what == "in doubt" && m.sum() == bad, false })
			h.account("a", addr, "u", "p", "Mail", `delete = "after-delivery"`)
			h.relay("a", relay)
			for range 4 { // the first three make noise
				h.popsync("run")
			}
			h.run(then.code)
			same(t, wanted(messages[0], messages[2], messages[3]), relay.arrived())
			if n := len(server.Messages("u")); n != 1 {
				t.Errorf("%d are left on the server, want 1", n)
			}
			if out := h.popsync("status").out; !strings.Contains(out, then.says) {
				t.Errorf("the status does not tell of the message that the relay lacks:\n%s", out)
			}
		})
	}
}

// A server that dies after the final dot, with the message or without: nothing is lost, and no message comes more often
// than its endings in doubt allow. All copies of a message have one delivery id.
func TestRemoteDoubt(t *testing.T) {
	for _, accepted := range []bool{false, true} {
		t.Run(fmt.Sprintf("accepted %v", accepted), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			messages := mailgen.Messages(43, 30, 500, 1000)
			server, addr := serve(t, pop3test.Options{}, boxOf(messages))
			relay := newSink(t)
			h.account("a", addr, "u", "p", "Mail", `delete = "after-delivery"`)
			h.relay("a", relay, "connections = 2")
			doubts := map[[32]byte]int{} // endings
			relay.set(nil, func(m sunk) (bool, bool) {
				n := relay.ended
				if n%7 != 3 || n > 40 {
					return false, false
				}
				doubts[m.sum()]++
				return true, accepted
			})
			runs := 1
			for ; h.popsync("run").code != 0; runs++ {
				if runs == 30 {
					t.Fatalf("not done after %d runs: %s", runs, h.popsync("status").out)
				}
			}
			got, in := relay.arrived(), 0
			for k, n := range wanted(messages...) {
				in += doubts[k]
				if got[k] < n || got[k] > n+doubts[k] {
					t.Errorf("a message with %d endings in doubt came %d times", doubts[k], got[k])
				}
			}
			lost, twice := differ(wanted(messages...), got)
			t.Logf("%d runs, %d endings in doubt: %d lost, %d copies beyond the first", runs, in, lost, twice)
			if in == 0 || twice > in || !accepted && twice > 0 {
				t.Errorf("%d endings in doubt, %d copies", in, twice)
			}
			ids := map[[32]byte]string{}
			for _, m := range relay.messages() {
				if first, ok := ids[m.sum()]; ok && first != m.id() || m.id() == "" {
					t.Errorf("delivery ids %q and %q", first, m.id())
				}
				ids[m.sum()] = m.id()
			}
			if distinct := slices.Compact(slices.Sorted(maps.Values(ids))); len(distinct) != len(messages) {
				t.Errorf("%d delivery ids for %d messages", len(distinct), len(messages))
			}
			same(t, wanted(messages...), arrived(t, h.mail("Mail")))
			h.run(0) // what was sent so late that the session was over is deleted by the next run
			if n := len(server.Messages("u")); n != 0 {
				t.Errorf("%d left on the server", n)
			}
			once(t, server, 30)
		})
	}
}

// What the relay refuses for good after the end of data goes to the fallback. It counts as delivered and stays on the
// server all the same, for a week, unless the configuration says otherwise.
func TestRemoteQuarantine(t *testing.T) {
	for _, also := range []bool{false, true} {
		t.Run(fmt.Sprintf("delete_quarantined %v", also), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			messages := mailgen.Messages(44, 12, 500, 1000)
			server, addr := serve(t, pop3test.Options{}, boxOf(messages))
			relay := newSink(t)
			bad := map[[32]byte]bool{sunk{body: messages[0]}.sum(): true, sunk{body: messages[7]}.sum(): true}
			relay.set(func(verb, arg string) string {
				if verb == "end" && bad[sunk{body: []byte(arg)}.sum()] {
					return "554 5.7.1 looks like spam"
				}
				return ""
			}, nil)
			h.account("a", addr, "u", "p", "Mail", `delete = "after-delivery"`, fmt.Sprintf("delete_quarantined = %v", also))
			h.relay("a", relay)
			h.quarantine("a")
			h.run(0)
			good := append(slices.Clone(messages[1:7]), messages[8:]...)
			for range 2 {
				same(t, wanted(messages...), arrived(t, h.mail("Mail")))
				same(t, wanted(messages[0], messages[7]), arrived(t, h.mail("Quarantine")))
				same(t, wanted(good...), relay.arrived())
				want := 2
				if also {
					want = 0
				}
				if left := server.Messages("u"); len(left) != want {
					t.Errorf("%d are left on the server, want %d", len(left), want)
				}
				h.run(0)
			}
			once(t, server, 12)
			if n := relay.commands()["end"]; n != 12 {
				t.Errorf("%d messages were offered to the relay, want 12", n)
			}
			if files, _ := h.spooled("a", "smtp"); files != 0 {
				t.Errorf("%d files are left in the spool", files)
			}
		})
	}
}
