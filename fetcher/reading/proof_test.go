package reading

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/desk/desktest"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
)

// newProver is one whose plan is to fetch messages of these sizes, 1 and up; concluded has the numbers of those that were.
func newProver(t *testing.T, alone bool, sizes ...int64) (p *prover, concluded *[]int) {
	t.Helper()
	w := desktest.New(t, pop3test.Options{NoTOP: true})
	for i, size := range sizes {
		e := plan.Entry{Num: i + 1, Size: size, Key: uidl.Key{UID: fmt.Sprint(i + 1)}}
		w.On.Plan.Fetch = append(w.On.Plan.Fetch, plan.FetchStep{Entry: e, Row: plan.NoRow})
	}
	concluded = new([]int)
	p = &prover{desk: w.Desk, on: w.On, staging: &staging{desk: w.Desk, on: w.On}, shorts: &Shorts{Desk: w.Desk, On: w.On}, alone: alone}
	p.conclude = func(o *reply) error {
		*concluded = append(*concluded, o.f.Num)
		return nil
	}
	return p, concluded
}

// comes has the answer to the i-th RETR come: a message of so many octets, or a refusal if they are less than none.
func comes(p *prover, i int, octets int64) error {
	p.next = i
	o := reply{f: &p.on.Plan.Fetch[i]}
	if octets < 0 {
		o.kind, o.err = refusal, errors.New("no")
		return p.came(o)
	}
	o.is = health.Measured{Octets: octets}
	o.m.Whole[0] = byte(i + 1)
	return p.came(o)
}

// In a flight, a message of the size that only it has proves itself and all before it; nothing is concluded before.
func TestProofInFlight(t *testing.T) {
	const refused = -1
	for name, c := range map[string]struct {
		sizes, come []int64
		want        []int // concluded after each answer, in all
		err         error
	}{
		"each is as listed":           {[]int64{100, 200, 300}, []int64{100, 200, 300}, []int{1, 2, 3}, nil},
		"a refusal waits":             {[]int64{100, 200}, []int64{refused, 200}, []int{0, 2}, nil},
		"the last refused":            {[]int64{100, 200}, []int64{100, refused}, []int{1, 1}, nil},
		"alike ones wait":             {[]int64{100, 100, 300}, []int64{100, 100}, []int{0, 0}, nil},
		"one longer than listed":      {[]int64{100, 200}, []int64{120, 200}, []int{0, 2}, nil},
		"two longer, nothing between": {[]int64{100, 200, 300}, []int64{120, 220, 300}, []int{0, 0, 0}, ErrUnproven},
	} {
		p, concluded := newProver(t, false, c.sizes...)
		var err error
		for i, octets := range c.come {
			if err = comes(p, i, octets); len(*concluded) != c.want[i] {
				t.Errorf("%s: after %d answers %v are concluded, want %d", name, i+1, *concluded, c.want[i])
			}
		}
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", name, err, c.err)
		}
		if !slices.IsSorted(*concluded) {
			t.Errorf("%s: concluded out of order: %v", name, *concluded)
		}
	}
}

// One at a time, what does not prove itself is asked about before it counts.
func TestProofAlone(t *testing.T) {
	p, concluded := newProver(t, true, 100, 200, 300)
	if err := comes(p, 0, 100); err != nil || len(*concluded) != 1 {
		t.Fatalf("as listed: %v, %v", err, *concluded)
	}
	if err := comes(p, 1, -1); err != nil || len(*concluded) != 1 || len(p.want) != 1 || p.want[0].Ask != pop3.AskNoop {
		t.Fatalf("refused: %v, %v, to be asked: %+v", err, *concluded, p.want)
	}
	if err := p.answer(pop3.Response{Item: p.want[0]}); err != nil || len(*concluded) != 2 {
		t.Fatalf("with the answer: %v, %v", err, *concluded)
	}
	if err := comes(p, 2, 320); err != nil || len(*concluded) != 2 || p.want[0].Ask != pop3.AskScan {
		t.Fatalf("longer than listed: %v, %v, to be asked: %+v", err, *concluded, p.want)
	}
	if err := p.answer(pop3.Response{Item: p.want[0], Err: errors.New("no LIST n")}); err != nil || len(*concluded) != 2 || p.want[0].Ask != pop3.AskNoop {
		t.Fatalf("LIST n refused: %v, %v, to be asked: %+v", err, *concluded, p.want)
	}
	if err := p.answer(pop3.Response{Item: p.want[0], Err: errors.New("no NOOP")}); !errors.Is(err, verdict.ErrOutOfStep) || len(*concluded) != 2 {
		t.Errorf("NOOP refused: %v, %v", err, *concluded)
	}
}

// A message that came once more is not the next one, whatever its size.
func TestProofComesTwice(t *testing.T) {
	p, concluded := newProver(t, true, 100, 100)
	for range 2 {
		o := reply{f: &p.on.Plan.Fetch[p.next], is: health.Measured{Octets: 100}}
		o.m.Whole[0] = 7
		if err := p.came(o); err != nil {
			t.Fatal(err)
		}
		p.next++
	}
	if !slices.Equal(*concluded, []int{1}) || len(p.want) == 0 {
		t.Errorf("concluded %v, to be asked: %+v", *concluded, p.want)
	}
}

// A message shorter than listed may be cut; by itself it is set aside for a session of its own, and nothing is asked behind it.
func TestProofShort(t *testing.T) {
	p, concluded := newProver(t, true, 100)
	if err := comes(p, 0, 60); !errors.Is(err, ErrShort) || len(*concluded) != 0 {
		t.Errorf("%v, %v", err, *concluded)
	}
	if w := p.desk.Health.Wire.Short; len(w) != 1 || w[0].Key() != (uidl.Key{UID: "1"}) {
		t.Errorf("set aside: %+v", w)
	}
}

// What comes shorter than listed counts as whole once it came the same several times, and over a time.
func TestShorts(t *testing.T) {
	x := &Shorts{}
	read := func(at time.Duration, octets int64, header byte) bool {
		x.Desk.Confirmed = 1_700_000_000 + int64(at/time.Second)
		o := &reply{f: &plan.FetchStep{Entry: plan.Entry{Num: 1, Size: 1000, Key: uidl.Key{UID: "x"}}, Row: plan.NoRow}}
		o.is = health.Measured{Size: 1000, Octets: octets}
		o.m = settle.Received{Strong: true}
		o.m.Msg.Fingerprint[0] = header
		return x.readShort(o)
	}
	type reading struct {
		at     time.Duration
		octets int64
		whole  bool
	}
	const twice = 210 + health.SameSlack // not the same length as 200
	for name, c := range map[string]struct {
		hides, expires bool
		readings       []reading
	}{
		"the same three times, over an hour": {readings: []reading{{0, 500, false}, {0, 500, false}, {health.ShortSoon, 500, true}}},
		"within an hour":                     {readings: []reading{{0, 500, false}, {0, 500, false}, {health.ShortSoon - time.Second, 500, false}}},
		"another length in between":          {readings: []reading{{0, 200, false}, {0, twice, false}, {health.ShortSoon, 200, false}, {health.ShortSoon, 200, false}}},
		"where the server hides what was read, each may be the last": {hides: true,
			readings: []reading{{0, 500, false}, {health.ShortSoon - time.Second, 500, false}, {health.ShortSoon, 500, true}}},
		"where QUIT deletes what was read": {expires: true,
			readings: []reading{{0, 500, false}, {health.ShortSoon, 500, false}, {health.ShortDay, 500, true}}},
	} {
		w := desktest.New(t, pop3test.Options{})
		w.Desk.Account.RetrHides, w.Desk.Expires = c.hides, c.expires
		x = &Shorts{Desk: w.Desk, On: w.On}
		for i, r := range c.readings {
			if got := read(r.at, r.octets, 1); got != r.whole {
				t.Errorf("%s: reading %d counts as whole: %v", name, i+1, got)
			}
		}
	}
}

// Where a delivered message comes longer on another day, that one is delivered too, once.
func TestShortsLonger(t *testing.T) {
	w := desktest.New(t, pop3test.Options{})
	x := &Shorts{Desk: w.Desk, On: w.On}
	o := &reply{f: &plan.FetchStep{Entry: plan.Entry{Num: 1, Size: 1000, Key: uidl.Key{UID: "x"}}, Row: plan.NoRow}, is: health.Measured{Size: 1000, Octets: 500}}
	w.Desk.Confirmed = 1_700_000_000
	x.readShort(o)
	x.readShort(o)
	w.Desk.Confirmed += int64(health.ShortSoon / time.Second)
	if !x.readShort(o) {
		t.Fatal("it does not count as whole")
	}
	w.Desk.Confirmed += int64(health.ShortDay / time.Second)
	o.is.Octets = 600 + health.SameSlack
	if !x.readShort(o) {
		t.Error("the longer one is not delivered")
	}
	o.is.Octets += 100 + health.SameSlack
	if x.readShort(o) {
		t.Error("and once more")
	}
}
