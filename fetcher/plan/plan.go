// Package plan decides what one session has to do: a pure function of what the server lists, what the ledger has, what policy
// says, and the time. It opens nothing, asks nobody and writes nothing; who carries a plan out may find that a step is not
// right, and changes the plan by its methods.
//
// What a message lacks, and whether it may be deleted, follows from its facts and from the set of destinations (fetcher/facts), and
// from nothing else.
package plan

import "github.com/popsync/popsync/uidl"

// Plan is what one session has to do.
type Plan struct {
	Fetch    []FetchStep       // in this order
	Due      []KnownStep       // to delete once recognised: see recognise
	most     int               // of those, that a session deals with; 0: all
	Later    int               // due as well, and left for the sessions to come
	DueLater KnownSteps        // these, with Input.ShowLater
	Question []KnownStep       // to recognise: the same message, or another under its UID
	Gone     []int32           // indices of rows that the listing lacks since now
	Lost     []int32           // indices of rows that were delivered and left the listing of late, now included
	LostKept int               // those of them that the server was not told to delete
	LostNow  int               // and those of these that only this listing lacks
	Skipped  []FetchStep       // by policy; reason tells which
	Whole    []KnownStep       // to be noted as delivered: nothing is lacking any more
	Stumps   []KnownStep       // delivered shorter than listed, and watched: see health.ShortReading
	Watched  map[uidl.Key]bool // listed messages that came short
	Twins    KnownSteps        // delivered, and others have or had the same UID: see recogniseTwins
	SharedBy int               // how many UIDs several listed messages have
	Withheld map[string]int    // due by policy, and why facts keep them
	Kept     int               // delivered, listed, not due
	Asked    int               // of those: the server was told to delete them earlier in this pass
	Parked   int               // parked, not due
	Pending  int               // staged somewhere, not to fetch
	OnWay    []uidl.Key        // of those: copies are on their way to all that lack them
	Back     KnownSteps        // held back until a person says what they are
	Waiting  bool              // one is kept until a time of its own
	Purge    bool              // there are tombstones old enough
	Oldest   int64             // least FirstSeen of those kept; 0: none

	rows    *Rows
	listing Listing
	order   []int32           // of the listing, by UID
	Last    map[uidl.Key]bool // known messages that broke sessions: they come after the others

	// Destinations that are owed messages, and do not lack them any more.
	Moot map[uidl.Key]uidl.Places

	showLater bool // see Input
	newest    int  // from this number on they stay: see Policy.Newest; 0: none
}

// Make decides what to do with every listed message. It is a pure function: listing and rows are both walked once,
// in the order of their UIDs.
func Make(input Input) *Plan {
	in := &input
	p := &Plan{most: in.Most, newest: in.Policy.newest(in.Listing), showLater: in.ShowLater, rows: in.Rows, listing: in.Listing, order: in.Order, Withheld: map[string]int{}, Watched: map[uidl.Key]bool{}, Moot: map[uidl.Key]uidl.Places{}}
	in.judge()
	left := in.leaves(p)
	if left > 0 {
		p.Skipped = make([]FetchStep, 0, left)
	}
	if n := in.Listing.Len() - in.Rows.Len() - left; n > 0 { // most of these are new
		p.Fetch = make([]FetchStep, 0, n)
	}
	// What is delivered and stays is nearly all of a large mailbox, and takes no look at its whole row.
	quiet := in.keeps() && !in.Elsewhere && len(in.Open) == 0 && len(in.Short) == 0
	r, dup, copies := 0, 0, 0
	ahead := in.entry(0)
	isNew := WhyOf(reasonNew)
	for k := range in.Order {
		e := ahead
		ahead = in.entry(k + 1)
		if !e.HasUID {
			p.nameless(in, FetchStep{Entry: Entry{Num: e.Num, Size: e.Size}, Row: NoRow, Reason: WhyOf(ReasonNoUID)})
			continue
		}
		if dup++; dup >= copies {
			dup, copies = 0, 1
			if ahead.UID == e.UID {
				copies = in.run(k, e.UID)
			}
			if copies > 1 {
				p.SharedBy++
			}
		}
		it := Entry{Num: e.Num, Size: e.Size, Key: uidl.Key{UID: e.UID, Dup: dup}}
		if _, ok := in.Short[it.Key]; ok {
			p.Watched[it.Key] = true
		}
		against := 1
		for ; r < in.Rows.Len(); r++ {
			if against = in.Rows.compare(r, it.Key); against >= 0 {
				break
			}
			p.missing(in, r)
		}
		switch {
		case r == in.Rows.Len() || against > 0:
			p.Wanted(in, FetchStep{Entry: it, Row: NoRow, Reason: isNew})
		case quiet && copies == 1 && in.Rows.At(r).isKept(e.Size) && in.verdicts[in.Rows.At(r).Kind].lacks == 0 && !in.Rows.SameUID(r, r+1):
			p.Kept++
			r++
		default:
			shared := copies > 1 || dup > 0 || in.Rows.SameUID(r, r+1)
			p.known(in, KnownStep{Entry: it, Row: in.Rows.rowOf(r, it.Key), Shared: shared,
				Copies: int32(copies), at: in.Order[k], row: int32(r)}, in.verdicts[in.Rows.At(r).Kind])
			r++
		}
	}
	for ; r < in.Rows.Len(); r++ {
		p.missing(in, r)
	}
	p.Sort()
	return p
}
