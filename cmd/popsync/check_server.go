package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/pop3"
)

// server connects as a run would, and stops after the listing.
func (c *checker) server(ctx context.Context, cfg *config.Config, acc config.Account) {
	if net.ParseIP(acc.Host) == nil {
		lookup, cancel := context.WithTimeout(ctx, 30*time.Second)
		addrs, err := net.DefaultResolver.LookupHost(lookup, acc.Host)
		cancel()
		if err != nil {
			c.bad(fetcher.Temporary, err.Error(), "check host and the network")
			return
		}
		c.ok(fmt.Sprintf("%s is %s", acc.Host, strings.Join(addrs, ", ")))
	}
	wired, err := c.wire(cfg, acc, c.prompt(acc))
	if err != nil {
		c.bad(fetcher.Config, err.Error(), hintOf(err))
		return
	}
	err = c.session(ctx, acc, wired)
	if !wired.Server.NoCapa && pop3.BrokenByCapa(err) { // once it was logged in: see fetcher.Dial
		wired.Server.NoCapa = true
		err = c.session(ctx, acc, wired)
	}
	if err != nil {
		v := fetcher.Judge(err)
		if v.Class == fetcher.Login && wired.LoginHint != "" {
			v.Hint = wired.LoginHint
		}
		c.bad(v.Class, v.Message, v.Hint)
	}
}

// learned tells what passes have learned of an account's server.
func (c *checker) learned(k *knowledge, acc config.Account) {
	if k == nil {
		return
	}
	as := fetcher.Account{Mailbox: mailboxOf(acc), IgnoreSizes: acc.Sizes == config.SizesIgnore}
	as.Server.NoPipelining = !acc.Pipelining
	for _, text := range fetcher.Learned(k.facts[acc.Name], as, time.Now()) {
		c.note(text)
	}
}

func (c *checker) session(ctx context.Context, acc config.Account, wired fetcher.Account) error {
	client, err := fetcher.Dial(ctx, wired.Server)
	if err != nil {
		return err
	}
	defer client.Close()
	c.ok(fmt.Sprintf("connected to %s port %d, %s", acc.Host, acc.Port, tlsText(acc.TLS)))
	if !client.AsksCapa() {
		c.note("the server breaks the connection when it is asked what it can do (CAPA), so it was not asked")
	}
	err = client.Login(ctx, wired.Login)
	if client.AuthUnknown() {
		c.note("the server does not know AUTH, although it announces it or the configuration asks for it")
	}
	if err != nil {
		return err
	}
	list, err := client.List(ctx)
	c.ok(fmt.Sprintf("logged in as %s; %s", acc.Username, capsText(client.Capabilities()))) // all of them are known by now
	if err != nil {
		return err
	}
	nameless := 0
	for i := range list.Len() {
		if !list.At(i).HasUID {
			nameless++
		}
	}
	c.ok(count(list.Len(), "message"))
	if list.Bad > 0 {
		c.bad(fetcher.Temporary, fmt.Sprintf("%s of the listing made no sense: %s", count(list.Bad, "line"), strings.Join(list.Problems, ", ")),
			"those messages are not seen; ask the provider")
	}
	if list.OnlyUIDL+list.OnlyLIST > 0 {
		c.bad(fetcher.Temporary, fmt.Sprintf("UIDL and LIST do not name the same messages: %d are in UIDL alone, %d in LIST alone", list.OnlyUIDL, list.OnlyLIST),
			"those messages are not fetched; say popsync check again, and if it goes on, ask the provider")
	}
	if nameless > 0 {
		c.ok(fmt.Sprintf("%d of them without a unique-id: they go by their headers", nameless))
	}
	return client.Quit(ctx)
}

func tlsText(t config.TLS) string {
	switch t {
	case config.TLSNone:
		return "NOT encrypted"
	case config.TLSStartTLS:
		return "encrypted (STLS), certificate verified"
	}
	return "encrypted (TLS), certificate verified"
}

func capsText(caps pop3.Capabilities) string {
	has := func(b bool, name string) string {
		if b {
			return name
		}
		return "no " + name + " announced"
	}
	return strings.Join([]string{has(caps.UIDL, "UIDL"), has(caps.Top, "TOP"), has(caps.Pipelining, "PIPELINING")}, ", ")
}
