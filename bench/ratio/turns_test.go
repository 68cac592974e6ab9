//go:build bench

package ratio

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/bench/proxy"
	"github.com/popsync/popsync/deliver/delivertest/postfix"
	"github.com/popsync/popsync/pop3/pop3test"
)

// TestTurns: mail that goes on to a distant mail server. Each message has to wait there and back once: for the answer to
// its end, with which come those to the envelope of the next. What comes first in a connection is counted too: the
// greeting, EHLO, the first envelope, QUIT. Without a distance the server may answer before that envelope is sent.
func TestTurns(t *testing.T) {
	const n, roundTrip = 2000, 50 * time.Millisecond
	messages := mailgen.Messages(3, n, 1000, 4000)
	box := make([]pop3test.Message, n)
	for i, m := range messages {
		box[i] = pop3test.Message{UID: fmt.Sprint(i), Data: m}
	}
	for _, connections := range []int{1, 4} {
		t.Run(fmt.Sprintf("%d connections", connections), func(t *testing.T) {
			for _, distance := range []time.Duration{0, roundTrip} {
				took, met, turns := send(t, box, connections, distance)
				t.Logf("%d of 1 to 4 KB to Postfix %v away over %d connections: %v, %.3f round trips for each message; they alone take %v",
					n, distance, met, took.Round(time.Millisecond), float64(turns)/n, n/time.Duration(connections)*distance)
				if distance > 0 && turns > n*11/10 {
					t.Errorf("%d round trips for %d messages", turns, n)
				}
			}
		})
	}
}

// send fetches box from a server in memory and sends it to a new Postfix; it returns how long the process took, how many
// connections it made, and how often it turned from sending to waiting, over all of them.
func send(t *testing.T, box []pop3test.Message, connections int, distance time.Duration) (took time.Duration, met, turns int64) {
	t.Helper()
	server := postfix.Start(t, postfix.Options{Users: []string{"me"}})
	source := pop3test.NewServer(pop3test.Options{})
	defer source.Close()
	source.AddUser("u", "p", box...)
	addr, err := source.Listen()
	if err != nil {
		t.Fatal(err)
	}
	count := &turnCounter{}
	host, port, err := net.SplitHostPort(count.listen(t, away(t, server.Addr, distance)))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	conf := fmt.Sprintf("state_dir = %q\n[log]\nlevel = \"warn\"\n[account.a]\nhost = \"127.0.0.1\"\nport = %d\ntls = \"none\"\nusername = \"u\"\npassword = \"p\"\n\n"+
		"[[account.a.deliver]]\ntype = \"smtp\"\naddress = \"%s:%s\"\ntls = \"none\"\nto = [\"me@%s\"]\nconnections = %d\n",
		filepath.Join(dir, "state"), addr.Port, host, port, postfix.Domain, connections)
	file := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if out, err := exec.Command(os.Getenv("POPSYNC_BENCH"), "--config", file, "run").CombinedOutput(); err != nil {
		t.Fatalf("popsync run: %v\n%s", err, out)
	}
	took = time.Since(began)
	if got := len(server.Messages("me")); got != len(box) {
		t.Errorf("%d messages arrived", got)
	}
	return took, count.met.Load(), count.turns.Load()
}

// away is a server as it looks from a distance.
func away(t *testing.T, addr string, roundTrip time.Duration) string {
	t.Helper()
	p, err := proxy.Start(addr, proxy.Options{Delay: roundTrip / 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p.Addr()
}

// turnCounter passes connections on and counts how often the client sends after the server has sent.
type turnCounter struct{ met, turns atomic.Int64 }

func (c *turnCounter) listen(t *testing.T, to string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			c.met.Add(1)
			go c.pass(client, to)
		}
	}()
	return l.Addr().String()
}

func (c *turnCounter) pass(client net.Conn, to string) {
	defer client.Close()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	var spoke atomic.Bool // the server, since the client last did
	go func() {
		defer client.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			spoke.Store(true)
			if _, werr := client.Write(buf[:n]); err != nil || werr != nil {
				return
			}
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if spoke.Swap(false) && n > 0 {
			c.turns.Add(1)
		}
		if _, werr := server.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}
