// Package notify tells people when an account needs them: one notice when trouble has begun, one when it is over, and
// none in between, however many passes fail, and however often popsync is restarted or killed meanwhile.
//
// An incident belongs to an account and one of four groups of causes: the account's trouble (whatever keeps a pass from
// ending well), its parked messages, those left out for their size, and a login that will end soon. Another cause or text within a group is no new incident. rules.go has the rules
// of what is told when.
//
// Each incident is one small JSON file, and each channel by which it is told is tracked in it by itself. That a notice
// is due is durable before anything is sent, and so is the beginning of each attempt. After a crash in the midst of an
// attempt, nobody knows whether the notice has arrived, so it goes out once more: it comes once or twice, with the same ID,
// and never not at all. If the second attempt ends in a crash as well, the notice counts as sent: popsync must not become
// a flood because something keeps killing it. So no notice comes more than twice, and one is lost only if both crashes
// came before it was handed over.
//
// The package knows nothing of POP3 and configuration, judges no error, and logs nothing. Messages follow RFC 5322 and
// RFC 3834.
package notify

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/popsync/popsync/internal/durable"
)

// DefaultAfter is how long trouble that may pass by itself lasts before it is told.
const DefaultAfter = 6 * time.Hour

// Kind says who can help.
type Kind int

// The kinds of an Outcome.
const (
	Fine      Kind = iota // all is well
	Temporary             // the next pass may succeed unaided
	Person                // somebody must act: login, configuration, internal
)

// Outcome is what a pass over an account ended with, in the words of the caller. A pass that was merely stopped, or
// found the account busy, has none.
type Outcome struct {
	Account string    // [a-z0-9._-]{1,64}
	At      time.Time // when the pass ended; zero means now
	Kind    Kind
	// Cause is a short stable class such as "login" or "network". "parked" and "quarantine" are about messages: with
	// them the account itself is fine, and only Kind Person is a reason to tell beside the number Parked.
	Cause string
	What  string // what failed, in one line; what is not printable is escaped, and too long a line is clipped
	Next  string // what a person should do, in one line; may be ""
	// Parked is how many messages are parked now, Skipped how many are left out for their size; negative: not known, which
	// changes nothing.
	Parked, Skipped int
	// ParkedWhy tells where one of the parked messages is stuck, and why, in words that follow "1 message is set aside, "; "": not known.
	ParkedWhy string
	// Ending is what will end soon, such as a login, in one line; "": nothing. EndingNext is what to do about it. EndingUnknown:
	// nobody can tell, which changes nothing.
	Ending, EndingNext string
	EndingUnknown      bool
}

// Options are the thresholds and the ways out.
type Options struct {
	// After is how long Temporary trouble lasts without a break before it is told; 0 means DefaultAfter.
	After time.Duration
	// Parked is how many parked messages are told; 0 means that they never are.
	Parked int
	// Skipped: messages that are left out for their size are told.
	Skipped bool
	// Channels gives the ways by which an account's notices go; their names differ. It is asked whenever something is
	// told or sent, must not block or call the Notifier, and may be nil: then nothing is told, but incidents are known.
	Channels func(account string) []Channel
	// Host names this machine in notices; "" means its own name, and one that is no domain becomes "localhost".
	Host string
	// Once is for a process that ends after a pass: what cannot be remembered is not sent, since every later process
	// would send it again. Without it the memory of the process has to do.
	Once bool
	// Now is the clock for sending and for outcomes without a time; nil means time.Now.
	Now func() time.Time
}

// Notifier keeps the incidents of all accounts. Its methods may be called from several goroutines, and several processes
// may use one directory as long as one account is observed by one of them at a time.
type Notifier struct {
	dir string

	// Fields, so that tests can make them fail.
	write func(path string, data []byte, perm os.FileMode) error
	sync  func(dir *os.File) error

	mu       sync.Mutex // not held while something is being sent
	o        Options
	accounts map[string]*account
}

// account is what one account's files hold, and more where they could not be written.
type account struct {
	name    string
	sending bool // somebody is at it; what is in memory counts then
	gone    bool // forgotten: what a sender has to say is no longer written
	groups  [groups]state
}

type state struct {
	*record      // nil: nothing is known or remembered
	unsaved bool // the file does not say the same
}

// Open uses dir, an absolute path, for incidents. It is created when the first one comes, in a folder that must be
// there; what a crash left half written in it is removed.
func Open(dir string, o Options) (*Notifier, error) {
	if !filepath.IsAbs(dir) {
		return nil, errors.New("the folder for incidents needs an absolute path")
	}
	n := &Notifier{dir: dir, write: writeFile, sync: durable.SyncDir, accounts: map[string]*account{}}
	if err := n.Reload(o); err != nil {
		return nil, err
	}
	n.sweep()
	return n, nil
}

// Reload replaces the options, for incidents that are open as well. On error the old ones stay.
func (n *Notifier) Reload(o Options) error {
	if o.After < 0 || o.Parked < 0 {
		return errors.New("thresholds of notices cannot be negative")
	}
	o.After = cmp.Or(o.After, DefaultAfter)
	if o.Host == "" {
		o.Host, _ = os.Hostname()
	}
	o.Host = fitHost(o.Host)
	if o.Now == nil {
		o.Now = time.Now
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.o = o
	return nil
}

// Observe takes in how a pass ended: it opens, keeps or closes incidents and sends what is due. Errors are about files
// and channels; what could not be sent is tried again by Flush, or after the account's next pass. It takes as long as the
// channels do, a minute each at most, and other accounts do not wait for it.
func (n *Notifier) Observe(ctx context.Context, o Outcome) error {
	if err := checkName(o.Account); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if o.At.IsZero() {
		o.At = n.now()
	}
	a := n.account(o.Account)
	errs := n.refresh(a)
	thresholds := [groups]int{parkedGroup: n.o.Parked}
	if n.o.Skipped {
		thresholds[skippedGroup] = 1
	}
	for g := range groups {
		f, known := o.fact(g, thresholds[g], a.groups[g].open())
		if !known {
			continue
		}
		f.host, f.after, f.to = n.o.Host, n.o.After, n.channelNames(a.name)
		if r, changed := advance(a.groups[g].record, f); changed {
			a.groups[g] = state{record: r, unsaved: true}
		}
	}
	errs = append(errs, n.save(a))
	errs = append(errs, n.send(ctx, a)...)
	n.tidy(a)
	return errors.Join(distinct(errs)...)
}

// now is the time without its monotonic part, which stands still while a machine sleeps.
func (n *Notifier) now() time.Time { return n.o.Now().Truncate(time.Second) }

func (n *Notifier) channels(account string) []Channel {
	if n.o.Channels == nil {
		return nil
	}
	return n.o.Channels(account)
}

// channel gives one channel of an account; nil when it has none of that name.
func (n *Notifier) channel(account, name string) Channel {
	for _, c := range n.channels(account) {
		if c.Name() == name {
			return c
		}
	}
	return nil
}

func (n *Notifier) channelNames(account string) (names []string) {
	for _, c := range n.channels(account) {
		names = append(names, c.Name())
	}
	return names
}
