package fetcher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// stumble is a step about known mail that broke a session. It counts once another session got as far as the listing: until
// then it may have been the network.
type stumble struct {
	step string // the verb
	key  uidl.Key
	name bool // the header was to give a name
	sure bool // nothing before it in its session can have been too much for the server
	err  error
}

// lastStep is a step that was answered with -ERR, or a DELE that was answered with +OK, as long as nothing else was answered: a
// server may close then.
type lastStep struct {
	step string
	num  int
	err  error // nil: +OK
}

// stumbled notes that a step broke the session, if it did; err is what the client said.
func (s *session) stumbled(ctx context.Context, step string, err error) {
	if err == nil || ctx.Err() != nil || errors.Is(err, health.ErrNoScan) || errors.Is(err, errShort) || errors.Is(err, errUnproven) {
		return
	}
	num, ok := brokeAt(err)
	if !ok {
		return
	}
	if l := s.behind; l != nil && l.err != nil && verdict.Disconnected(err) {
		step, num = l.step, l.num
		err = fmt.Errorf("%w; then %w", l.err, err)
	}
	s.brokeSession(step, num, err)
}

// brokeSession notes that a step with a message broke the session.
func (s *session) brokeSession(step string, num int, err error) {
	key, ok := s.keyOf(num)
	if !ok {
		return
	}
	closed := s.behind != nil && s.behind.err == nil && s.behind.num == num // it was answered with +OK
	// What went well before may have been as much as the server takes, unless it was about the same message.
	first := s.others(num) == 0 && (!closed || s.careful()) && !(s.haul.brought() && verdict.Disconnected(err)) || s.naming
	if m := s.Health.Stumbles.Mark(key); m != nil && m.Times > 0 && m.Step != health.StepQuit && !closed {
		first = true // there is nothing else that it and the last time have in common
	}
	// A server may hold back what it has answered already, and fall silent.
	inOrder := verdict.Chargeable(err) && !verdict.LostStep(s.pipelined(err)) && !errors.Is(err, os.ErrDeadlineExceeded)
	s.pass.turns.stumble = &stumble{step: step, key: key, name: s.naming, err: s.pipelined(err), sure: first && (inOrder || !s.c.Pipelined())}
	switch done := s.went[step] - b2i(closed); {
	case s.pass.turns.stumble.sure:
		s.turns.load = nil
	case done > 0: // these again, then the one at which it broke by itself, which tells
		s.turns.load = []int{done, 1, max(1, done/2)}
	default:
		s.turns.load = []int{1, max(1, s.others(num)/2)}
	}
}

// lives finds out whether the server closed after a refusal that was the last answer, or after a DELE in a session that is to
// tell: it would look as if what is asked next broke the session.
func (s *session) lives(ctx context.Context) error {
	if s.behind == nil || s.behind.err == nil && !s.careful() {
		return nil
	}
	err := s.c.Noop(ctx)
	if _, broken := brokeAt(err); !broken {
		s.survived()
		return nil
	}
	s.closedAfter(ctx, err)
	return err
}

// closedAfter notes that the connection had ended when something else was asked, right after the last step.
func (s *session) closedAfter(ctx context.Context, err error) {
	if _, broken := brokeAt(err); !broken || ctx.Err() != nil {
		return
	}
	l := s.behind
	if l.err != nil {
		s.brokeSession(l.step, l.num, fmt.Errorf("%w; then %w", l.err, err))
		return
	}
	s.brokeSession(l.step, l.num, fmt.Errorf("%s %d: the server answered with +OK; then %w", l.step, l.num, err))
}

// others counts the steps that went well in this session and were about other messages.
func (s *session) others(num int) int {
	return s.steps - s.stepsOf[num]
}

// brokeAt is the number of the message at which the conversation broke; false: no error of the conversation.
func brokeAt(err error) (num int, ok bool) {
	var conn *pop3.ConnError
	var protocol *pop3.ProtocolError
	var limit *pop3.LimitError
	switch {
	case errors.As(err, &conn):
		return conn.Num, true
	case errors.As(err, &protocol):
		return protocol.Num, true
	case errors.As(err, &limit):
		return limit.Num, true
	}
	return 0, false
}

// wentWell notes that a step about a known message was answered with +OK, and whole.
func (s *session) wentWell(step string, num int) {
	if s.went == nil {
		s.went, s.stepsOf = map[string]int{}, map[int]int{}
	}
	s.went[step]++
	s.stepsOf[num]++
	s.steps++
	s.survived()
	if step == "DELE" { // whether the server lives on, the next answer tells
		s.behind = &lastStep{step, num, nil}
		return
	}
	s.harmless(step, num)
}

// wasRefused notes that a step about a known message was answered with -ERR.
func (s *session) wasRefused(step string, num int, err error) {
	s.survived()
	s.behind = &lastStep{step, num, err}
}

// survived notes that the connection lives on after the last such step.
func (s *session) survived() {
	if l := s.behind; l != nil {
		s.behind = nil
		s.harmless(l.step, l.num)
	}
}

// careful tells that it must be clear at which message the session breaks, if it does.
func (s *session) careful() bool {
	return s.turns.purpose == health.KnownMail || s.turns.purpose == health.OldTrouble
}

// harmless notes that a step with a message did not break the session.
func (s *session) harmless(step string, num int) {
	t := &s.Health.Stumbles
	delete(t.Steps, step)
	if len(t.Marks) == 0 {
		return
	}
	if k, ok := s.marked()[num]; ok {
		if t.Well(k, step); t.Mark(k) == nil {
			delete(s.sore, num)
		}
	}
}

// marked are the numbers of the messages that broke sessions.
func (s *session) marked() map[int]uidl.Key {
	if s.sore != nil {
		return s.sore
	}
	s.sore = map[int]uidl.Key{}
	if len(s.Health.Stumbles.Marks) == 0 {
		return s.sore // a name for each of a million messages without a unique-id would be much garbage
	}
	want := map[uidl.Key]bool{}
	uids := map[string]bool{}
	for i := range s.Health.Stumbles.Marks {
		k := s.Health.Stumbles.Marks[i].Key()
		want[k], uids[k.UID] = true, true
	}
	dups := map[string]int{}
	for i := range s.list.Len() {
		k := standIn(s.list.At(i))
		if !uids[k.UID] {
			continue
		}
		k.Dup = dups[k.UID] // a listing is in the order of its numbers
		if dups[k.UID]++; want[k] {
			s.sore[s.list.At(i).Num] = k
		}
	}
	return s.sore
}

// keyOf is the ledger key of a listed message, or what stands for it while it has none.
func (s *session) keyOf(num int) (k uidl.Key, ok bool) {
	for i := range s.list.Len() {
		if e := s.list.At(i); e.Num == num {
			k, ok = standIn(e), true
		}
	}
	for i := range s.list.Len() {
		if e := s.list.At(i); ok && e.Num < num && standIn(e).UID == k.UID {
			k.Dup++
		}
	}
	return k, ok
}

// standIn is a key for a listed message: its unique-id, or its place.
func standIn(e pop3.Entry) uidl.Key {
	if e.HasUID {
		return uidl.Key{UID: e.UID}
	}
	return uidl.Key{UID: health.PlaceName + strconv.Itoa(e.Num) + ":" + strconv.FormatInt(e.Size, 10)}
}

// weighStumble charges what broke the last session. again tells that another one has a listing: so the network works.
func (p *turns) weighStumble(again bool) {
	st := p.stumble
	if p.stumble = nil; st == nil {
		return
	}
	v := verdict.Verdict{Class: verdict.Temporary, Message: words.Clip(st.err.Error()),
		Hint: "nothing that this session deleted counts; it is done again, and new mail is fetched all the same"}
	if st.sure && (again || verdict.Chargeable(st.err) && !errors.Is(st.err, os.ErrDeadlineExceeded)) {
		t := &p.account.Stumbles
		told := t.Steps[st.step] != nil && t.Steps[st.step].Times > 0
		if t.Charge(st.key, st.step, v.Message, p.account.Now()) {
			v.Message = health.RestText(st.step, t.Steps[st.step].Until)
			p.rec.Mention(v.Message)
			if told {
				return
			}
			v.Hint = words.Clip("the last time: " + st.err.Error())
		} else {
			v.Hint = health.MarkText(t.Mark(st.key), p.account.Now())
		}
		p.rec.BefellFirst(v) // it says more than a break that nobody is to blame for yet
		return
	}
	p.rec.Befell(v)
}

// forgetMarks drops the marks of messages that are not listed any more, and of those about which nothing is to be done.
func (s *session) forgetMarks(raw *pop3.Listing, complete bool) {
	t := &s.Health.Stumbles
	if len(t.Marks) == 0 || s.unread {
		return
	}
	places := map[uidl.Key]bool{}
	for i := range raw.Len() {
		if e := raw.At(i); !e.HasUID {
			places[standIn(e)] = true
		}
	}
	listed := map[uidl.Key]bool{}
	for _, k := range s.marked() {
		listed[k] = true
	}
	due := map[uidl.Key]bool{}
	for _, steps := range [][]plan.KnownStep{s.plan.Due, s.plan.Question, s.plan.Twins, s.plan.Stumps} {
		for i := range steps {
			due[steps[i].Key] = true
		}
	}
	for i := range s.plan.Fetch {
		due[s.plan.Fetch[i].Key] = true
	}
	now := s.now()
	t.Marks = slices.DeleteFunc(t.Marks, func(m health.StumbleMark) bool {
		k := m.Key()
		if strings.HasPrefix(k.UID, health.PlaceName) {
			return raw.Complete && !places[k] || s.noTop && m.Step == "TOP"
		}
		return complete && !listed[k] || listed[k] && !due[k] && !m.Alone(now)
	})
	s.sore = nil
}
