package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/server"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/dialer"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
)

// lookupTime bounds the lookup of a name.
const lookupTime = 30 * time.Second

// server connects as a run would, and stops after the listing.
func (l *looker) server(ctx context.Context, s *checkup.Sheet, acc config.Account, prompt func(context.Context) (string, error)) {
	way, err := l.dialerOf(l.cfg, acc.Network)
	if err != nil {
		s.SetServer(checkup.StepFailed)
		s.Fail(checkup.PartServer, verdict.Config, err.Error(), nextstep.Of(err))
		return
	}
	if network, ok := way.LooksUp(addressOf(acc)); ok && net.ParseIP(acc.Host) == nil {
		lookup, cancel := context.WithTimeout(ctx, lookupTime)
		addrs, err := net.DefaultResolver.LookupIP(lookup, network, acc.Host)
		cancel()
		if err != nil {
			s.SetServer(checkup.StepFailed)
			s.Fail(checkup.PartServer, verdict.Temporary, err.Error(), "check host and the network")
			return
		}
		var text []string
		for _, a := range addrs {
			text = append(text, a.String())
		}
		s.OK(checkup.PartServer, fmt.Sprintf("%s is %s", acc.Host, strings.Join(text, ", ")))
	}
	wired, err := l.wire(l.cfg, acc, prompt)
	if err != nil {
		s.SetServer(checkup.StepFailed)
		s.Fail(checkup.PartServer, verdict.Config, err.Error(), nextstep.Of(err))
		return
	}
	if k := acc.Secret.Kind; k == config.SecretCommand || k == config.SecretPrompt {
		wired.Login.Password = overhearing(wired.Login.Password, l.overheard(s, ""))
	}
	part, err := l.session(ctx, s, acc, wired, way)
	if !wired.Server.NoCapa && pop3.BrokenByCapa(err) { // once it was logged in: see fetcher.Dial
		wired.Server.NoCapa = true
		part, err = l.session(ctx, s, acc, wired, way)
	}
	if err == nil {
		return
	}
	switch {
	case ctx.Err() != nil:
	case part == checkup.PartServer:
		s.SetServer(checkup.StepFailed)
	case part == checkup.PartLogin:
		s.SetLogin(checkup.StepFailed)
	}
	v := verdict.Of(err)
	if v.Class == verdict.Login && wired.LoginHint != "" {
		v.Hint = wired.LoginHint
	}
	s.Judged(part, v)
}

// session makes one, and tells with the error which part of it failed.
func (l *looker) session(ctx context.Context, s *checkup.Sheet, acc config.Account, wired fetcher.Account, way *dialer.Dialer) (part string, err error) {
	grow, done := l.big.listing(ctx)
	defer done()
	wired.Server.Grow = grow
	client, err := server.DialLooking(ctx, wired.Server)
	if err != nil {
		return checkup.PartServer, err
	}
	defer client.Close()
	s.SetServer(tlsWord(acc.TLS))
	s.OK(checkup.PartServer, fmt.Sprintf("connected to %s port %d%s, %s", acc.Host, acc.Port, behind(way.Way(addressOf(acc))), tlsText(client, acc.TLS)))
	if state, ok := client.ConnectionState(); ok {
		for _, r := range trustOf(acc.Trust).Remarks(state, time.Now()) {
			s.Note(checkup.PartServer, r.Text, r.Next)
		}
	}
	if !client.AsksCapa() {
		s.Note(checkup.PartServer, "the server breaks the connection when it is asked what it can do (CAPA), so it was not asked", "")
	}
	if s.LoginFailed() { // there is no password
		return checkup.PartLogin, nil
	}
	err = client.Login(ctx, wired.Login)
	if client.AuthUnknown() {
		s.Note(checkup.PartLogin, "the server does not know AUTH, although it announces it or the configuration asks for it", "")
	}
	if err != nil {
		return checkup.PartLogin, err
	}
	s.SetLogin(checkup.StepOK)
	list, said, err := server.Look(ctx, client, wired, l.named(acc.Name))
	s.OK(checkup.PartLogin, fmt.Sprintf("logged in as %s; %s", acc.Username, capsText(client.Capabilities()))) // all of them are known by now
	if err != nil {
		return checkup.PartMail, err
	}
	s.SetMessages(list.Len())
	s.OK(checkup.PartMail, words.Number(list.Len(), "message"))
	nameless := 0
	for i := range list.Len() {
		if !list.At(i).HasUID {
			nameless++
		}
	}
	for _, v := range said {
		s.Judged(checkup.PartMail, v)
	}
	if nameless > 0 && len(said) == 0 {
		s.Info(checkup.PartMail, fmt.Sprintf("%d of them without a unique-id%s: they go by their headers, or by what is in them", nameless, refusalText(list)))
	}
	return checkup.PartMail, client.Quit(ctx)
}

// named tells whether the server gave an account unique-ids in earlier passes. The ledger is read again for it: hardly any
// server makes that necessary.
func (l *looker) named(account string) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		if !l.known.knows(account) {
			return false, nil
		}
		ledger, err := openKnown(ctx, l.cfg)
		if err != nil {
			return false, err
		}
		defer ledger.Close()
		acc, err := ledger.Acquire(ctx, account)
		if err != nil {
			return false, err
		}
		defer acc.Close()
		return server.Named(ctx, acc)
	}
}
