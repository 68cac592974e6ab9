// Package tokens keeps OAuth tokens and keeps them fresh: stored before they are used, refreshed by one at a time, also of several
// processes, and given up only when the provider means it.
//
// Each token is a file of its own below the state directory, 0600 in a folder 0700, or with a program that the user named. Beside it
// stands what is known of it, without secrets. Tokens never pass an argument, the environment, the ledger or an error. How a token
// is asked for is internal/oauth's affair; when, is decided here: five minutes before its end, or when a server has just refused
// it; not while the provider is down, and not after it was given up. It logs nothing. Its caller is cmd/popsync.
package tokens

import (
	"crypto/rand"
	"math/big"
	"path/filepath"
	"sync"
	"time"

	"github.com/popsync/popsync/internal/oauth"
)

const (
	early = 5 * time.Minute // before its end a token is refreshed

	// A refusal is believed when there were so many, over so long: Microsoft has refused tokens that were good an hour later.
	refusals   = 3
	refusedFor = time.Hour

	firstWait = 30 * time.Second // after a failure; twice as long after each that follows
	mostWait  = 30 * time.Minute
	mostFault = time.Hour // the same after a refusal that the configuration is to blame for
)

// Options say where tokens are kept. Only Dir is needed.
type Options struct {
	Dir     string   // absolute; made, 0700, when it is missing and the folder above it is not
	Command []string // a program, by its absolute path, and arguments: it keeps the tokens instead. See Keeper
	AtOnce  int      // requests to one token endpoint at the same time; 0: 4
	Now     func() time.Time
	// Spread gives a time up to most, by chance, so that many accounts do not ask in the same moment; nil: evenly.
	Spread func(most time.Duration) time.Duration
}

// Keeper keeps the tokens of this machine. It is safe for concurrent use, and beside other processes.
//
// A program that keeps tokens is run with one of these words and the token's name behind its own arguments: "get" prints what was
// stored, or nothing; "store" reads it from standard input, and has made it last when it exits with 0; "erase" forgets it.
type Keeper struct {
	o     Options
	store store

	mu        sync.Mutex
	slots     map[string]*slot
	endpoints map[string]*endpoint
}

// slot is what this process has of one token.
type slot struct {
	turn    chan struct{} // holds one element while nobody has it
	unsaved *record       // that the provider gave and that could not be stored
	unkept  oauth.Token   // see Source.unkept
}

// New makes a Keeper. It touches nothing.
func New(o Options) *Keeper {
	if o.AtOnce == 0 {
		o.AtOnce = 4
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Spread == nil {
		o.Spread = evenly
	}
	k := &Keeper{o: o, slots: map[string]*slot{}, endpoints: map[string]*endpoint{}, store: files{}}
	if len(o.Command) > 0 {
		k.store = command(o.Command)
	}
	return k
}

func evenly(most time.Duration) time.Duration {
	n, err := rand.Int(rand.Reader, big.NewInt(int64(most)+1))
	if err != nil {
		return 0
	}
	return time.Duration(n.Int64())
}

// Source is one token: that of a grant for an account, or for a destination of it. Make one with Keeper.Source.
type Source struct {
	k       *Keeper
	client  *oauth.Client
	account string
	user    string
	name    string
	slot    *slot
}

// Source gives the token of a client's grant for account, which is an account's name, or ACCOUNT/DESTINATION. user is the login
// name of the mailbox. Sources of the same grant and account are the same token.
func (k *Keeper) Source(c *oauth.Client, account, user string) (*Source, error) {
	name, err := nameOf(c.Grant().Name, account)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.slots[name]
	if s == nil {
		s = &slot{turn: make(chan struct{}, 1)}
		s.turn <- struct{}{}
		k.slots[name] = s
	}
	return &Source{k, c, account, user, name, s}, nil
}

// Name is the token's own, as its file has it and as a program that keeps it is told.
func (s *Source) Name() string { return s.name }

// Path is where its file is; "" where a program keeps it.
func (s *Source) Path() string {
	if len(s.k.o.Command) > 0 {
		return ""
	}
	return filepath.Join(s.k.o.Dir, s.name+tokenSuffix)
}
