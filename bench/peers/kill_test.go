//go:build peers

package peers

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/popsync/popsync/pop3/pop3test"
)

const (
	kills    = 20
	messages = 1000
)

// letter is a message that tells whether a copy of it is whole.
func letter(i int) []byte {
	return fmt.Appendf(nil, "From: a@example.org\r\nTo: b@example.org\r\nSubject: letter %d\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n"+
		"Message-ID: <%d@example.org>\r\n\r\nbegin-%04d-\r\n%s-end-%04d\r\n", i, i, i,
		bytes.Repeat([]byte("What a message of a few lines has to say.\r\n"), 20+i%40), i)
}

func letters() (box []pop3test.Message, octets int64) {
	for i := range messages {
		m := letter(i)
		box = append(box, pop3test.Message{UID: fmt.Sprintf("%08d.letter", i), Data: m})
		octets += int64(len(m))
	}
	return box, octets
}

// trap kills a process once a server has sent so many octets.
type trap struct {
	left  atomic.Int64
	pid   atomic.Int64
	fired atomic.Bool
}

type trapped struct {
	net.Conn
	t *trap
}

func (c trapped) Write(b []byte) (n int, err error) {
	for len(b) > 0 {
		k, err := c.Conn.Write(b[:min(len(b), 1024)])
		n += k
		if err != nil {
			return n, err
		}
		b = b[k:]
		if c.t.left.Add(int64(-k)) < 0 && !c.t.fired.Load() {
			for c.t.pid.Load() == 0 { // it is being started
				time.Sleep(time.Millisecond)
			}
			if !c.t.fired.Swap(true) {
				_ = syscall.Kill(int(c.t.pid.Load()), syscall.SIGKILL)
			}
		}
	}
	return n, nil
}

// tally is what became of the messages.
type tally struct {
	Lost, Twice, Cut, Left int
	Refused, Hung          int // next runs
	Missed                 int // kills that came too late
	said                   map[string]int
}

// count looks at the copies: whole ones, and those that begin and never end.
func (y *tally) count(files [][]byte, server *pop3test.Server, keep, fine bool) {
	whole := make([]int, messages)
	for _, f := range files {
		at := bytes.Index(f, []byte("\nbegin-"))
		n := -1
		if at >= 0 {
			_, _ = fmt.Sscanf(string(f[at+1:min(len(f), at+16)]), "begin-%d-", &n)
		}
		if n < 0 || n >= messages || !bytes.Contains(f, fmt.Appendf(nil, "-end-%04d", n)) {
			y.Cut++
			continue
		}
		whole[n]++
	}
	there := map[string]bool{}
	for _, m := range server.Messages(user) {
		there[m.UID] = true
	}
	for i, n := range whole {
		onServer := there[fmt.Sprintf("%08d.letter", i)]
		switch {
		case n == 0 && onServer && (!keep || !fine):
			y.Left++
		case n == 0:
			y.Lost++
		default:
			y.Twice += n - 1
		}
	}
}

// kill -9 at equal fractions of a run of 1,000 messages, each time with a new home and mailbox; then one normal run.
func TestPeersKill(t *testing.T) {
	found := installed(t)
	dir := base(t)
	for i := range found {
		found[i].place(t, dir)
	}
	fmt.Printf("\n%d kills -9 at equal fractions of a run of %d messages, then one normal run. Sums over the %d trials:\n\n", kills, messages, kills)
	fmt.Println("| program | policy | lost | twice | cut short in the mailbox | not fetched, still on the server | next run failed | hung |")
	fmt.Println("|---|---|---:|---:|---:|---:|---:|---:|")
	for _, p := range found {
		for _, keep := range []bool{true, false} {
			policy := "delete"
			if keep {
				policy = "keep"
			}
			if only := os.Getenv("POPSYNC_PEERS_POLICY"); only != "" && only != policy {
				continue
			}
			y := killMany(t, p, dir, keep)
			fmt.Printf("| %s | %s | %d | %d | %d | %d | %d | %d |\n", p.name, policy, y.Lost, y.Twice, y.Cut, y.Left, y.Refused, y.Hung)
			for said, n := range y.said {
				t.Logf("%s, %s: %d times: %s", p.name, policy, n, said)
			}
			if y.Missed > 0 {
				t.Errorf("%s, %s: %d kills missed", p.name, policy, y.Missed)
			}
			if p.name == "popsync" && (y.Lost+y.Twice+y.Cut+y.Left+y.Refused+y.Hung > 0) {
				t.Errorf("popsync, %s: %+v", policy, y)
			}
		}
	}
}

func killMany(t *testing.T, p program, dir string, keep bool) tally {
	box, octets := letters()
	y := tally{said: map[string]int{}}
	for k := range kills {
		h := newHome(t, dir)
		tr := &trap{}
		tr.left.Store(octets * int64(k+1) / (kills + 1))
		server, port := serve(t, pop3test.Options{Wrap: func(c net.Conn) net.Conn {
			_ = c.(*net.TCPConn).SetWriteBuffer(4 << 10) // what was sent was nearly received
			return trapped{c, tr}
		}}, box)
		args := p.setup(h, port, keep)
		cmd, said := h.start(p, args)
		tr.pid.Store(int64(cmd.Process.Pid))
		o := finish(cmd, said, patience)
		if !tr.fired.Swap(true) || o.code != -1 {
			y.Missed++
			y.said["first run: "+o.String()]++
		}
		if o = h.run(p, args, patience); !o.fine(p) {
			y.said["next run: "+strings.ReplaceAll(o.String(), h.dir, "HOME")]++
			if o.hung {
				y.Hung++
			} else {
				y.Refused++
			}
			for _, name := range p.locks { // as a person would who reads what it said
				os.Remove(h.path(name))
			}
			for range 3 { // what is still missing then is lost, not late
				if o = h.run(p, args, patience); o.fine(p) {
					break
				}
			}
		}
		y.count(h.files(), server, keep, o.fine(p))
		server.Close()
		h.remove()
	}
	return y
}
