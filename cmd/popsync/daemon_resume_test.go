package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/uidltest"
)

// slowLedger takes its time while it holds an account's lease.
type slowLedger struct {
	uidl.Ledger
	slow   atomic.Bool
	broken atomic.Bool // it does not know its accounts
}

func (l *slowLedger) Accounts(ctx context.Context) ([]uidl.Info, error) {
	if l.broken.Load() {
		return nil, errors.New("broken")
	}
	return l.Ledger.Accounts(ctx)
}

func (l *slowLedger) Acquire(ctx context.Context, account string) (uidl.Account, error) {
	a, err := l.Ledger.Acquire(ctx, account)
	if err == nil && l.slow.Load() {
		time.Sleep(time.Second)
	}
	return a, err
}

// What is resumed is fetched at once: the pass does not find the account still paused, nor in use by who resumes it, and
// then waits for the next time of the schedule. A configuration that cannot be put into force pauses nothing.
func TestResumedAtOnce(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config.toml")
	conf := fmt.Sprintf("state_dir = %q\njitter = \"0s\"\nschedule = \"@every 6h\"\n[control]\nsocket = \"off\"\n[account.a]\nhost = \"localhost\"\n"+
		"tls = \"none\"\nusername = \"u\"\npassword = \"p\"\nalarm = false\n[[account.a.deliver]]\ntype = \"maildir\"\npath = %q\n", dir, filepath.Join(dir, "Mail"))
	write := func(conf string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(conf)
	synctest.Test(t, func(t *testing.T) {
		a := &app{Console: &console.Console{Out: io.Discard, Err: io.Discard}, configFile: file}
		cfg, err := a.load()
		if err != nil {
			t.Fatal(err)
		}
		log, err := openLog(io.Discard, false, config.Log{Level: "error", Format: "json"})
		if err != nil {
			t.Fatal(err)
		}
		server := pop3test.NewServer(pop3test.Options{})
		server.AddUser("u", "p")
		target := delivertest.NewMemory("a")
		ledger := &slowLedger{Ledger: uidltest.NewMemory().Open()}
		ctx, stop := context.WithCancelCause(t.Context())
		d, err := serving{a}.newService(cfg, ledger, log, func(cfg *config.Config, c config.Account) (fetcher.Account, error) {
			acc, err := serving{a}.wireUnasked(cfg, c)
			acc.Server.Dial, acc.Destinations[0].Target = server.Dial, target.Reopen()
			return acc, err
		})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if _, err := d.Run(ctx, make(chan os.Signal)); err != nil {
				t.Error(err)
			}
		}()
		sessions := func(want int, when string) {
			t.Helper()
			time.Sleep(time.Minute)
			synctest.Wait()
			if n := server.Stats().Sessions; n != want {
				t.Errorf("%s there were %d sessions, want %d", when, n, want)
			}
		}
		pause := func(paused bool) {
			t.Helper()
			if err := d.Pause(ctx, "a", paused); err != nil {
				t.Error(err)
			}
		}
		sessions(1, "at the start")
		pause(true)
		time.Sleep(12 * time.Hour)
		sessions(1, "paused")
		ledger.slow.Store(true)
		pause(false)
		sessions(2, "resumed")
		write(strings.ReplaceAll(conf, "account.a", "account.b"))
		ledger.broken.Store(true)
		if _, err := d.Reload(ctx); err == nil {
			t.Error("a broken ledger is no reason to keep the old configuration")
		}
		time.Sleep(6 * time.Hour)
		sessions(3, "with the old configuration")
		stop(nil)
		<-ended
		server.Close()
	})
}
