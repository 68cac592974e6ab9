package tokens

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/oauthtest"
)

// Two processes share one token whose refresh tokens rotate, and are killed at any moment. Time runs faster for them: an hour is
// over in hurry.
const hurry = 36 * time.Millisecond

// fast is a clock that has gone since an epoch, which all processes share.
func fast(epoch time.Time) func() time.Time {
	return func() time.Time { return epoch.Add(time.Since(epoch) * time.Duration(time.Hour/hurry)) }
}

func TestMain(m *testing.M) {
	if url := os.Getenv("POPSYNC_TEST_PROVIDER"); url != "" {
		os.Exit(refresher(url, os.Getenv("POPSYNC_TEST_DIR"), os.Getenv("POPSYNC_TEST_EPOCH")))
	}
	os.Exit(m.Run())
}

// shared is the token that the processes have in common.
func shared(url, dir string, now func() time.Time) (*Source, error) {
	c, err := oauth.New(oauth.Grant{Name: "g", AuthURL: url + "/authorize", TokenURL: url + "/token", ClientID: "c", Scopes: []string{"mail"}}, oauth.Options{Now: now})
	if err != nil {
		return nil, err
	}
	return New(Options{Dir: dir, Now: now}).Source(c, "work", "work@example.org")
}

// refresher is one of the processes: it takes tokens and uses them, and says when the token is dead, each time anew.
func refresher(url, dir, epoch string) int {
	at, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return 1
	}
	s, err := shared(url, dir, fast(time.Unix(0, at)))
	if err != nil {
		return 1
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for {
		text, err := s.Token(context.Background(), "")
		var e *oauth.Error
		switch {
		case err == nil:
			r, _ := http.NewRequest(http.MethodGet, url+"/use", nil)
			r.Header.Set("Authorization", "Bearer "+text)
			if res, err := http.DefaultClient.Do(r); err == nil {
				res.Body.Close()
			}
		case errors.As(err, &e) && e.Class == oauth.NeedLogin:
			fmt.Println("dead")
		case !errors.As(err, &e) || e.Class != oauth.Temporary:
			fmt.Println("odd", err)
		}
		time.Sleep(time.Millisecond)
	}
}

// pair is the two processes, the provider, and who kills.
type pair struct {
	*testing.T
	p     *oauthtest.Provider
	dir   string
	epoch time.Time
	own   *Source // of the test, for logins

	mu      sync.Mutex
	running [2]*exec.Cmd
	ended   [2]chan struct{}
	dead    chan struct{} // a process has said so
	odd     []string
}

func (w *pair) start(i int) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "POPSYNC_TEST_PROVIDER="+w.p.URL(), "POPSYNC_TEST_DIR="+w.dir, fmt.Sprint("POPSYNC_TEST_EPOCH=", w.epoch.UnixNano()))
	_, err := cmd.StdinPipe() // its end tells a process that the test is over
	if err != nil {
		w.Error(err)
		return
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		w.Error(err)
		return
	}
	over := make(chan struct{})
	w.running[i], w.ended[i] = cmd, over
	go func() {
		defer close(over)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if lines.Text() == "dead" {
				select {
				case w.dead <- struct{}{}:
				default:
				}
				continue
			}
			w.mu.Lock()
			w.odd = append(w.odd, lines.Text())
			w.mu.Unlock()
		}
		_ = cmd.Wait()
	}()
}

func (w *pair) kill(i int) {
	_ = w.running[i].Process.Kill()
	<-w.ended[i]
}

func (w *pair) login() {
	access, refresh := w.p.Grant("work@example.org", "mail")
	now := fast(w.epoch)()
	t := oauth.Token{Access: oauth.NewSecret(access), Refresh: oauth.NewSecret(refresh), Got: now, Expires: now.Add(time.Hour)}
	if err := w.own.Put(w.Context(), t); err != nil {
		w.Error(err)
	}
}

// lost tells that the provider's newest token is not the one that is stored: whoever goes on from here uses an older one.
func (w *pair) lost() bool {
	t, ok, err := w.own.Get(w.Context())
	if err != nil || !ok {
		w.Errorf("stored: %v, %v", ok, err)
	}
	return !w.p.Newest(t.Refresh.Reveal())
}

func TestTwoProcesses(t *testing.T) {
	refreshes, seed := 60, uint64(1)
	if os.Getenv("POPSYNC_LARGE") != "" {
		refreshes, seed = 1000, uint64(time.Now().UnixNano())
	}
	t.Logf("%d refreshes, seed %d; whole with POPSYNC_LARGE=1", refreshes, seed)
	for name, rotation := range map[string]oauthtest.Rotation{"lenient": oauthtest.Lenient, "strict": oauthtest.Strict} {
		t.Run(name, func(t *testing.T) { twoProcesses(t, rotation, refreshes, seed) })
	}
}

func twoProcesses(t *testing.T, rotation oauthtest.Rotation, refreshes int, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	w := &pair{T: t, dir: t.TempDir() + "/oauth", epoch: time.Now(), dead: make(chan struct{}, 1)}
	var (
		inside   = make(chan chan struct{}) // a refresh was done and is not answered: whoever takes this closes what is in it
		watching atomic.Bool                // somebody will
		kills    int
		window   int // kills that left a token behind which is not stored
		ends     int // of logins
	)
	w.p = oauthtest.Start(t, oauthtest.Options{Rotation: rotation, Now: fast(w.epoch), Committed: func() {
		if watching.CompareAndSwap(true, false) {
			done := make(chan struct{})
			inside <- done
			<-done
		}
	}})
	var err error
	if w.own, err = shared(w.p.URL(), w.dir, fast(w.epoch)); err != nil {
		t.Fatal(err)
	}
	w.login()
	w.start(0)
	w.start(1)
	defer func() { w.kill(0); w.kill(1) }()

	// both kills both processes: nobody is left who has what is not stored.
	both := func() {
		w.kill(0)
		w.kill(1)
	}
	again := func() {
		for quiet := 0; quiet < 5; quiet++ { // what was sent before the kill may only arrive now
			if w.p.Busy() {
				quiet = 0
			}
			time.Sleep(time.Millisecond)
		}
		if w.lost() {
			window++
		}
		w.start(0)
		w.start(1)
	}
	deadline := time.After(10 * time.Minute)
	for last := 0; w.p.Counts().Refreshes < refreshes; {
		select {
		case <-deadline:
			t.Fatalf("stuck at %+v", w.p.Counts())
		case <-w.dead:
			if st, err := w.own.Status(); err == nil && st.LoggedIn && !st.Dead {
				continue // the other process says of the same end what was mended meanwhile
			}
			ends++
			if c := w.p.Counts(); c.Ended != ends {
				t.Fatalf("%d logins were given up, and the provider has ended %d", ends, c.Ended)
			}
			w.login()
			select {
			case <-w.dead: // said before the login
			default:
			}
			continue
		case done := <-inside:
			both()
			close(done)
			kills++
			again()
			continue
		case <-time.After(time.Duration(random.IntN(20)) * time.Millisecond):
		}
		if n := w.p.Counts().Refreshes; n >= last+3 {
			last = n
			if random.IntN(2) == 0 {
				watching.Store(true) // the next kill is between the provider's commit and its answer
				continue
			}
			both()
			kills++
			again()
		}
	}
	watching.Store(false)
	c := w.p.Counts()
	t.Logf("%d kills, %d of them before the answer was stored; %d logins ended; %+v", kills, window, ends, c)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, line := range w.odd {
		t.Error(line)
	}
	switch {
	case kills < refreshes/10 || window == 0:
		t.Error("too few kills: this has shown nothing")
	case c.AtOnce != 1:
		t.Error("two refreshes at once")
	case c.Backward > 0:
		t.Error("an older token came after a newer one")
	case rotation == oauthtest.Lenient && (c.Refused > 0 || ends > 0):
		t.Error("a login ended at a provider that accepts the predecessor of a token that nobody used")
	case rotation == oauthtest.Strict && c.Ended > window:
		t.Error("more logins ended than kills can explain")
	case rotation == oauthtest.Strict && c.Ended > ends+1:
		t.Errorf("%d logins have ended, and %d were told", c.Ended, ends)
	}
}
