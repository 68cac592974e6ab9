package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl/uidltest"
)

// 100 messages, a schedule of ten minutes, and a destination that takes five in each fixed minute: all of them are there within
// 25 minutes, and few were sent in vain; so it is where one of them is refused each time.
func TestDaemonDestinationThatLimits(t *testing.T) {
	for _, bad := range []string{"", "uid-0", "uid-50", "uid-99"} {
		t.Run(bad, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) { limitedDay(t, dir, bad) })
		})
	}
}

func limitedDay(t *testing.T, dir, bad string) {
	time.Sleep(7*time.Minute + 23*time.Second)
	file := filepath.Join(dir, "config.toml")
	conf := fmt.Sprintf(`state_dir = %q
timezone = "UTC"
[log]
level = "error"
[control]
socket = "off"
[account.a]
host = "a.example"
tls = "none"
insecure_plaintext = true
username = "u"
password = "p"
schedule = "*/10 * * * *"
jitter = "0s"
alarm = false
[[account.a.deliver]]
type = "maildir"
path = %q
`, dir, filepath.Join(dir, "mail"))
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	server := pop3test.NewServer(pop3test.Options{})
	var box []pop3test.Message
	for i := range 100 {
		box = append(box, pop3test.Message{UID: fmt.Sprintf("uid-%d", i), Data: fmt.Appendf(nil, "Message-ID: <%d>\r\n\r\nx\r\n", i)})
	}
	server.AddUser("u", "p", box...)

	var mu sync.Mutex
	var minute, last time.Time
	bodies, took, logins := 0, 0, 0
	target := delivertest.NewMemory("relay")
	target.OnPublish = func(m deliver.Message) error {
		mu.Lock()
		defer mu.Unlock()
		bodies++
		if now := time.Now().Truncate(time.Minute); !now.Equal(minute) {
			minute, took = now, 0
		}
		if m.UID == bad || took >= 5 {
			return &deliver.Error{Op: "send", Place: "relay:25", Err: errors.New("451 4.7.1 slow down")}
		}
		took++
		last = time.Now()
		return nil
	}
	a := &app{Console: &console.Console{Out: io.Discard, Err: io.Discard}, configFile: file}
	cfg, err := a.load()
	if err != nil {
		t.Fatal(err)
	}
	log, err := openLog(io.Discard, false, config.Log{Level: "error", Format: "json"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	ledger := uidltest.NewMemory().Open()
	d, err := serving{a}.newService(cfg, ledger, log, func(cfg *config.Config, c config.Account) (fetcher.Account, error) {
		acc, err := serving{a}.wireUnasked(cfg, c)
		if err == nil {
			acc.Server.Dial = server.Dial
			acc.Destinations[0].Target = target.Reopen()
			password := acc.Login.Password
			acc.Login.Password = func(ctx context.Context) (string, error) {
				mu.Lock()
				logins++
				mu.Unlock()
				return password(ctx)
			}
		}
		return acc, err
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := d.Run(ctx, make(chan os.Signal, 1))
		ended <- err
	}()
	start := time.Now()
	time.Sleep(40 * time.Minute)
	synctest.Wait()
	mu.Lock()
	defer mu.Unlock()
	want := 100
	if bad != "" {
		want--
	}
	if n, d := len(target.Delivered()), last.Sub(start); n != want || d > 25*time.Minute || bodies > 130 {
		t.Errorf("%d of %d arrived in %v, %d bodies were sent", n, want, d, bodies)
	} else {
		t.Logf("%d arrived in %v, %d bodies were sent, %d logins", n, d.Round(time.Second), bodies, logins)
	}
	if logins > 5 {
		t.Errorf("%d logins in 40 minutes: an errand asks nothing of the server", logins)
	}
	stop(nil)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	server.Close()
	if err := ledger.Close(); err != nil {
		t.Error(err)
	}
}
