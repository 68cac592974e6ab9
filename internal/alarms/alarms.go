// Package alarms tells people when an account needs them: it words how passes ended for internal/notify, and knows the ways in
// which people are told of each account, the account's own Maildir among them. 'popsync check --alarm' tries these ways.
//
// A run and the daemon tell it of each pass. It refuses nothing: what goes wrong is in the log, and a pass is not the worse for it.
package alarms

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/names"
	"github.com/popsync/popsync/internal/notify"
	"github.com/popsync/popsync/uidl"
)

// Config says which ways there are to tell people, and when they are used.
type Config struct {
	Dir     string        // where it is remembered which incidents are open
	After   time.Duration // how long trouble that may pass by itself lasts before it is told
	Parked  int           // so many parked messages of an account are told; 0: never
	Skipped bool          // messages that are larger than max_size are told

	Shared   []Way // ways that all accounts share
	Maildirs bool  // each account's own Maildir is one, too
	Accounts map[string]Account
	// Ending tells what of an account's logins will end soon, and what to do; unknown: it cannot be told now. nil: none ends.
	Ending func(account string, at time.Time) (what, next string, unknown bool)
	// Renamed makes what else goes by an account's name follow it: from old names to new ones, "" for one that is moved aside.
	// nil: nothing does.
	Renamed func(ctx context.Context, names map[string]string) error
}

// Way is a way to tell people, and what it goes by, for people.
type Way struct {
	notify.Channel
	Text string
}

// Account is an account that may be told of.
type Account struct {
	Silent  bool   // nobody is told of it, but for standard error
	Maildir string // the path of its first Maildir, which takes alarms; "": it has none
	Name    string // of that destination
}

// way is the account's Maildir, if alarms are wanted there.
func (c Config) way(account string) (Account, bool) {
	a := c.Accounts[account]
	return a, c.Maildirs && a.Maildir != ""
}

// Tells tells whether there is any way to tell of an account.
func (c Config) Tells(account string) bool {
	_, ok := c.way(account)
	return ok || len(c.Shared) > 0
}

// Alarms tells people when an account needs them, in the ways that a configuration names.
type Alarms struct {
	ledger   uidl.Ledger
	log      *zap.Logger
	notifier *notify.Notifier

	mu      sync.Mutex
	cfg     Config
	maildir notify.Channel
	news    *newsChannel // standard error, which every account has whatever is configured; nil: it gets the log
}

// Open reads which incidents are open. once: for a process that ends soon. Its ledger says which Maildirs are an account's own.
func Open(cfg Config, ledger uidl.Ledger, log *zap.Logger, once bool) (*Alarms, error) {
	al := newAlarms(cfg, ledger, log)
	o := al.options(cfg)
	o.Once = once
	n, err := notify.Open(cfg.Dir, o)
	if err != nil {
		return nil, err
	}
	al.notifier = n
	return al, nil
}

// newAlarms makes the ways to tell, for who knows of no incidents.
func newAlarms(cfg Config, ledger uidl.Ledger, log *zap.Logger) *Alarms {
	al := &Alarms{ledger: ledger, log: log, cfg: cfg}
	al.maildir = notify.NewMaildir(al.deliver)
	return al
}

func (al *Alarms) options(cfg Config) notify.Options {
	return notify.Options{After: cfg.After, Parked: cfg.Parked, Skipped: cfg.Skipped, Channels: al.channels}
}

// TellOn has w, which is standard error of a run that nobody watches, told of every account, whatever is configured.
func (al *Alarms) TellOn(w io.Writer) { al.news = &newsChannel{w: w} }

// Reload puts another configuration into force; incidents stay.
func (al *Alarms) Reload(cfg Config) error {
	al.mu.Lock()
	al.cfg = cfg
	al.mu.Unlock()
	return al.notifier.Reload(al.options(cfg))
}

// channels are the ways to tell of an account.
func (al *Alarms) channels(account string) []notify.Channel {
	al.mu.Lock()
	defer al.mu.Unlock()
	var channels []notify.Channel
	if _, ok := al.cfg.way(account); ok {
		channels = append(channels, al.maildir)
	}
	for _, w := range al.cfg.Shared {
		channels = append(channels, w.Channel)
	}
	if al.news == nil {
		return channels
	}
	if al.cfg.Accounts[account].Silent {
		channels = nil // observed for the sake of standard error alone
	}
	return append(channels, al.news)
}

// Observe takes in how a pass ended.
func (al *Alarms) Observe(ctx context.Context, rep fetcher.Report) {
	al.mu.Lock()
	acc, configured := al.cfg.Accounts[rep.Account]
	ending := al.cfg.Ending
	al.mu.Unlock()
	o, ok := outcomeOf(rep)
	if !ok || (!configured || acc.Silent) && al.news == nil {
		return
	}
	if ending != nil {
		o.Ending, o.EndingNext, o.EndingUnknown = ending(rep.Account, o.At)
	}
	err := al.notifier.Observe(ctx, o)
	if forgotten, is := errors.AsType[*notify.MemoryError](err); is && al.news != nil && o.Kind != notify.Fine {
		al.news.forgot(rep.Account, o.What, forgotten)
	}
	if err != nil {
		al.log.Warn("alarm not delivered", zap.String("account", rep.Account), errorField(err))
	}
}

// ObserveAll takes in how the passes of a run ended. seen: a person sees those that failed.
func (al *Alarms) ObserveAll(ctx context.Context, reports []fetcher.Report, seen bool) {
	for _, rep := range reports {
		if !seen || rep.Verdict.Class == verdict.OK {
			al.Observe(ctx, rep)
		}
	}
	if ctx.Err() == nil { // whoever stopped it does not wait for that
		al.Flush(ctx)
	}
}

// Flush sends what could not be sent when it was due.
func (al *Alarms) Flush(ctx context.Context) {
	for _, err := range al.notifier.Flush(ctx) {
		al.log.Warn("alarm not delivered", errorField(err))
	}
}

// Forget drops what is remembered of an account. Nobody is told.
func (al *Alarms) Forget(account string) {
	if err := al.notifier.Forget(account); err != nil {
		al.log.Warn("alarm not forgotten", zap.String("account", account), errorField(err))
	}
}

// Follow makes the ledger and the alarms follow accounts that were renamed: see names.Configured.Follow.
func (al *Alarms) Follow(ctx context.Context, configured *names.Configured, barrier error) (blocked map[string]error, err error) {
	moved, blocked, err := configured.Follow(ctx, al.ledger, barrier)
	if err != nil || len(moved) == 0 {
		return blocked, err
	}
	told := map[string]string{}
	for _, m := range moved {
		told[m.From] = m.To
		if !configured.Has(m.To) {
			told[m.From] = "" // it was moved aside: nobody is to be told of it
		}
		al.log.Info("account renamed", zap.String("account", m.To), zap.String("was", m.From))
	}
	if err := al.notifier.Rename(told); err != nil {
		al.log.Warn("alarm not renamed", errorField(err))
	}
	al.mu.Lock()
	renamed := al.cfg.Renamed
	al.mu.Unlock()
	if renamed == nil {
		return blocked, nil
	}
	if err := renamed(ctx, told); err != nil {
		al.log.Warn("login by OAuth not renamed", errorField(err))
	}
	return blocked, nil
}

// Troubles are the open incidents of accounts, by name.
func (al *Alarms) Troubles() map[string]notify.Incident {
	all := map[string]notify.Incident{}
	for _, i := range al.notifier.Incidents() {
		if i.About == "trouble" {
			all[i.Account] = i
		}
	}
	return all
}

// Troubles reads the open incidents that are remembered in a folder, for a command that tells nobody.
func Troubles(dir string) map[string]notify.Incident {
	n, err := notify.Open(dir, notify.Options{})
	if err != nil {
		return nil // what is wrong with an account is known without it
	}
	return (&Alarms{notifier: n}).Troubles()
}

// Forget removes from a folder what is remembered of an account's troubles. Nobody is told.
func Forget(dir, account string) error {
	n, err := notify.Open(dir, notify.Options{})
	if err != nil {
		return err
	}
	return n.Forget(account)
}

func errorField(err error) zap.Field { return zap.String("error", strings.TrimSpace(err.Error())) }
