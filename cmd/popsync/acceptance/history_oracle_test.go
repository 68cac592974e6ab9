//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"fmt"
	"maps"
	"slices"
)

// histOracle is told what happened to messages, by number, and says what must not have happened. It knows nothing of
// popsync, of files or of servers. A place is where a destination means to deliver: a Maildir with all its folders, wherever
// it lies just now, or a remote destination.
type histOracle struct {
	fates  map[int]*histFate
	copies map[histAt]int  // ever seen there, also what a reader has taken since
	took   map[histAt]bool // by a reader, out of the Maildir
	faded  map[int]bool    // the ledger is gone, and the tag in the Maildir is of another unique-id or account than it has now
	swept  map[histAt]bool // out of tmp, by a cleaner, after a kill: popsync may believe that it was published
	again  map[histAt]bool // an older ledger was restored that cannot know whether this was sent
	remote map[int]bool    // places
	stands map[int]bool    // places that are or were a fallback

	doubts         int  // kills and connections that were cut: each may cost a remote destination a copy
	lost, accepted bool // the ledger was lost or is an older copy; a person let held mail through since

	deleted    int // by popsync
	complaints []histComplaint
	told       map[string]bool
}

type histAt struct{ place, letter int }

// histFate is what the oracle knows of a message.
type histFate struct {
	tag       string       // account and unique-id when it was first retrieved, but for what was in vain
	gone      bool         // from the server, or to a mailbox that nobody fetches from
	retrieved bool         // at least once
	marked    bool         // by a baseline, before it was retrieved
	refused   bool         // remote destinations refuse it for good
	owed      map[int]bool // places that were required when it was first retrieved, and have been ever since
}

type histComplaint struct{ kind, text string }

func (c histComplaint) String() string { return c.kind + ": " + c.text }

func newHistOracle() *histOracle {
	return &histOracle{fates: map[int]*histFate{}, copies: map[histAt]int{}, took: map[histAt]bool{}, faded: map[int]bool{}, swept: map[histAt]bool{},
		again: map[histAt]bool{}, remote: map[int]bool{}, stands: map[int]bool{}, told: map[string]bool{}}
}

// complain notes each complaint once.
func (o *histOracle) complain(kind, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !o.told[kind+text] {
		o.told[kind+text] = true
		o.complaints = append(o.complaints, histComplaint{kind, text})
	}
}

// offered: the server has a new message.
func (o *histOracle) offered(letter int, refused bool) { o.fates[letter] = &histFate{refused: refused} }

// config: these places are required for a message from now on. What comes back later does not owe it any more.
func (o *histOracle) config(letter int, required []int) {
	maps.DeleteFunc(o.fates[letter].owed, func(place int, _ bool) bool { return !slices.Contains(required, place) })
}

// retr: popsync retrieves a message, while these places are required. tag is what it is called in a Maildir.
func (o *histOracle) retr(letter int, required []int, tag string) {
	f := o.fates[letter]
	if f.retrieved {
		if len(o.where(letter)) == 0 { // that was in vain
			f.tag = tag
		}
		return
	}
	f.retrieved, f.tag, f.owed = true, tag, map[int]bool{}
	for _, p := range required {
		f.owed[p] = true
	}
}

// has tells whether a place has a message, or had it.
func (o *histOracle) has(place, letter int) bool { return o.copies[histAt{place, letter}] > 0 }

// where are the places that have a message, or had it, known to the configuration or not.
func (o *histOracle) where(letter int) (places []int) {
	for at, n := range o.copies {
		if at.letter == letter && n > 0 {
			places = append(places, at.place)
		}
	}
	slices.Sort(places)
	return places
}

// stored: one more copy of a message was seen at a place. A Maildir gets each message once. A remote destination may get
// one more for each ending that leaves a delivery in doubt.
func (o *histOracle) stored(place, letter int) {
	at := histAt{place, letter}
	o.copies[at]++
	most := 1
	if o.remote[place] {
		most += o.doubts
		if o.again[at] || o.lost && o.accepted {
			most++
		}
	} else if o.lost && o.accepted && (o.took[at] || o.faded[letter] || o.stands[place] && o.fates[letter].refused) {
		most++
	}
	switch n := o.copies[at]; {
	case n <= most:
	case o.lost && o.accepted:
		o.complain("TWICE-ACCEPTED", "message %d came to place %d again, after a person accepted held mail", letter, place)
	case o.lost:
		o.complain("TWICE-LOST", "message %d came to place %d again, after the ledger was lost or restored", letter, place)
	default:
		o.complain("TWICE", "message %d came to place %d %d times, at most %d are right", letter, place, n, most)
	}
}

// copied: a person made a copy of a place, with all that is in it.
func (o *histOracle) copied(from, to int) {
	for at, n := range maps.Clone(o.copies) {
		if at.place == from {
			o.copies[histAt{to, at.letter}], o.took[histAt{to, at.letter}] = n, o.took[at]
		}
	}
}

// dele: popsync asks the server to delete a message. required are the places that must have it, any those of all
// destinations that are configured. stand, if not negative, is the fallback that may stand in for a remote destination.
func (o *histOracle) dele(letter int, required, any []int, stand int) {
	if !slices.ContainsFunc(any, func(p int) bool { return o.has(p, letter) }) {
		o.complain("EARLY", "DELE of message %d, which no place that is configured has; it is at %v", letter, o.where(letter))
		return
	}
	for _, p := range required {
		waived := o.fates[letter].refused && o.remote[p] && stand >= 0 && o.has(stand, letter)
		if !o.has(p, letter) && !waived {
			o.complain("EARLY", "DELE of message %d, which required place %d does not have; it is at %v", letter, p, o.where(letter))
		}
	}
}

// left: a message left the server; by is popsync or somebody else.
func (o *histOracle) left(letter int, by string) {
	o.fates[letter].gone = true
	if by != "popsync" {
		return
	}
	o.deleted++
	if len(o.where(letter)) == 0 {
		o.complain("LOST", "message %d is neither on the server nor at any place", letter)
	}
}

// forgotten: the ledger was lost or is an older copy now. What some place has need not come to the others. tags are what
// messages are called now.
func (o *histOracle) forgotten(tags map[int]string) {
	o.lost, o.accepted = true, false
	for letter, f := range o.fates {
		if f.retrieved && f.tag != tags[letter] {
			o.faded[letter] = true
		}
		if len(o.where(letter)) > 0 {
			clear(f.owed)
		}
	}
}

// end: nothing changes any more, and these places are required for a message.
func (o *histOracle) end(letter int, required []int) {
	f := o.fates[letter]
	if f.gone || f.marked {
		return
	}
	must, thought := slices.Sorted(maps.Keys(f.owed)), false
	for at := range o.swept {
		thought = thought || at.letter == letter
	}
	if len(o.where(letter)) == 0 && !thought {
		must = required
	}
	lacking := slices.DeleteFunc(slices.Clone(must), func(p int) bool {
		return o.has(p, letter) || o.swept[histAt{p, letter}] || f.refused && o.remote[p]
	})
	if len(lacking) == 0 || o.lost && len(lacking) < len(must) {
		return
	}
	what := "was never retrieved"
	if f.retrieved {
		what = "was retrieved"
	}
	o.complain("MISSING", "message %d %s, is at %v, and never came to %v", letter, what, o.where(letter), lacking)
}
