package fetcher

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/popsync/popsync/fetcher/facts"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/server"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// lookAt takes the lease of an account to look and write, without making a pass.
func lookAt(ctx context.Context, ledger uidl.Ledger, a Account, o Options) (*pass, error) {
	for _, d := range a.Destinations {
		_ = d.Target.Close() // nothing was opened
	}
	a.Destinations = nil
	o = o.WithDefaults()
	p := newPass(a, o)
	p.desk.Settler.Open = map[uidl.Key]*settle.OpenMessage{}
	l, err := ledger.Acquire(ctx, a.Name)
	if err != nil {
		return nil, err
	}
	p.desk.Settler.L, p.ledger = l, ledger
	p.desk.Health.Facts = health.Decode(l.Info().Facts)
	p.desk.Health.Reconfigure()
	p.mailbox.CompareMailbox()
	if p.desk.Settler.Known, err = l.Destinations(ctx); err != nil {
		_ = l.Close()
		return nil, err
	}
	p.desk.Settler.Set = facts.NewSet(p.desk.Settler.Known, l.Info().Generation)
	return p, nil
}

// sightings are what the server lists of some messages.
type sightings struct {
	unknown string              // why nothing is known; "": the listing is
	partial bool                // the listing is not complete
	sizes   map[uidl.Key]int64  // of those that are listed
	doubts  map[uidl.Key]string // why it is not known which message one of them is

	headers map[uidl.Key]uidl.Fingerprint // of those that the ledger knows none of, as far as the server gave them
}

// of tells whether the server lists a message, or why that is not known.
func (s *sightings) of(m *uidl.Stuck) (listed bool, unknown string) {
	switch _, listed = s.sizes[m.Key]; {
	case s.unknown != "":
		return false, s.unknown
	case s.doubts[m.Key] != "":
		return false, s.doubts[m.Key]
	case !listed && s.partial:
		return false, "the server's listing is not complete"
	}
	return listed, ""
}

// lookFor logs in and looks for messages in the listing. It waits as a pass from a timer would: while the account is paused, its
// login is not tried any more, or the server wants time, nothing is known. What the login taught is written down.
func (p *pass) lookFor(ctx context.Context, of []uidl.Stuck) sightings {
	err := p.desk.Health.Pausing()
	if err == nil {
		err = p.desk.Health.Barred(ctx)
	}
	if err == nil && p.desk.Elsewhere {
		err = errors.New("the account has another mailbox now")
	}
	if err != nil {
		return sightings{unknown: words.Clip(err.Error())}
	}
	p.desk.Health.Unchanged = nil // all rows are looked at
	var seen sightings
	_, err = p.bounded(ctx, func(ctx context.Context) (bool, error) {
		seen, err = p.sight(ctx, of)
		return false, err
	})
	st := p.desk.Settler.L.Info().Status
	st.NextTry = health.Ceil(p.closing.holdAfter(err, verdict.Of(err)))
	st.Facts = p.desk.Health.Encode()
	if cerr := p.desk.Settler.Commit(ctx, uidl.Change{At: p.desk.Now().Unix(), Status: &st}); err == nil {
		err = cerr
	}
	if err != nil {
		return sightings{unknown: verdict.Of(err).Message}
	}
	return seen
}

// sight is lookFor once it may.
func (p *pass) sight(ctx context.Context, of []uidl.Stuck) (seen sightings, err error) {
	s := p.newSession()
	list, known, err := s.connect(ctx)
	if err != nil {
		return seen, err
	}
	defer s.on.C.Close()
	s.on.Show(list)
	if list.NoUIDL && (s.on.C.Capabilities().UIDL || known.Named()) {
		return seen, server.UIDLRefused(list)
	}
	named, complete, err := s.names(ctx, list, known)
	if err != nil {
		return seen, err
	}
	seen = sightings{partial: !complete, sizes: map[uidl.Key]int64{}, doubts: map[uidl.Key]string{}}
	rows := map[string]*uidl.Stuck{}
	for i := range of {
		k := of[i].Key
		rows[k.UID] = &of[i]
		at, ok := known.Find(k)
		if ok && (known.SameUID(at, at+1) || at > 0 && known.SameUID(at-1, at)) {
			seen.doubts[k] = "several messages share its unique-id"
		}
	}
	at, bare := map[int]*uidl.Stuck{}, map[int]uidl.Key{} // by number: whose header is known, and whose is not
	for i := range named.Len() {
		e := named.At(i)
		row := rows[e.UID]
		if row == nil || !e.HasUID {
			continue
		}
		if _, twice := seen.sizes[row.Key]; twice {
			seen.doubts[row.Key] = "several messages share its unique-id"
		}
		seen.sizes[row.Key] = e.Size
		if e.Size != 0 && row.Size != 0 && e.Size != row.Size && !p.desk.Account.IgnoreSizes {
			seen.doubts[row.Key] = fmt.Sprintf("the server lists another size under its unique-id: %d octets, not %d", e.Size, row.Size)
		}
		if row.Fingerprint == (uidl.Fingerprint{}) {
			bare[e.Num] = row.Key
		} else {
			at[e.Num] = row
		}
	}
	tops, err := s.headers.Fingerprints(ctx, slices.Sorted(maps.Keys(at)))
	if err != nil {
		return seen, err
	}
	for num, top := range tops { // where there is no TOP, the unique-id counts
		if row := at[num]; top != (uidl.Fingerprint{}) && top != row.Fingerprint && seen.doubts[row.Key] == "" {
			seen.doubts[row.Key] = "another message has its unique-id now"
		}
	}
	// What was never retrieved is known by its header from now on, as after a baseline; where it cannot be had, it is not.
	if tops, err := s.headers.Fingerprints(ctx, slices.Sorted(maps.Keys(bare))); err == nil {
		seen.headers = map[uidl.Key]uidl.Fingerprint{}
		for num, top := range tops {
			seen.headers[bare[num]] = top
		}
	}
	_ = s.on.C.Quit(ctx) // nothing was asked that QUIT could make count
	return seen, nil
}
