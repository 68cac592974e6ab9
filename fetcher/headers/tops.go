// Package headers asks a server for the headers of messages by TOP (RFC 1939, section 7), and gives messages without a unique-id a
// name made of theirs.
//
// It proves whose header an answer is, as RETR does it with messages, and leaves alone what broke sessions before. It gives
// fingerprints and names; what they mean is for others: fetcher/recognise, fetcher/rebuild and the fetcher ask it. What is missing or
// zero in an answer could not be had, and nothing may be concluded from that. It writes nothing down.
package headers

import (
	"context"
	"io"
	"time"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/server"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// Chunk is how many headers are asked for between two commits.
const Chunk = 5000

// topStep asks for headers. Like a message, a header counts once it is proven whose it is: see fetcher/reading.
type topStep struct {
	s       *Tops
	nums    []int
	got     map[int]uidl.Fingerprint
	alone   bool
	want    pop3.Item // to be asked next to prove the last one; Num 0: nothing
	num     int       // whose header is not proven yet; 0: none
	fp      uidl.Fingerprint
	weak    bool
	last    uidl.Fingerprint // of the one before
	scans   int
	refused int
	stop    bool
	print   uidl.Fingerprinter
	top     received
	at      time.Time // when what is not proven yet was received; zero: it does not say
}

// Tops asks for headers by TOP, and gives messages without a unique-id names of them.
type Tops struct {
	Desk     *desk.Desk
	On       *desk.Session
	dates    map[int]time.Time        // see Dated; nil: nobody asks
	topped   bool                     // TOP was answered with a header
	gotNames bool                     // headers came, of others that have no unique-id
	cutTops  map[int]uidl.Fingerprint // headers that came without the empty line behind them
	Weak     map[int]bool             // messages whose header, by TOP, is not enough to know them by
}

// Fingerprints fetches the headers of messages, and returns their fingerprints by number; what is missing or zero could not
// be had.
func (h *Tops) Fingerprints(ctx context.Context, nums []int) (map[int]uidl.Fingerprint, error) {
	nums, left := h.SpareTops(nums)
	t := &topStep{s: h, nums: nums, got: make(map[int]uidl.Fingerprint, len(nums))}
	defer func() {
		for _, n := range left { // looked at in vain, unless there is no TOP
			if len(nums) == 0 || len(t.got) > 0 {
				t.got[n] = uidl.Fingerprint{}
			}
		}
	}()
	if len(nums) == 0 {
		return t.got, nil
	}
	if h.Weak == nil {
		h.Weak = map[int]bool{}
	}
	w := &h.Desk.Health.Wire
	h.On.C.Alone(w.Scan < 0) // nothing proves them in a flight
	defer h.On.C.Alone(false)
	t.alone = !h.On.C.Pipelining()
	err := h.On.C.Top(ctx, 0, t.items, t.handle)
	err = w.Taught(err, err == nil, t.scans, h.Desk.Now())
	h.On.Steps.Stumbled(ctx, "TOP", err)
	if err == nil {
		err = h.On.Steps.Lives(ctx)
	}
	return t.got, h.On.Pipelined(err)
}

func (t *topStep) items(yield func(pop3.Item) bool) {
	for _, n := range t.nums {
		if t.stop || !yield(pop3.Item{Num: n}) || !t.alone && !yield(pop3.Item{Num: n, Ask: pop3.AskScan}) {
			return
		}
		if t.want.Num != 0 {
			it := t.want
			t.want = pop3.Item{}
			if !yield(it) {
				return
			}
		}
	}
}

func (t *topStep) handle(r pop3.Response) error {
	switch {
	case r.Ask != pop3.AskMessage && r.Err == nil:
		t.scans += desk.Count(r.Ask == pop3.AskScan)
		t.proven()
		return nil
	case r.Ask != pop3.AskMessage:
		t.num = 0
		return nil
	case r.Err != nil:
		t.s.On.Steps.WasRefused("TOP", r.Num, r.Err)
		if t.refused++; t.refused == server.MaxRefusedTops && len(t.got) == 0 && !t.s.gotNames && t.num == 0 {
			t.stop, t.s.On.Steps.NoTop = true, true
		}
		return nil
	}
	t.print.Reset()
	var into io.Writer = &t.print
	if t.s.dates != nil {
		t.top.reset()
		into = io.MultiWriter(&t.print, &t.top)
	}
	if _, err := io.Copy(into, r.Body); err != nil {
		return err
	}
	t.s.topped, t.at = true, t.top.when()
	t.num, t.fp, t.weak = r.Num, t.print.Sum(), !t.print.Strong()
	if !t.print.Ended() { // perhaps it was cut
		if t.s.cutTops == nil {
			t.s.cutTops = map[int]uidl.Fingerprint{}
		}
		t.s.cutTops[r.Num], t.fp = t.fp, uidl.Fingerprint{}
	}
	// One at a time, only the reply before can have come once more.
	switch again := t.fp == t.last; {
	case t.alone && !again:
		t.proven()
	case t.alone && t.s.Desk.Health.Wire.Scan < 0:
		t.want = pop3.Item{Num: r.Num, Ask: pop3.AskNoop}
	case t.alone:
		t.want = pop3.Item{Num: r.Num, Ask: pop3.AskScan}
	}
	t.last = t.print.Sum()
	return nil
}

// proven counts the header at hand.
func (t *topStep) proven() {
	if t.num == 0 {
		return
	}
	t.s.On.Steps.WentWell("TOP", t.num)
	t.got[t.num] = t.fp
	if !t.at.IsZero() {
		t.s.dates[t.num] = t.at
	}
	if t.weak {
		t.s.Weak[t.num] = true
	}
	t.num = 0
}

// topsRest tells that no header is asked for.
func (h *Tops) topsRest() bool {
	return h.Desk.Turns.Stumbles >= health.MostStumbles || h.Desk.Health.Stumbles.Rests("TOP", h.Desk.Now()) != nil
}

// SpareTops leaves out the messages whose header is not to be asked for: they broke sessions. All are while the step rests, as if
// there were no TOP.
func (h *Tops) SpareTops(nums []int) (asked, left []int) {
	t := &h.Desk.Health.Stumbles
	switch {
	case h.topsRest():
		h.On.Partial = h.On.Partial || len(nums) > 0
		return nil, nil
	case len(t.Marks) == 0:
		return nums, nil
	}
	marked, now := h.On.Steps.Marked(), h.Desk.Now()
	asked = make([]int, 0, len(nums))
	var last []int
	for _, n := range nums {
		k, ok := marked[n]
		switch {
		case !ok, t.Mark(k).Step == health.StepQuit: // which breaks nothing
			asked = append(asked, n)
		case t.Mark(k).Alone(now) || h.Desk.Turns.Charged[k]:
			left = append(left, n)
		case h.On.Steps.Naming:
			h.Desk.Turns.Retry = append(h.Desk.Turns.Retry, k)
			fallthrough
		default:
			if h.Desk.Turns.Purpose == health.OldTrouble || h.On.Plan != nil && h.On.Plan.Last[k] {
				last = append(last, n)
			} else {
				left = append(left, n)
			}
		}
	}
	return append(asked, last...), left
}
