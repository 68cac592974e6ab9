package probe

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/server"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/dialer"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/trust"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
)

// lookupTime bounds the lookup of a name.
const lookupTime = 30 * time.Second

// Server is a POP3 server, and an account there.
type Server struct {
	Host     string
	Port     int
	Username string
	Trust    trust.Options                       // what TLS goes by
	Listings Listings                            // of all accounts that are looked at
	Named    func(context.Context) (bool, error) // whether it gave the account unique-ids in earlier passes
	New      bool                                // its first run is yet to come
	Dialer   func() (*dialer.Dialer, error)      // opens the connection
	Fetcher  func() (fetcher.Account, error)     // the account as the fetcher takes it
}

// Look connects as a run would, and stops after the listing.
func (acc Server) Look(ctx context.Context, s *checkup.Sheet) {
	way, err := acc.Dialer()
	if err != nil {
		s.SetServer(checkup.StepFailed)
		s.Fail(checkup.PartServer, verdict.Config, err.Error(), nextstep.Of(err))
		return
	}
	if network, ok := way.LooksUp(acc.address()); ok && net.ParseIP(acc.Host) == nil {
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
	wired, err := acc.Fetcher()
	if err != nil {
		s.SetServer(checkup.StepFailed)
		s.Fail(checkup.PartServer, verdict.Config, err.Error(), nextstep.Of(err))
		return
	}
	part, err := acc.session(ctx, s, wired, way)
	if !wired.Server.NoCapa && pop3.BrokenByCapa(err) { // once it was logged in: see fetcher.Dial
		wired.Server.NoCapa = true
		part, err = acc.session(ctx, s, wired, way)
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
	if v.Class == verdict.Login && v.Hint == verdict.LoginHint && wired.LoginHint != "" { // else the server said more
		v.Hint = wired.LoginHint
	}
	s.Judged(part, v)
}

// session makes one, and tells with the error which part of it failed.
func (acc Server) session(ctx context.Context, s *checkup.Sheet, wired fetcher.Account, way *dialer.Dialer) (part checkup.Part, err error) {
	grow, done := acc.Listings.listing(ctx)
	defer done()
	wired.Server.Grow = grow
	client, err := server.DialLooking(ctx, wired.Server)
	if err != nil {
		return checkup.PartServer, err
	}
	defer client.Close()
	s.SetServer(tlsWord(wired.Server.TLS))
	s.OK(checkup.PartServer, fmt.Sprintf("connected to %s port %d%s, %s", acc.Host, acc.Port, Behind(way.Way(acc.address())), tlsText(client, wired.Server.TLS)))
	if state, ok := client.ConnectionState(); ok {
		for _, r := range acc.Trust.Remarks(state, time.Now()) {
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
	if client.LastLogin().AuthUnknown {
		s.Note(checkup.PartLogin, "the server does not know AUTH, although it announces it or the configuration asks for it", "")
	}
	if err != nil {
		return checkup.PartLogin, err
	}
	s.SetLogin(checkup.StepOK)
	list, said, err := server.Look(ctx, client, wired, acc.Named)
	s.OK(checkup.PartLogin, fmt.Sprintf("logged in as %s%s; %s", acc.Username, ByMethod(client.LastLogin().Method), capsText(client.Capabilities()))) // all of them are known by now
	if err != nil {
		return checkup.PartMail, err
	}
	s.SetMessages(list.Len())
	s.OK(checkup.PartMail, words.Number(list.Len(), "message"))
	switch {
	case !wired.Policy.First.Only:
	case !acc.New:
		s.Info(checkup.PartMail, "first_fetch changes nothing any more: it is for a mailbox that popsync has never looked at")
	default:
		acc.firstFetch(s, list, client.Capabilities(), wired.Policy.First)
	}
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

// address is where the server listens.
func (acc Server) address() string { return net.JoinHostPort(acc.Host, strconv.Itoa(acc.Port)) }
