package acceptance_test

import (
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
)

// killer kills a process once a server has sent so many octets.
type killer struct {
	left  atomic.Int64
	armed atomic.Pointer[os.Process]
	fired atomic.Bool
}

type killedConn struct {
	net.Conn
	k *killer
}

// Write sends in small pieces, so that the process dies close to the octet that was drawn.
func (c killedConn) Write(b []byte) (n int, err error) {
	for len(b) > 0 {
		k, err := c.Conn.Write(b[:min(len(b), 2048)])
		n += k
		if err != nil {
			return n, err
		}
		b = b[k:]
		if p := c.k.armed.Load(); p != nil && c.k.left.Add(int64(-k)) < 0 && !c.k.fired.Swap(true) {
			_ = p.Kill()
		}
	}
	return n, nil
}

// kill -9 when the server has sent a random number of octets of 1,000 messages, 50 times with keep and 50 with delete:
// after the next run nothing is lost and nothing is there twice.
func TestAcceptKill(t *testing.T) {
	times := 6
	if large() {
		times = 50
	}
	for _, policy := range []string{"never", "after-delivery"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			killMany(t, policy, times)
		})
	}
}

func killMany(t *testing.T, policy string, times int) {
	messages := mailgen.Messages(7, 1000, 500, 3000)
	want := wanted(messages...)
	total := int64(0)
	for _, m := range messages {
		total += int64(len(m))
	}
	r := rand.New(rand.NewPCG(8, uint64(len(policy))))
	inside, publishing, lost, twice := 0, 0, 0, 0
	for range times {
		h := newHouse(t)
		h.conf.WriteString("[limits]\nbatch_messages = 40\n")
		k := &killer{}
		k.left.Store(r.Int64N(total))
		var retr, quit atomic.Bool
		server, addr := serve(t, pop3test.Options{
			Wrap: func(c net.Conn) net.Conn {
				_ = c.(*net.TCPConn).SetWriteBuffer(4 << 10) // what was sent was nearly received
				return killedConn{c, k}
			},
			OnCommand: func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
				if !k.fired.Load() {
					retr.Store(retr.Load() || verb == "RETR")
					quit.Store(quit.Load() || verb == "QUIT")
				}
				return nil
			},
			OnDelete: h.mustBeDelivered(),
		}, boxOf(messages))
		h.account("a", addr, "u", "p", "Mail", `delete = "`+policy+`"`)
		cmd := h.command("run")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		k.armed.Store(cmd.Process)
		_ = cmd.Wait()
		if k.fired.Load() && retr.Load() && !quit.Load() {
			inside++
		}
		if _, err := os.Stat(filepath.Join(h.state(), "ledger.db")); err == nil &&
			h.number(`SELECT count(*) FROM delivery WHERE state = 2`) > 0 {
			publishing++
		}
		k.armed.Store(nil)
		h.run(0)
		l, d := differ(want, arrived(t, h.mail("Mail")))
		lost, twice = lost+l, twice+d
		if left := len(server.Messages("u")); policy == "after-delivery" && left > 0 {
			t.Errorf("%d left on the server", left)
		}
		server.Close()
		os.RemoveAll(h.dir)
	}
	t.Logf("%s: %d kills, %d between the first RETR and QUIT, %d with rows 'publishing': %d lost, %d twice", policy, times,
		inside, publishing, lost, twice)
	if lost > 0 || twice > 0 {
		t.Errorf("%d lost, %d twice", lost, twice)
	}
	if inside < times*4/5 || publishing < times/10 {
		t.Errorf("the kills missed: %d of %d inside, %d while publishing", inside, times, publishing)
	}
}

// 500 good messages around one that makes popsync panic.
func TestAcceptPoison(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	messages := mailgen.Messages(9, 501, 300, 2000)
	box := boxOf(messages)
	h.bin = program(t, "poison:"+box[250].UID)
	_, addr := serve(t, pop3test.Options{}, box)
	h.account("a", addr, "u", "p", "Mail")
	for range 3 {
		h.run(70)
	}
	h.run(0)
	good := append(append([][]byte{}, messages[:250]...), messages[251:]...)
	same(t, wanted(good...), arrived(t, h.mail("Mail")))
	if n := h.number(`SELECT count(*) FROM message WHERE state = 4`); n != 1 {
		t.Errorf("%d parked", n)
	}
	if n := h.number(`SELECT count(*) FROM message WHERE attempts > 0 AND uid <> ?`, []byte(box[250].UID)); n != 0 {
		t.Errorf("%d innocent messages were charged", n)
	}
	if out := h.popsync("status").out; !strings.Contains(out, "1 message parked") {
		t.Errorf("status does not tell:\n%s", out)
	}
}

// The Maildir's filesystem is not mounted, with rows 'publishing': the account stops, nothing is judged, nothing
// deleted; once it is back, all goes on.
func TestAcceptNotMounted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	messages := mailgen.Messages(10, 30, 300, 2000)
	server, addr := serve(t, pop3test.Options{}, boxOf(messages[:10]))
	h.account("a", addr, "u", "p", "Mail", `delete = "after-delivery"`)
	h.run(0)
	server.Deliver("u", boxOf(messages)[10:]...)
	// As a crash between the commit and the renames leaves it: rows, and files in tmp only.
	h.run(0)
	h.exec(`UPDATE message SET state = 1`)
	h.exec(`INSERT INTO delivery SELECT m.account, m.uid, m.dup, d.id, 2, 1, 'not a ticket that anybody may judge', 0, 0, 0, '', 0
		FROM message m, destination d LIMIT 5`)
	if err := os.Rename(h.mail("Mail"), h.mail("away")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(h.mail("Mail"), 0o700); err != nil {
		t.Fatal(err)
	}
	before := server.Stats().Sessions
	r := h.run(78)
	if !strings.Contains(r.err, "not mounted") {
		t.Errorf("the message does not tell:\n%s", r.err)
	}
	if n := h.number(`SELECT count(*) FROM delivery WHERE state = 2`); n != 5 {
		t.Errorf("%d rows are left 'publishing'", n)
	}
	if server.Stats().Sessions != before {
		t.Error("it connected all the same")
	}
	if left, _ := os.ReadDir(h.mail("Mail")); len(left) > 0 {
		t.Error("something was made in the empty mount point")
	}
}
