package acceptance_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/maildir"
	"github.com/popsync/popsync/pop3/pop3test"
)

// verify makes 'popsync verify', which must end with code and say all of what.
func (h *house) verify(code int, args []string, what ...string) string {
	h.t.Helper()
	r := h.popsync(append([]string{"verify"}, args...)...)
	if r.code != code {
		h.t.Errorf("popsync verify %v: exit code %d, want %d\n%s%s", args, r.code, code, r.out, r.err)
	}
	for _, w := range what {
		if !strings.Contains(r.out+r.err, w) {
			h.t.Errorf("popsync verify %v does not say %q:\n%s%s", args, w, r.out, r.err)
		}
	}
	printed(h.t, "popsync verify", r.out+r.err)
	return r.out
}

var repair = []string{"--repair"}

// kept makes a house whose account has fetched messages and left them on the server.
func kept(t *testing.T, n int) (*house, *pop3test.Server, sums) {
	t.Helper()
	h := newHouse(t)
	messages := mailgen.Messages(30, n, 400, 700)
	server, addr := serve(t, pop3test.Options{}, boxOf(messages))
	h.account("a", addr, "u", "p", "Mail")
	h.run(0)
	return h, server, wanted(messages...)
}

// deleting changes the policy of the house's account.
func (h *house) deleting() {
	conf := strings.Replace(h.conf.String(), "username =", "delete = \"after-delivery\"\nusername =", 1)
	h.conf.Reset()
	h.conf.WriteString(conf)
}

func (h *house) ledgerPath() string { return filepath.Join(h.state(), "ledger.db") }

func TestVerifySound(t *testing.T) {
	t.Parallel()
	h, _, _ := kept(t, 5)
	before, _ := os.ReadFile(h.ledgerPath())
	h.verify(0, nil, "ledger.db is sound", "a: nothing to complain of")
	h.verify(0, repair, "nothing to complain of")
	if n := h.number(`SELECT count(*) FROM message`); n != 5 || len(before) == 0 {
		t.Errorf("%d messages", n)
	}
	empty := newHouse(t)
	_, addr := serve(t, pop3test.Options{}, nil)
	empty.account("a", addr, "u", "p", "Mail")
	empty.verify(0, nil, "there is none yet")
	if _, err := os.Stat(empty.state()); err == nil {
		t.Error("it made a state directory")
	}
}

// Whatever damages the ledger: verify says so and changes nothing; with --repair it is moved aside as it is; the next
// run delivers nothing a second time, loses nothing, and deletes nothing; the one after it deletes by policy.
func TestVerifyDamagedLedger(t *testing.T) {
	t.Parallel()
	const n = 600
	r := rand.New(rand.NewPCG(31, 0))
	for name, damage := range map[string]func(b []byte) []byte{
		"a page of noise in the midst": func(b []byte) []byte {
			noise(r, b, pages(b)[len(pages(b))/2])
			return b
		},
		"three pages of noise": func(b []byte) []byte {
			with := pages(b)
			for _, page := range []int{with[1], with[len(with)/2], with[len(with)-2]} {
				noise(r, b, page)
			}
			return b
		},
		"cut in half": func(b []byte) []byte { return b[:len(b)/2/4096*4096] },
		"empty":       func(b []byte) []byte { return nil },
		"text":        func(b []byte) []byte { return bytes.Repeat([]byte("dear diary\n"), 999) },
	} {
		t.Run(name, func(t *testing.T) {
			h, server, want := kept(t, n)
			h.exec(`VACUUM`) // or noise may hit pages that are free
			good, err := os.ReadFile(h.ledgerPath())
			if err != nil {
				t.Fatal(err)
			}
			bad := damage(bytes.Clone(good))
			if err := os.WriteFile(h.ledgerPath(), bad, 0o600); err != nil {
				t.Fatal(err)
			}
			h.deleting()
			h.verify(70, nil, "popsync verify --repair")
			if now, _ := os.ReadFile(h.ledgerPath()); !bytes.Equal(now, bad) {
				t.Fatal("without --repair it changed the ledger")
			}
			out := h.verify(0, repair, "moved aside to")
			aside, _ := filepath.Glob(h.ledgerPath() + ".damaged-*Z")
			if len(aside) != 1 {
				t.Fatalf("aside: %v", aside)
			}
			if now, _ := os.ReadFile(aside[0]); !bytes.Equal(now, bad) {
				t.Error("what was moved aside is not what was there")
			}
			rows := h.number(`SELECT count(*) FROM message`)
			t.Logf("%d of %d rows were carried over\n%s", rows, n, out)
			h.verify(0, nil, "the ledger was repaired")
			h.run(0)
			same(t, want, arrived(t, h.mail("Mail")))
			if got := server.Stats().Deleted; len(got) > 0 {
				t.Errorf("%d were deleted in the first run after a repair", len(got))
			}
			h.run(0)
			same(t, want, arrived(t, h.mail("Mail")))
			if left := len(server.Messages("u")); left != 0 {
				t.Errorf("%d left on the server by the second run", left)
			}
			if strings.Contains(h.verify(0, nil), "was repaired:") {
				t.Error("it is still in verify mode")
			}
		})
	}
}

// pages are those of a ledger that hold rows of messages, as far as one can see from outside.
func pages(b []byte) (all []int) {
	for at := 0; at < len(b); at += 4096 {
		if bytes.Count(b[at:at+4096], []byte(".uid")) > 5 {
			all = append(all, at)
		}
	}
	return all
}

func noise(r *rand.Rand, b []byte, at int) {
	for i := range 4096 {
		b[at+i] = byte(r.Uint32())
	}
}

// A repair that was interrupted at any of its steps: nothing runs until it is finished, and nothing is lost.
func TestVerifyInterruptedRepair(t *testing.T) {
	t.Parallel()
	for _, moved := range []int{0, 1, 2, 3} {
		t.Run(fmt.Sprint(moved, " renames done"), func(t *testing.T) {
			h, server, want := kept(t, 40)
			const stamp = "20261123T220000Z"
			if err := os.WriteFile(h.ledgerPath()+".repairing", []byte(stamp+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, suffix := range []string{"", "-wal", "-shm"}[:moved] {
				if err := os.Rename(h.ledgerPath()+suffix, h.ledgerPath()+".damaged-"+stamp+suffix); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
			}
			sessions := server.Stats().Sessions
			if r := h.popsync("run"); r.code != 70 || !strings.Contains(r.err, "verify --repair") {
				t.Errorf("exit code %d: %s", r.code, r.err)
			}
			h.verify(70, nil, "popsync verify --repair")
			if server.Stats().Sessions != sessions {
				t.Error("it connected")
			}
			h.verify(0, repair, "moved aside")
			if n := h.number(`SELECT count(*) FROM message WHERE state = 2`); n != 40 {
				t.Errorf("%d rows", n)
			}
			h.run(0)
			same(t, want, arrived(t, h.mail("Mail")))
		})
	}
}

// While another popsync works with the ledger, nothing is moved from under it.
func TestVerifyLedgerInUse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	blocked, release := make(chan struct{}), make(chan struct{})
	server, addr := serve(t, pop3test.Options{OnCommand: func(s *pop3test.Session, verb, _ string) *pop3test.Reply {
		if verb == "UIDL" {
			close(blocked)
			<-release
		}
		return nil
	}}, boxOf(mailgen.Messages(32, 3, 400, 500)))
	h.account("a", addr, "u", "p", "Mail")
	cmd := h.command("run")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-blocked
	h.verify(75, nil, "another popsync works on this account")
	if err := os.WriteFile(h.ledgerPath()+".repairing", []byte("20261123T220000Z\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.verify(75, repair, "end what uses the ledger")
	if found, _ := filepath.Glob(h.ledgerPath() + ".damaged*"); len(found) > 0 {
		t.Errorf("moved: %v", found)
	}
	if err := os.Remove(h.ledgerPath() + ".repairing"); err != nil {
		t.Fatal(err)
	}
	close(release)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	server.Close()
}

// Open deliveries, by where their bytes are.
func TestVerifyTickets(t *testing.T) {
	t.Parallel()
	h, _, _ := kept(t, 6)
	m := maildir.New(maildir.Options{Path: h.mail("Mail")})
	ctx := context.Background()
	if _, err := m.Identify(ctx, ""); err != nil {
		t.Fatal(err)
	}
	var tickets []deliver.Ticket
	for i := range 4 {
		s, err := m.Create(ctx, deliver.Message{Account: "a", UID: fmt.Sprintf("%010d.uid", i)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write([]byte("Subject: x\r\n\r\nx\r\n")); err != nil {
			t.Fatal(err)
		}
		tk, err := s.Ticket()
		if err != nil {
			t.Fatal(err)
		}
		tickets = append(tickets, tk)
	}
	if err := m.Prepare(ctx, tickets); err != nil {
		t.Fatal(err)
	}
	if err := m.Publish(ctx, tickets[:1])[0]; err != nil {
		t.Fatal(err)
	}
	m.Close()
	name := func(i int) string { return filepath.Join(h.mail("Mail"), "tmp", strings.Fields(string(tickets[i]))[1]) }
	if err := os.WriteFile(name(2), []byte("Subject: y\n\ny\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(name(3)); err != nil {
		t.Fatal(err)
	}
	for i, tk := range tickets {
		h.exec(fmt.Sprintf(`UPDATE message SET state = 1, have = 0 WHERE uid = CAST('%010d.uid' AS BLOB)`, i))
		h.exec(fmt.Sprintf(`INSERT INTO delivery SELECT m.account, m.uid, m.dup, d.id, 2, %d, '%s', 0, 0, 0, '', 0
			FROM message m, destination d WHERE m.uid = CAST('%010d.uid' AS BLOB)`, i+1, tk, i))
	}
	h.verify(75, nil, "4 findings", "the ledger does not say so yet", "it waits in tmp, whole", "what waits in tmp is damaged", "no file of it is left",
		"popsync run a")
	h.run(0)
	h.verify(0, nil, "nothing to complain of; 0 open deliveries")
}

func TestVerifyContradictions(t *testing.T) {
	t.Parallel()
	h, _, _ := kept(t, 6)
	h.exec(`UPDATE message SET gone_at = 5 WHERE uid = CAST('0000000001.uid' AS BLOB)`)
	h.exec(`UPDATE message SET gone_at = 5, gone_listing = 99 WHERE uid >= CAST('0000000002.uid' AS BLOB) AND uid < CAST('0000000004.uid' AS BLOB)`)
	h.exec(`UPDATE message SET have = 0 WHERE uid = CAST('0000000004.uid' AS BLOB)`)
	h.exec(`UPDATE message SET have = have | (1 << 20) WHERE uid = CAST('0000000000.uid' AS BLOB)`)
	h.exec(`INSERT INTO delivery SELECT m.account, m.uid, m.dup, d.id, 2, 1, 'nonsense', 0, 0, 0, '', 0
		FROM message m, destination d WHERE m.uid = CAST('0000000005.uid' AS BLOB)`)
	h.verify(78, nil, "0000000001.uid left the listing, but when", `0000000002.uid (and 1 more) left a listing that there was not yet`,
		"no place has it", "a destination that there is not", "a delivery of it is open", "another Maildir", "6 findings")

	// What is open for a destination that a message need not have contradicts nothing.
	h.exec(`UPDATE destination SET role = 2`)
	if out := h.verify(78, nil, "5 findings"); strings.Contains(out, "a delivery of it is open") {
		t.Errorf("an optional destination that lags is a contradiction:\n%s", out)
	}
	h.exec(`UPDATE destination SET role = 1, since = 1`)
	h.verify(78, nil, "5 findings")
	h.exec(`UPDATE destination SET name = 'former', identity = '', role = 0`)
	h.verify(78, nil, "1 open delivery for former, which is not configured any more", "check --adopt a")
}

// A Maildir that is not mounted, and what lies in tmp/.
func TestVerifyMaildir(t *testing.T) {
	t.Parallel()
	h, _, _ := kept(t, 2)
	tmp := filepath.Join(h.mail("Mail"), "tmp")
	ours, err := os.ReadDir(filepath.Join(h.mail("Mail"), "new"))
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-40 * time.Hour)
	for i, age := range []time.Time{old, time.Now()} {
		base, _, _ := strings.Cut(ours[i].Name(), ",")
		if err := os.WriteFile(filepath.Join(tmp, base), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(tmp, base), age, age); err != nil {
			t.Fatal(err)
		}
	}
	left := h.ledgerPath() + ".creating"
	if err := os.WriteFile(left, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(left, old, old); err != nil {
		t.Fatal(err)
	}
	count := func() int {
		list, _ := os.ReadDir(tmp)
		return len(list)
	}
	h.verify(75, nil, "1 file in tmp", "2 findings", "never finished")
	if count() != 2 {
		t.Error("it removed something without --repair")
	}
	h.verify(0, repair, "DONE  a: removed", "DONE  ledger: removed")
	if count() != 1 {
		t.Errorf("%d files in tmp", count())
	}
	if err := os.Rename(h.mail("Mail"), h.mail("away")); err != nil {
		t.Fatal(err)
	}
	h.verify(78, repair, "not mounted?", "check --adopt")
}
