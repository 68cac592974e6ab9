package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/decisions"
	"github.com/popsync/popsync/internal/discovery"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/probe"
	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/internal/setup"
	"github.com/popsync/popsync/uidl"
)

// standIn is an account that stands for the one that is set up, until it is known: nobody calls one so.
const standIn = "popsync-setup"

const standInText = "[account." + standIn + "]\nhost = \"nobody.invalid\"\nusername = \"nobody\"\npassword_file = \"/nobody\"\n" +
	"[[account." + standIn + ".deliver]]\ntype = \"maildir\"\npath = \"/nobody\"\n"

// around is what is around an account that is set up, or, looking, only printed.
func (a deciding) around(looking bool) (setup.World, error) {
	path, err := filepath.Abs(a.file())
	if err != nil {
		return setup.World{}, exit.With(exit.Config, err)
	}
	command := "popsync"
	if a.configFile != "" {
		if byItself, err := filepath.Abs(config.DefaultPath(os.Getenv)); err != nil || byItself != path {
			command += " --config " + safepath.Quote(path)
		}
	}
	a.configFile = path // what comes after reads the same
	with := func(t setup.Trial) (*config.Config, config.Account, error) {
		cfg, err := config.LoadWith(path, t.Text, os.Getenv, config.Options{CheckSchedule: checkSchedule, CheckOAuth: checkOAuth})
		if cfg, err = loaded(cfg, unwritten(err, path)); err != nil {
			return nil, config.Account{}, err
		}
		return cfg, accountOf(cfg, t.Name), nil
	}
	cfg, draft, err := with(setup.Trial{Name: standIn, Text: []byte(standInText)})
	if err != nil {
		return setup.World{}, err
	}
	if !looking { // what root writes, the service's user could not read
		if err := notAsRoot(cfg); err != nil {
			return setup.World{}, err
		}
	}
	_, err = os.Stat(path)
	w := setup.World{Command: command, Config: path, Missing: errors.Is(err, fs.ErrNotExist), Folder: config.AccountsFolder(path), Home: os.Getenv("HOME"), Now: time.Now}
	for _, c := range cfg.Accounts {
		if c.Name != standIn {
			w.Accounts = append(w.Accounts, setup.Account{Name: c.Name, Host: c.Host, Username: c.Username})
		}
	}
	for _, o := range cfg.OAuth {
		w.Grants = append(w.Grants, setup.Grant{Name: o.Name, Provider: o.Provider})
	}
	if w.Finder, w.Detour, err = a.finder(cfg, draft); err != nil {
		return setup.World{}, exit.With(exit.Config, err)
	}
	w.Known = func(host, username string) (string, time.Duration) {
		p := health.ProviderOf(host, username)
		return p.LoginHint, p.MinInterval
	}
	w.Sound = func(t setup.Trial) error {
		_, _, err := with(t)
		return err
	}
	w.Look = func(ctx context.Context, t setup.Trial, depth setup.Depth) (setup.Saw, error) {
		cfg, acc, err := with(t)
		if err != nil {
			return setup.Saw{Worst: verdict.Config}, err
		}
		return a.lookOnce(ctx, cfg, acc, depth)
	}
	w.Baseline = func(ctx context.Context, t setup.Trial) error {
		cfg, acc, err := with(t)
		if err != nil {
			return err
		}
		return a.listingOf(ctx, cfg, acc, func(d *decisions.Desk, l uidl.Ledger, acc fetcher.Account) error {
			return d.Baseline(ctx, l, acc)
		})
	}
	w.Unmark = func(ctx context.Context, t setup.Trial) error {
		cfg, acc, err := with(t)
		if err != nil {
			return err
		}
		return a.desk(cfg).UndoBaseline(ctx, acc.Name)
	}
	w.Reload = func(ctx context.Context) (told bool, err error) {
		cfg, err := a.load()
		if err != nil {
			return false, err
		}
		c, _, err := a.findDaemon(ctx, cfg)
		if errors.Is(err, control.ErrNoDaemon) {
			return false, nil
		} else if err != nil {
			return false, err
		}
		_, err = c.Reload(ctx)
		return err == nil, err
	}
	return w, nil
}

// unwritten takes from problems the place in the configuration if they are in text that is behind its end, in no file.
func unwritten(err error, path string) error {
	problems, ok := errors.AsType[config.Error](err)
	if !ok {
		return err
	}
	var text []byte
	if f, err := safepath.File(path); err == nil {
		text, _ = io.ReadAll(f)
		f.Close()
	}
	for i, p := range problems {
		if p.File == path && p.Line > bytes.Count(text, []byte("\n"))+1 {
			problems[i].File, problems[i].Line = "the account that would be written", 0
		}
	}
	return problems
}

// finder looks for servers by the way that an account would go. detour: that way is none of this machine's, and names are not to be
// looked up here.
func (a *app) finder(cfg *config.Config, draft config.Account) (f discovery.Finder, detour bool, err error) {
	way, err := a.dialerOf(cfg, draft.Network)
	if err != nil {
		return f, false, err
	}
	_, here := way.LooksUp(net.JoinHostPort("pop.example.org", "995"))
	tls, err := trustOf(draft.Trust).Config()
	if err != nil {
		return f, false, err
	}
	transport, _ := way.HTTPClient().Transport.(*http.Transport)
	transport.TLSClientConfig = tls.Clone()
	return discovery.Finder{Resolver: net.DefaultResolver, Transport: transport, Dial: way.DialContext, TLS: tls}, !here, nil
}

// lookOnce looks at one account, which need not be in the configuration's files, and prints what it finds; without its server, only what
// is wrong.
func (a deciding) lookOnce(ctx context.Context, cfg *config.Config, acc config.Account, depth setup.Depth) (setup.Saw, error) {
	told, err := alarmsOf(cfg)
	if err != nil {
		return setup.Saw{Worst: verdict.Config}, exit.With(exit.Config, err)
	}
	l := &looker{app: a.app, told: told, cfg: cfg, accounts: []config.Account{acc}, offline: depth == setup.Offline, noServer: depth != setup.Whole,
		shown: make(chan struct{}), big: probe.NewListings()}
	out := a.Out
	var kept bytes.Buffer
	if depth != setup.Whole {
		out = &kept
	}
	sheets := l.begin(ctx, nil)
	worst, cut, err := checkup.Present(ctx, out, sheets, checkup.Options{Accounts: 1, Width: a.Width(), Offline: l.offline}, func() {}, looking(a).sayWaiting)
	saw := setup.Saw{Worst: worst, Refused: worst == verdict.Login}
	if cut {
		return saw, ctx.Err()
	}
	for _, s := range sheets {
		saw.Refused = saw.Refused && !s.FailedElsewhere(checkup.PartLogin)
	}
	if err == nil && depth != setup.Whole && worst != verdict.OK {
		_, err = kept.WriteTo(a.Out)
	}
	return saw, err
}
