package fetcher

import (
	"context"
	"io"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// maxRefusedTops is how many refusals in a row, and no success, show that a server has no TOP (optional in RFC 1939).
const maxRefusedTops = 3

// topStep asks for headers. Like a message, a header counts once it is proven whose it is: see proof.go.
type topStep struct {
	s       *session
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
}

// fingerprints fetches the headers of messages, and returns their fingerprints by number; what is missing or zero could not
// be had.
func (s *session) fingerprints(ctx context.Context, nums []int) (map[int]uidl.Fingerprint, error) {
	nums, left := s.spareTops(nums)
	t := &topStep{s: s, nums: nums, got: make(map[int]uidl.Fingerprint, len(nums))}
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
	if s.weak == nil {
		s.weak = map[int]bool{}
	}
	w := &s.Health.Wire
	s.c.Alone(w.Scan < 0) // nothing proves them in a flight
	defer s.c.Alone(false)
	t.alone = !s.c.Pipelining()
	err := s.c.Top(ctx, 0, t.items, t.handle)
	err = w.Taught(err, err == nil, t.scans, s.now())
	s.steps.Stumbled(ctx, "TOP", err)
	if err == nil {
		err = s.steps.Lives(ctx)
	}
	return t.got, s.pipelined(err)
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
		t.scans += b2i(r.Ask == pop3.AskScan)
		t.proven()
		return nil
	case r.Ask != pop3.AskMessage:
		t.num = 0
		return nil
	case r.Err != nil:
		t.s.steps.WasRefused("TOP", r.Num, r.Err)
		if t.refused++; t.refused == maxRefusedTops && len(t.got) == 0 && !t.s.gotNames && t.num == 0 {
			t.stop, t.s.steps.NoTop = true, true
		}
		return nil
	}
	t.print.Reset()
	if _, err := io.Copy(&t.print, r.Body); err != nil {
		return err
	}
	t.s.topped = true
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
	case t.alone && t.s.Health.Wire.Scan < 0:
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
	t.s.steps.WentWell("TOP", t.num)
	t.got[t.num] = t.fp
	if t.weak {
		t.s.weak[t.num] = true
	}
	t.num = 0
}

// topsRest tells that no header is asked for.
func (s *session) topsRest() bool {
	return s.turns.Stumbles >= health.MostStumbles || s.Health.Stumbles.Rests("TOP", s.now()) != nil
}

// spareTops leaves out the messages whose header is not to be asked for: they broke sessions. All are while the step rests, as if
// there were no TOP.
func (s *session) spareTops(nums []int) (asked, left []int) {
	t := &s.Health.Stumbles
	switch {
	case s.topsRest():
		s.partial = s.partial || len(nums) > 0
		return nil, nil
	case len(t.Marks) == 0:
		return nums, nil
	}
	marked, now := s.steps.Marked(), s.now()
	asked = make([]int, 0, len(nums))
	var last []int
	for _, n := range nums {
		k, ok := marked[n]
		switch {
		case !ok, t.Mark(k).Step == health.StepQuit: // which breaks nothing
			asked = append(asked, n)
		case t.Mark(k).Alone(now) || s.turns.Charged[k]:
			left = append(left, n)
		case s.steps.Naming:
			s.turns.Retry = append(s.turns.Retry, k)
			fallthrough
		default:
			if s.turns.Purpose == health.OldTrouble || s.plan != nil && s.plan.Last[k] {
				last = append(last, n)
			} else {
				left = append(left, n)
			}
		}
	}
	return append(asked, last...), left
}
