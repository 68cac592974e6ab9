//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/popsync/popsync/pop3/pop3test"
)

// histWorld is a machine with popsync on it, and the servers that it speaks to.
type histWorld struct {
	t      testing.TB
	r      *rand.Rand
	dir    string
	bin    string
	server *pop3test.Server
	port   int

	mu       sync.Mutex // held by the player but for the time in which popsync runs
	quiet    *sync.Cond // a conversation with the server has ended
	talks    int        // conversations under way
	oracle   *histOracle
	letters  []*histLetter // by number
	boxes    []*histBox
	accounts []*histAccount
	places   []*histPlace // by number
	snaps    []histSnap
	log      []string

	trouble histTrouble    // of the next run
	charges int            // kills and cuts that are left: three would park a message for an hour
	killed  int            // runs
	noted   int            // complaints that are in the log
	runs    int            // of the program
	serial  int            // of names
	welcome bool           // what is sent is refused nowhere
	day     int            // that has passed
	played  map[string]int // what the server did wrong
	reads   int            // of messages, with a line added

	tokens map[string]string       // of accounts in ledgers: see whose
	tagged map[string]map[int]bool // messages by token and unique-id
	byTag  map[string]map[int]bool // and by what stands in names of files
}

// histBox is a mailbox on the server. Several boxes have the same unique-ids.
type histBox struct {
	user   string
	format int // of unique-ids
	names  int // of messages so far

	stamps bool         // a line is added to messages at each reading
	sizes  int          // how LIST is wrong
	offset int64        // by how much
	lies   map[int]bool // messages that were listed longer than they are
}

// histLetter is a message that somebody sent.
type histLetter struct {
	number  int
	box     *histBox
	name    string // what its unique-id is made of
	data    []byte
	listed  int64 // size in LIST; 0: the true one
	hidden  int   // so many runs
	gone    bool
	bare    bool // its header has From, To and Subject only, which others have, too
	refused bool // remote destinations refuse it for good
	forger  bool // it holds what looks like the reply with another

	uids map[string]bool // that it ever had
	cuts []histCut
}

// histAccount is an account of the configuration.
type histAccount struct {
	name        string
	box         *histBox
	dests       []*histDest
	policy      string
	quarantined bool   // delete_quarantined
	changed     string // "name" or "mailbox", since popsync noticed the last time; "": nothing
	blind       bool   // the ledger was lost or restored since
}

// histDest is a destination. Its place is what a person means by it, whatever is at its path.
type histDest struct {
	name      string
	place     *histPlace
	path      string // of a Maildir, as it is configured
	required  bool
	fallback  bool
	commented bool   // out of the file
	mistake   bool   // a second name for the place of another, until the end
	changed   string // as for accounts: "new", "name", "address" or "path"
}

func newHistWorld(t testing.TB, seed uint64) *histWorld {
	w := &histWorld{t: t, r: rand.New(rand.NewPCG(seed, 77)), dir: histMemory(t), bin: program(t, ""), oracle: newHistOracle(), charges: 2,
		played: map[string]int{}, tokens: map[string]string{}, tagged: map[string]map[int]bool{}, byTag: map[string]map[int]bool{}}
	w.quiet = sync.NewCond(&w.mu)
	for _, d := range []string{"mail", "stash", "below", "dead", "snap"} {
		if err := os.Mkdir(w.path(d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	w.serve()
	for i := range 1 + w.n(4)/3 {
		w.newAccount(fmt.Sprintf("work%d", i))
	}
	return w
}

// histMemory is a directory in memory where there is one: no disk is to be measured here.
func histMemory(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "popsync-history-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (w *histWorld) path(names ...string) string {
	return filepath.Join(append([]string{w.dir}, names...)...)
}

// n draws a number below n.
func (w *histWorld) n(n int) int { return w.r.IntN(n) }

func (w *histWorld) chance(percent int) bool { return w.n(100) < percent }

func histPick[T any](w *histWorld, of []T) (one T, ok bool) {
	if len(of) == 0 {
		return one, false
	}
	return of[w.n(len(of))], true
}

func (w *histWorld) fresh(prefix string) string {
	w.serial++
	return fmt.Sprintf("%s%d", prefix, w.serial)
}

// must is for what the test itself does.
func (w *histWorld) must(err error) {
	if err != nil {
		w.t.Helper()
		w.t.Fatalf("%s\nthe test itself: %v", strings.Join(w.log, "\n"), err)
	}
}

func (w *histWorld) newBox() *histBox {
	b := &histBox{user: w.fresh("user"), lies: map[int]bool{}}
	w.boxes = append(w.boxes, b)
	return b
}

// newAccount makes an account with one to three destinations.
func (w *histWorld) newAccount(name string) *histAccount {
	a := &histAccount{name: name, box: w.newBox(), policy: []string{"never", "after-delivery"}[w.n(2)], quarantined: w.chance(50)}
	switch w.n(8) {
	case 0:
		a.add(w.newRelay())
	case 1, 2:
		a.add(w.newMaildir())
		a.add(w.newRelay())
	case 3, 4:
		a.add(w.newMaildir())
		a.add(w.newMaildir()).required = w.chance(60)
	default:
		a.add(w.newMaildir())
	}
	if len(w.accounts) > 0 && w.chance(20) { // two accounts into one Maildir
		if d := w.accounts[0].dests[0]; d.place.relay == nil {
			*a.dests[0] = histDest{name: a.dests[0].name, place: d.place, path: d.path, required: true}
		}
	}
	w.accounts = append(w.accounts, a)
	return a
}

func (a *histAccount) add(p *histPlace) *histDest {
	d := &histDest{name: fmt.Sprintf("to%d", p.number), place: p, path: p.dir, required: true, changed: "new"}
	a.dests = append(a.dests, d)
	return d
}

// configured are the destinations that stand in the file.
func (a *histAccount) configured() (some []*histDest) {
	for _, d := range a.dests {
		if !d.commented {
			some = append(some, d)
		}
	}
	return some
}

// required are the numbers of places that must have a message before it is deleted, any those of all destinations, stand
// that of the fallback if it may stand in for others, else -1.
func (a *histAccount) required() (required, any []int, stand int) {
	stand = -1
	for _, d := range a.configured() {
		any = append(any, d.place.number)
		if d.fallback && a.quarantined {
			stand = d.place.number
		} else if d.required && !d.fallback {
			required = append(required, d.place.number)
		}
	}
	slices.Sort(required)
	return slices.Compact(required), any, stand
}
