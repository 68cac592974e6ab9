package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"go.uber.org/zap"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/maildir"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/notify"
	"github.com/popsync/popsync/uidl"
)

// alarms tells people when an account needs them, in the ways that the configuration names.
type alarms struct {
	ledger   uidl.Ledger
	log      *zap.Logger
	notifier *notify.Notifier

	mu      sync.Mutex
	cfg     *config.Config
	shared  []notify.Channel // command and webhook
	maildir notify.Channel
	news    *newsChannel // standard error, which every account has whatever is configured; nil: it gets the log
}

// openAlarms reads which incidents are open. once: for a process that ends soon.
func openAlarms(cfg *config.Config, ledger uidl.Ledger, log *zap.Logger, once bool) (*alarms, error) {
	al, err := newAlarms(cfg, ledger, log)
	if err != nil {
		return nil, err
	}
	o := al.options(cfg)
	o.Once = once
	n, err := notify.Open(alarmDir(cfg), o)
	if err != nil {
		return nil, err
	}
	al.notifier = n
	return al, nil
}

// newAlarms makes the ways to tell, for who knows of no incidents: only channels may be asked for.
func newAlarms(cfg *config.Config, ledger uidl.Ledger, log *zap.Logger) (*alarms, error) {
	al := &alarms{ledger: ledger, log: log}
	al.maildir = notify.NewMaildir(al.deliver)
	if err := al.use(cfg); err != nil {
		return nil, err
	}
	return al, nil
}

func (al *alarms) options(cfg *config.Config) notify.Options {
	return notify.Options{After: cfg.Alarm.After, Parked: cfg.Alarm.Parked, Skipped: cfg.Alarm.Skipped, Channels: al.channels}
}

// use makes the channels of a configuration. It fails without having changed anything.
func (al *alarms) use(cfg *config.Config) error {
	var shared []notify.Channel
	if len(cfg.Alarm.Command) > 0 {
		c, err := notify.NewCommand(cfg.Alarm.Command)
		if err != nil {
			return fmt.Errorf("alarm.command: %w", err)
		}
		shared = append(shared, c)
	}
	if url := cfg.Alarm.Webhook.Reveal(); url != "" {
		w, err := notify.NewWebhook(url, notify.WebhookOptions{})
		if err != nil {
			return fmt.Errorf("alarm.webhook: %w", err)
		}
		shared = append(shared, w)
	}
	al.mu.Lock()
	defer al.mu.Unlock()
	al.cfg, al.shared = cfg, shared
	return nil
}

// reload puts another configuration into force; incidents stay.
func (al *alarms) reload(cfg *config.Config) error {
	if err := al.use(cfg); err != nil {
		return err
	}
	return al.notifier.Reload(al.options(cfg))
}

// channels are the ways to tell of an account.
func (al *alarms) channels(account string) []notify.Channel {
	al.mu.Lock()
	defer al.mu.Unlock()
	var channels []notify.Channel
	if _, ok := alarmMaildir(al.cfg, account); ok {
		channels = append(channels, al.maildir)
	}
	if channels = append(channels, al.shared...); al.news == nil {
		return channels
	}
	if c := accountOf(al.cfg, account); c.Name != "" && !c.Alarm {
		channels = nil // observed for the sake of standard error alone
	}
	return append(channels, al.news)
}

// accountOf is an account of a configuration; the zero Account if it has none of that name.
func accountOf(cfg *config.Config, account string) config.Account {
	for _, c := range cfg.Accounts {
		if c.Name == account {
			return c
		}
	}
	return config.Account{}
}

// alarmMaildir is the Maildir that an account's alarms go into: its first, if it has one and they are wanted there.
func alarmMaildir(cfg *config.Config, account string) (config.Deliver, bool) {
	for _, d := range accountOf(cfg, account).Deliver {
		if folderOf(d) != "" && !d.Fallback && cfg.Alarm.Maildir {
			return d, true
		}
	}
	return config.Deliver{}, false
}

// deliver puts an alarm into the account's own Maildir: it takes no mail server to be read.
func (al *alarms) deliver(ctx context.Context, account string, message []byte) error {
	al.mu.Lock()
	d, ok := alarmMaildir(al.cfg, account)
	al.mu.Unlock()
	if !ok {
		return errors.New("the account has no Maildir any more")
	}
	known, err := al.ledger.Summaries(ctx)
	if err != nil {
		return err
	}
	target := maildir.New(maildir.Options{Path: d.Path})
	defer target.Close()
	if _, err := target.Identify(ctx, identityAt(known, account, d)); err != nil {
		return err
	}
	staging, err := target.Create(ctx, deliver.Message{Account: account, UID: "popsync alarm", Size: int64(len(message))})
	if err != nil {
		return err
	}
	defer staging.Abort()
	if _, err := staging.Write(message); err != nil {
		return err
	}
	ticket, err := staging.Ticket()
	if err != nil {
		return err
	}
	tickets := []deliver.Ticket{ticket}
	if err := target.Prepare(ctx, tickets); err != nil {
		return errors.Join(err, target.Discard(tickets))
	}
	return errors.Join(target.Publish(ctx, tickets)...)
}

// identityAt is what the ledger remembers of an account's Maildir, or "": by its path, as destinations may change names.
func identityAt(known []uidl.Summary, account string, d config.Deliver) string {
	byName := ""
	for _, s := range known {
		for _, k := range s.Destinations {
			switch {
			case s.Name != account, away(k.Role), deliver.PathOf(k.Identity) == "":
			case at(k) == deliver.Resolve(d.Path):
				return k.Identity
			case k.Name == d.Name:
				byName = k.Identity
			}
		}
	}
	return byName
}

// observe takes in how a pass ended. What goes wrong is in the log: a pass is not the worse for it.
func (al *alarms) observe(ctx context.Context, c config.Account, rep fetcher.Report) {
	o, ok := outcomeOf(rep)
	if !ok || !c.Alarm && al.news == nil {
		return
	}
	err := al.notifier.Observe(ctx, o)
	if forgotten, is := errors.AsType[*notify.MemoryError](err); is && al.news != nil && o.Kind != notify.Fine {
		al.news.forgot(c.Name, o.What, forgotten)
	}
	if err != nil {
		al.log.Warn("alarm not delivered", zap.String("account", c.Name), zap.String("error", errorText(err)))
	}
}

// flush sends what could not be sent when it was due.
func (al *alarms) flush(ctx context.Context) {
	for _, err := range al.notifier.Flush(ctx) {
		al.log.Warn("alarm not delivered", zap.String("error", errorText(err)))
	}
}

// troublesIn reads the open incidents of accounts, for a command that tells nobody.
func troublesIn(cfg *config.Config) map[string]notify.Incident {
	n, err := notify.Open(alarmDir(cfg), notify.Options{})
	if err != nil {
		return nil // what is wrong with an account is known without it
	}
	return (&alarms{notifier: n}).troubles()
}

func alarmDir(cfg *config.Config) string { return filepath.Join(cfg.StateDir, "alarms") }

// troubles are the open incidents of accounts, by name.
func (al *alarms) troubles() map[string]notify.Incident {
	all := map[string]notify.Incident{}
	for _, i := range al.notifier.Incidents() {
		if i.About == "trouble" {
			all[i.Account] = i
		}
	}
	return all
}

// outcomeOf is a pass in the words of alarms; a pass that could not be made says nothing about the account.
func outcomeOf(rep fetcher.Report) (o notify.Outcome, ok bool) {
	waits := rep.Untried && (rep.Verdict.Class == verdict.OK || rep.Waiting != "" || rep.Busy)
	if rep.Stopped || rep.Yielded || waits {
		return o, false
	}
	o = notify.Outcome{
		Account: rep.Account, At: rep.Started.Add(rep.Duration), Cause: string(rep.Verdict.Class),
		What: rep.Verdict.Message, Next: rep.Verdict.Hint, Parked: rep.Parked, ParkedWhy: rep.ParkedWhy, Skipped: rep.Skipped,
	}
	switch rep.Verdict.Class {
	case verdict.OK:
		o.Kind, o.Cause = notify.Fine, ""
	case verdict.Temporary:
		o.Kind = notify.Temporary
	default:
		o.Kind = notify.Person
	}
	if !rep.Counted {
		o.Parked = -1
	}
	if rep.Verdict.Class != verdict.OK {
		o.Skipped = -1 // such a pass may not have counted them
	}
	return o, true
}
