package acceptance_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
)

// The tests named TestRestore put a backup of the ledger back that is older than the mail, with the built program.

// backup writes a copy of the ledger and returns its path.
func (h *house) backup(name string) string {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if r := h.popsync("backup", path); r.code != 0 {
		h.t.Fatalf("backup: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		h.t.Fatalf("the backup: %v, %v", info, err)
	}
	return path
}

// restore does what the command and the documentation say.
func (h *house) restore(backup string) {
	h.t.Helper()
	for _, name := range []string{"ledger.db-wal", "ledger.db-shm"} {
		if err := os.Remove(filepath.Join(h.state(), name)); err != nil && !os.IsNotExist(err) {
			h.t.Fatal(err)
		}
	}
	b, err := os.ReadFile(backup)
	if err == nil {
		err = os.WriteFile(filepath.Join(h.state(), "ledger.db"), b, 0o600)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) inDoubt() bool {
	return h.number(`SELECT count(*) FROM account WHERE json_extract(CAST(facts AS TEXT), '$.verify')`) > 0
}

// Fetched in several passes, backed up in the midst, fetched on, restored, run: the ledger is in doubt in the first run and
// no more after it, nothing comes twice, nothing is lost, and nothing is deleted that was not delivered. Whether the leases of
// the state directory were kept makes no difference: the Maildir tells as well.
func TestRestore(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"never", "after-delivery"} {
		for _, leases := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, leases kept %v", policy, leases), func(t *testing.T) {
				messages := mailgen.Messages(71, 60, 300, 3000)
				box := boxOf(messages)
				h := newHouse(t)
				s, addr := serve(t, pop3test.Options{OnDelete: h.mustBeDelivered()}, box[:20])
				h.account("a", addr, "u", "p", "Mail", fmt.Sprintf("delete = %q", policy))
				h.run(0)
				s.Deliver("u", box[20:30]...)
				h.run(0)
				copied := h.backup("copy.db")
				s.Deliver("u", box[30:50]...)
				h.run(0)
				h.run(0)
				h.restore(copied)
				if !leases {
					if err := os.RemoveAll(filepath.Join(h.state(), "lease")); err != nil {
						t.Fatal(err)
					}
				}
				s.Deliver("u", box[50:]...) // came while nothing ran: nobody can tell it from what was delivered and moved away

				r := h.popsync("run", "a")
				if r.code != 78 || !strings.Contains(r.err, "ledger in doubt") || !strings.Contains(r.err, "10 messages are held back") {
					t.Fatalf("first run: exit code %d\n%s%s", r.code, r.out, r.err)
				}
				if h.inDoubt() {
					t.Error("a whole listing was looked at, and the ledger is still in doubt")
				}
				same(t, wanted(messages[:50]...), arrived(t, h.mail("Mail")))
				if r := h.popsync("accept", "a"); r.code != 0 || !strings.Contains(r.out, "10 messages let through") {
					t.Fatalf("accept: %+v", r)
				}
				for range 2 {
					if r := h.run(0); strings.Contains(r.err, "in doubt") {
						t.Errorf("in doubt again: %s", r.err)
					}
				}
				same(t, wanted(messages...), arrived(t, h.mail("Mail")))
				if left := len(s.Messages("u")); policy == "never" && left != 60 || policy != "never" && left != 0 {
					t.Errorf("%d are left on the server", left)
				}
			})
		}
	}
}

// What a person has seen before is marked instead, and that can be taken back.
func TestRestoreBaseline(t *testing.T) {
	t.Parallel()
	messages := mailgen.Messages(72, 12, 300, 3000)
	box := boxOf(messages)
	h := newHouse(t)
	s, addr := serve(t, pop3test.Options{}, box[:4])
	h.account("a", addr, "u", "p", "Mail")
	h.run(0)
	copied := h.backup("copy.db")
	s.Deliver("u", box[4:8]...)
	h.run(0)
	h.restore(copied)
	// Its reader has moved two of them away meanwhile.
	moved := map[string]bool{string(mailgen.Stored(messages[5])): true, string(mailgen.Stored(messages[6])): true}
	for _, sub := range []string{"new", "cur"} {
		files, err := filepath.Glob(filepath.Join(h.mail("Mail"), sub, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if b, err := os.ReadFile(f); err == nil && moved[string(b)] {
				if err := os.Remove(f); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	h.run(78)
	if r := h.popsync("baseline", "a"); r.code != 0 || !strings.Contains(r.out, "2 marked as seen") {
		t.Fatalf("%+v", r)
	}
	s.Deliver("u")
	h.run(0)
	if r := h.popsync("baseline", "--undo", "a"); r.code != 0 || !strings.Contains(r.out, "2 messages held back") {
		t.Fatalf("%+v", r)
	}
	h.run(78)
	h.popsync("baseline", "a")
	s.Deliver("u", box[8:]...)
	h.run(0)
	same(t, wanted(append(messages[:5:5], append([][]byte{messages[7]}, messages[8:]...)...)...), arrived(t, h.mail("Mail")))
}

// Backed up beside a pass that is at work: the copy is whole, and restored it loses and doubles nothing.
func TestRestoreOfARunningPass(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"never", "after-delivery"} {
		t.Run(policy, func(t *testing.T) {
			messages := mailgen.Messages(73, 200, 300, 3000)
			h := newHouse(t)
			h.conf.WriteString("[limits]\nbatch_messages = 10\n")
			var copied string
			sent := 0
			_, addr := serve(t, pop3test.Options{OnDelete: h.mustBeDelivered(), NoPipelining: true,
				OnCommand: func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
					if verb == "RETR" {
						if sent++; sent == 100 {
							copied = h.backup("copy.db")
						}
					}
					return nil
				}}, boxOf(messages))
			h.account("a", addr, "u", "p", "Mail", fmt.Sprintf("delete = %q", policy))
			h.run(0)
			if copied == "" {
				t.Fatal("no backup was made")
			}
			h.restore(copied)
			if n := h.number(`SELECT count(*) FROM message WHERE state = 2`); n == 0 || n >= 200 {
				t.Fatalf("the copy has %d messages as delivered: nothing is tested", n)
			}
			r := h.run(0)
			if h.inDoubt() {
				t.Errorf("a whole listing was looked at, and the ledger is still in doubt\n%s", r.err)
			}
			h.run(0)
			same(t, wanted(messages...), arrived(t, h.mail("Mail")))
		})
	}
}

// A mail server cannot tell what it was given: what the older ledger does not know is held back, and said, until a person
// decides.
func TestRestoreOfRemote(t *testing.T) {
	t.Parallel()
	messages := mailgen.Messages(74, 30, 300, 3000)
	box := boxOf(messages)
	h := newHouse(t)
	s, addr := serve(t, pop3test.Options{}, box[:10])
	relay := newSink(t)
	h.work(addr, fmt.Sprintf("[[account.work.deliver]]\ntype = \"smtp\"\naddress = %q\ntls = \"none\"\nto = [\"me@example.org\"]\n", relay.addr))
	h.run(0)
	copied := h.backup("copy.db")
	s.Deliver("u", box[10:20]...)
	h.run(0)
	if lost, twice := differ(wanted(messages[:20]...), relay.arrived()); lost+twice > 0 {
		t.Fatalf("before: %d lost, %d twice", lost, twice)
	}
	h.restore(copied)
	r := h.popsync("run", "work")
	if r.code != 78 || !strings.Contains(r.err, "10 messages are held back") || !strings.Contains(r.err, "popsync accept work") {
		t.Fatalf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if r := h.popsync("status"); !strings.Contains(r.out, "10 messages held back") {
		t.Errorf("status does not say it:\n%s", r.out)
	}
	if lost, twice := differ(wanted(messages[:20]...), relay.arrived()); lost+twice > 0 {
		t.Errorf("sent again: %d lost, %d twice", lost, twice)
	}
	// They were seen. What comes now is new.
	h.popsync("baseline", "work")
	s.Deliver("u", box[20:]...)
	h.run(0)
	h.run(0)
	if lost, twice := differ(wanted(messages...), relay.arrived()); lost+twice > 0 || h.inDoubt() {
		t.Errorf("in the end: %d lost, %d twice", lost, twice)
	}
}

// What waited to be sent when the backup was made, and has been sent since, is not sent again.
func TestRestoreOfWaiting(t *testing.T) {
	t.Parallel()
	messages := mailgen.Messages(75, 6, 300, 3000)
	h := newHouse(t)
	_, addr := serve(t, pop3test.Options{}, boxOf(messages))
	relay := newSink(t)
	h.work(addr, fmt.Sprintf("[[account.work.deliver]]\ntype = \"smtp\"\naddress = %q\ntls = \"none\"\nto = [\"me@example.org\"]\n", relay.addr))
	relay.stop()
	h.popsync("run", "work")
	copied := h.backup("copy.db")
	relay.start()
	h.run(0, "work")
	h.restore(copied)
	r := h.popsync("run", "work")
	if !strings.Contains(r.err, "in doubt") || !strings.Contains(r.err, "6 messages are held back") {
		t.Errorf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if lost, twice := differ(wanted(messages...), relay.arrived()); lost+twice > 0 {
		t.Errorf("%d lost, %d twice", lost, twice)
	}
	h.popsync("baseline", "work")
	h.run(0)
	h.run(0)
	if lost, twice := differ(wanted(messages...), relay.arrived()); lost+twice > 0 || h.inDoubt() {
		t.Errorf("in the end: %d lost, %d twice", lost, twice)
	}
}

// Copies that wait are the last ones perhaps: an account is not forgotten with them, unless a person says so. Its spool goes.
func TestForgetWaiting(t *testing.T) {
	t.Parallel()
	messages := mailgen.Messages(76, 3, 300, 3000)
	h := newHouse(t)
	_, addr := serve(t, pop3test.Options{}, boxOf(messages))
	relay := newSink(t)
	before := h.conf.String()
	h.work(addr, fmt.Sprintf("[[account.work.deliver]]\ntype = \"smtp\"\naddress = %q\ntls = \"none\"\nto = [\"me@example.org\"]\n", relay.addr))
	relay.stop()
	h.popsync("run", "work")
	if files, _ := h.spooled("work", "smtp"); files != 3 {
		t.Fatalf("%d copies wait", files)
	}
	all := h.conf.String()
	h.conf.Reset()
	h.conf.WriteString(before)
	h.account("other", addr, "v", "p", "Other")
	r := h.popsync("forget", "--yes", "work")
	if r.code != 78 || !strings.Contains(r.err, "work: 3 deliveries wait for smtp: nothing was forgotten") || !strings.Contains(r.err, "popsync forget --yes --drop-waiting work") {
		t.Errorf("%+v", r)
	}
	if files, _ := h.spooled("work", "smtp"); files != 3 {
		t.Fatalf("%d copies wait after it was refused", files)
	}
	r = h.popsync("forget", "--yes", "--drop-waiting", "work")
	if r.code != 0 || !strings.Contains(r.out, "dropped 3 deliveries that waited") {
		t.Errorf("%+v", r)
	}
	if left, err := os.ReadDir(filepath.Join(h.state(), "spool")); err != nil || len(left) != 0 {
		t.Errorf("the spool has %v, %v", left, err)
	}
	// It comes back, and all its mail is new.
	relay.start()
	h.conf.Reset()
	h.conf.WriteString(all)
	h.run(0, "work")
	if lost, twice := differ(wanted(messages...), relay.arrived()); lost+twice > 0 {
		t.Errorf("come back: %d lost, %d twice", lost, twice)
	}
}

// No secret is in a backup, whatever the server says of it.
func TestBackupHasNoSecret(t *testing.T) {
	const secret, relayed = "s3cr3t-of-the-mailbox", "s3cr3t-of-the-relay"
	h := newHouse(t)
	s := pop3test.NewServer(pop3test.Options{OnCommand: func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
		if verb == "UIDL" {
			return &pop3test.Reply{Raw: []byte("-ERR not now: " + arg + secret + "\r\n")}
		}
		return nil
	}})
	t.Cleanup(s.Close)
	s.AddUser("u", secret, boxOf(mailgen.Messages(77, 3, 300, 900))...)
	addr, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	relay := newSink(t)
	relay.set(func(verb, _ string) string {
		if verb == "MAIL" {
			return "450 4.7.1 not with " + relayed
		}
		return ""
	}, nil)
	h.account("a", addr, "u", secret, "Mail")
	h.deliver("a", fmt.Sprintf("type = \"smtp\"\naddress = %q\ntls = \"none\"\nto = [\"me@example.org\"]\nusername = \"me\"\npassword = %q", relay.addr, relayed))
	h.popsync("run", "a")
	s.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	h.popsync("run", "a")
	b, err := os.ReadFile(h.backup("copy.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{secret, relayed} {
		if bytes.Contains(b, []byte(word)) {
			t.Errorf("the backup has %q", word)
		}
	}
	if !bytes.Contains(b, []byte("0000000001.uid")) {
		t.Error("the backup has no message: nothing is tested")
	}
}
