package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/uidltest"
)

// unusableLedger is given up from some time on.
type unusableLedger struct {
	uidl.Ledger
	gone atomic.Bool
}

func (l *unusableLedger) Acquire(ctx context.Context, account string) (uidl.Account, error) {
	if l.gone.Load() {
		return nil, fmt.Errorf("acquire account %s: %w", account, uidl.ErrUnusable)
	}
	return l.Ledger.Acquire(ctx, account)
}

// doubtful has two accounts with three messages each.
type doubtful struct {
	a       *app
	cfg     *config.Config
	server  *pop3test.Server
	targets map[string]*delivertest.Memory
}

func newDoubtful(t *testing.T, file string) *doubtful {
	t.Helper()
	w := &doubtful{a: &app{Console: &console.Console{Out: io.Discard, Err: io.Discard}, configFile: file}, targets: map[string]*delivertest.Memory{}}
	var err error
	if w.cfg, err = w.a.load(); err != nil {
		t.Fatal(err)
	}
	w.server = pop3test.NewServer(pop3test.Options{})
	for _, c := range w.cfg.Accounts {
		var box []pop3test.Message
		for i := range 3 {
			box = append(box, pop3test.Message{UID: fmt.Sprint("uid", i), Data: fmt.Appendf(nil, "Message-ID: <%d@%s>\r\n\r\nx\r\n", i, c.Name)})
		}
		w.server.AddUser(c.Username, "p", box...)
		w.targets[c.Name] = delivertest.NewMemory(c.Name)
	}
	return w
}

func doubtfulConfig(t *testing.T) (file string) {
	t.Helper()
	dir := t.TempDir()
	file = filepath.Join(dir, "config.toml")
	conf := fmt.Sprintf("state_dir = %q\njitter = \"0s\"\nschedule = \"@every 1h\"\nparallel = 1\n[control]\nsocket = \"off\"\n", dir)
	for _, name := range []string{"a", "b"} {
		conf += fmt.Sprintf("[account.%s]\nhost = \"localhost\"\ntls = \"none\"\nusername = %[1]q\npassword = \"p\"\nalarm = false\n"+
			"[[account.%[1]s.deliver]]\ntype = \"maildir\"\npath = %q\n", name, filepath.Join(dir, name))
	}
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// delivered is how many messages each account has got.
func (w *doubtful) delivered() string {
	return fmt.Sprintf("a %d, b %d", len(w.targets["a"].Delivered()), len(w.targets["b"].Delivered()))
}

// wire puts the test's server and destination in the place of an account's own.
func (w *doubtful) wire(name string, acc *fetcher.Account) {
	acc.Server.Dial, acc.Destinations[0].Target = w.server.Dial, w.targets[name].Reopen()
}

// The daemon goes on after a commit in doubt, with all accounts, and ends with the code of an internal fault once its ledger is
// given up.
func TestDaemonInDoubt(t *testing.T) {
	file := doubtfulConfig(t)
	for _, applied := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newDoubtful(t, file)
			log, err := openLog(io.Discard, false, config.Log{Level: "error", Format: "json"})
			if err != nil {
				t.Fatal(err)
			}
			ledger := &unusableLedger{Ledger: uidltest.NewFaulty(uidltest.NewMemory().Open(), uidltest.Fault{Commit: 3, Applied: applied})}
			d, err := serving{w.a}.newService(w.cfg, ledger, log, func(cfg *config.Config, c config.Account) (fetcher.Account, error) {
				acc, err := serving{w.a}.wireUnasked(cfg, c)
				w.wire(c.Name, &acc)
				return acc, err
			})
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() {
				_, err := d.Run(t.Context(), make(chan os.Signal))
				ended <- err
			}()
			time.Sleep(3 * time.Hour)
			synctest.Wait()
			if got := w.delivered(); got != "a 3, b 3" || len(ended) > 0 {
				t.Errorf("applied %v: delivered: %s; %d ended", applied, got, len(ended))
			}
			ledger.gone.Store(true)
			err = <-ended
			var code *exit.Error
			if !errors.As(err, &code) || code.Code != exit.Internal {
				t.Errorf("applied %v: the daemon ended with %v", applied, err)
			}
			w.server.Close()
		})
	}
}

// A run goes on with its other accounts after a commit in doubt, and with none once its ledger is given up.
func TestRunInDoubt(t *testing.T) {
	file := doubtfulConfig(t)
	for _, stops := range []bool{false, true} {
		w := newDoubtful(t, file)
		var ledger uidl.Ledger = uidltest.NewFaulty(uidltest.NewMemory().Open(), uidltest.Fault{Commit: 3})
		if stops {
			broken := &unusableLedger{Ledger: ledger}
			broken.gone.Store(true)
			ledger = broken
		}
		reports := fetching{w.a}.passes(t.Context(), w.cfg, w.cfg.Accounts, ledger, zap.NewNop(), func(c config.Account) (fetcher.Account, fetcher.Options, error) {
			acc, err := w.a.wire(w.cfg, c, w.a.prompt(c))
			w.wire(c.Name, &acc)
			return acc, options(w.cfg.Limits), err
		})
		failed, well := reports[0].Verdict, reports[1].Verdict
		if stops && (failed.Class != verdict.Internal || !failed.Stop || w.delivered() != "a 0, b 0") {
			t.Errorf("without a ledger: %+v, %+v, delivered: %s", failed, well, w.delivered())
		}
		if !stops && (failed.Class != verdict.Temporary || failed.Stop || well.Class != verdict.OK || len(w.targets["b"].Delivered()) != 3) {
			t.Errorf("in doubt: %+v, %+v, delivered: %s", failed, well, w.delivered())
		}
		w.server.Close()
	}
}
