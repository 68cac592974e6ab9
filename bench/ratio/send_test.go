//go:build bench

package ratio

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/deliver/delivertest/postfix"
	"github.com/popsync/popsync/pop3/pop3test"
)

// TestRatioSend: mail that goes on to a distant mail server. What the distance costs is the time beyond that of the same
// run without it, in round trips for each message.
func TestRatioSend(t *testing.T) {
	binary(t)
	const n, roundTrip = 2000, 50 * time.Millisecond
	messages := mailgen.Messages(3, n, 1000, 4000)
	box := make([]pop3test.Message, n)
	for i, m := range messages {
		box[i] = pop3test.Message{UID: fmt.Sprint(i), Data: m}
	}
	for _, connections := range []int{1, 4} {
		t.Run(fmt.Sprintf("%d connections", connections), func(t *testing.T) {
			at := map[time.Duration]time.Duration{}
			for _, distance := range []time.Duration{0, roundTrip} {
				at[distance] = send(t, box, connections, distance)
			}
			trips := float64(at[roundTrip]-at[0]) * float64(connections) / float64(n*roundTrip)
			t.Logf("%d of 1 to 4 KB to Postfix over %d connections: %v away %v, beside it %v: %.2f round trips for each message of a connection",
				n, connections, roundTrip, at[roundTrip].Round(time.Millisecond), at[0].Round(time.Millisecond), trips)
		})
	}
}

// send fetches box from a server in memory and sends it to a new Postfix; it returns how long the process took.
func send(t *testing.T, box []pop3test.Message, connections int, distance time.Duration) time.Duration {
	t.Helper()
	server := postfix.Start(t, postfix.Options{Users: []string{"me"}})
	source := pop3test.NewServer(pop3test.Options{})
	defer source.Close()
	source.AddUser("u", "p", box...)
	addr, err := source.Listen()
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(near(t, server.Addr, distance))
	if err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, dir: t.TempDir(), bin: binary(t)}
	conf := fmt.Sprintf("state_dir = %q\n[log]\nlevel = \"warn\"\n[account.a]\nhost = \"127.0.0.1\"\nport = %d\ntls = \"none\"\nusername = \"u\"\npassword = \"p\"\n\n"+
		"[[account.a.deliver]]\ntype = \"smtp\"\naddress = \"%s:%s\"\ntls = \"none\"\nto = [\"me@%s\"]\nconnections = %d\n",
		filepath.Join(p.dir, "state"), addr.Port, host, port, postfix.Domain, connections)
	if err := os.WriteFile(filepath.Join(p.dir, "config.toml"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	took := p.run(len(box))
	if got := len(server.Messages("me")); got != len(box) {
		t.Errorf("%d messages arrived", got)
	}
	return took
}
