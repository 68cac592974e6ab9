package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/alarms"
	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/notify"
	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/oauthtest"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl/uidltest"
)

// oauthAccounts is how many accounts share a provider.
func oauthAccounts() int {
	if os.Getenv("POPSYNC_LARGE") != "" {
		return 200
	}
	return 8
}

// A provider whose token endpoint is out of order for a day, and one account whose login ended: each of the others is told of once,
// the server sees no login without a token, and all goes on by itself; the one needs a person, is told of once, and costs nothing more.
func TestDaemonOAuthDay(t *testing.T) {
	dir := t.TempDir()
	if memory, err := os.MkdirTemp("/dev/shm", "popsync-day-"); err == nil { // see TestDaemonDay
		t.Cleanup(func() { os.RemoveAll(memory) })
		dir = memory
	}
	synctest.Test(t, func(t *testing.T) { oauthDay(t, dir) })
}

func oauthDay(t *testing.T, dir string) {
	p := oauthtest.New(oauthtest.Options{Rotation: oauthtest.Strict, Pause: func() { time.Sleep(100 * time.Millisecond) }})
	server := pop3test.NewServer(pop3test.Options{Bearer: func(user, token string) bool {
		email, ok := p.Valid(token)
		return ok && email == user
	}})
	defer server.Close()
	var conf strings.Builder
	fmt.Fprintf(&conf, "state_dir = %q\n[log]\nlevel = \"error\"\n[control]\nsocket = \"off\"\n[alarm]\nmaildir = false\n"+
		"[oauth.p]\nauth_url = \"https://provider.test/authorize\"\ntoken_url = \"https://provider.test/token\"\nclient_id = \"c\"\nscopes = [\"mail\"]\n", dir)
	names := []string{"ended"}
	for i := range oauthAccounts() {
		names = append(names, fmt.Sprintf("a%03d", i))
	}
	for _, name := range names {
		server.AddUser(name+"@h", "none")
		fmt.Fprintf(&conf, "[account.%[1]s]\nhost = \"h.example\"\ntls = \"none\"\ninsecure_plaintext = true\nusername = \"%[1]s@h\"\noauth = \"p\"\n"+
			"[[account.%[1]s.deliver]]\ntype = \"maildir\"\npath = %[2]q\n", name, filepath.Join(dir, name))
	}
	file := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(file, []byte(conf.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &app{Console: &console.Console{Out: io.Discard, Err: io.Discard}, configFile: file, providers: p}
	cfg, err := a.load()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names { // "ended" is the first
		h := accountHolder(accountOf(cfg, name))
		source, _, err := a.tokenOf(cfg, h, "")
		if err != nil {
			t.Fatal(err)
		}
		access, refresh := p.Grant(h.username, "mail")
		token := oauth.Token{Access: oauth.NewSecret(access), Refresh: oauth.NewSecret(refresh), Got: time.Now(), Expires: time.Now().Add(time.Hour)}
		if err := source.Put(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		if name == "ended" {
			p.End()
		}
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
			acc.Server.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
				return server.Dial(ctx, network, addr)
			}
			acc.Destinations[0].Target = delivertest.NewMemory(c.Name)
		}
		return acc, err
	})
	if err != nil {
		t.Fatal(err)
	}
	told := &mouth{all: map[string][]tolding{}}
	d.Config.Alarms.Shared = []alarms.Way{{Channel: told}}
	ended := make(chan error, 1)
	go func() {
		_, err := d.Run(ctx, make(chan os.Signal, 1))
		ended <- err
	}()
	synctest.Wait()

	time.Sleep(3*time.Hour + time.Minute)
	synctest.Wait()
	for _, name := range names[1:] {
		if n := p.Refreshes(name + "@h"); n < 3 || n > 4 {
			t.Errorf("%s: %d refreshes in three hours", name, n)
		}
	}
	c := p.Counts()
	if c.AtOnce != 1 || c.Together > 4 || c.Ended > 0 {
		t.Errorf("%+v", c)
	}
	if all := told.of("ended"); len(all) != 1 || !all[0].Person || !strings.Contains(all[0].Next, "popsync login ended") {
		t.Errorf("of the login that ended was told: %+v", all)
	}
	if c.Refused != 3 {
		t.Errorf("the login that ended was tried %d times", c.Refused)
	}

	p.Down(&oauthtest.Fault{Status: 503})
	time.Sleep(time.Hour + time.Minute) // the tokens end
	synctest.Wait()
	logins, asked := server.Stats().Logins, p.Counts().Requests
	time.Sleep(23 * time.Hour)
	synctest.Wait()
	if n := server.Stats().Logins; n != logins {
		t.Errorf("%d logins without a token", n-logins)
	}
	if n := p.Counts().Requests - asked; n > 120 {
		t.Errorf("the provider was asked %d times while it was down", n)
	}
	for _, name := range names {
		if all := told.of(name); len(all) != 1 {
			t.Errorf("of %s was told %d times: %+v", name, len(all), all)
		}
	}

	p.Down(nil)
	time.Sleep(2 * time.Hour)
	synctest.Wait()
	for _, name := range names[1:] {
		if all := told.of(name); len(all) != 2 || all[1].Kind != notify.Recovered {
			t.Errorf("of %s was told: %+v", name, all)
		}
	}
	if n := server.Stats().Refused; n > 1 { // one found out that a login had ended
		t.Errorf("the server refused %d logins", n)
	}
	if c := p.Counts(); c.Refused != 3 || c.Ended > 0 || c.AtOnce != 1 || c.Together > 4 {
		t.Errorf("%+v", c)
	}
	stop(nil)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := ledger.Close(); err != nil {
		t.Error(err)
	}
}
