package steps

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
	Err  error // nil: +OK
}

// Stumbled notes that a step broke the session, if it did; err is what the client said.
func (s *Session) Stumbled(ctx context.Context, step string, err error) {
	if err == nil || ctx.Err() != nil || slices.ContainsFunc(s.Own, func(own error) bool { return errors.Is(err, own) }) {
		return
	}
	num, ok := BrokeAt(err)
	if !ok {
		return
	}
	if l := s.Behind; l != nil && l.Err != nil && verdict.Disconnected(err) {
		step, num = l.step, l.num
		err = fmt.Errorf("%w; then %w", l.Err, err)
	}
	s.brokeSession(step, num, err)
}

// brokeSession notes that a step with a message broke the session.
func (s *Session) brokeSession(step string, num int, err error) {
	key, ok := s.keyOf(num)
	if !ok {
		return
	}
	closed := s.Behind != nil && s.Behind.Err == nil && s.Behind.num == num // it was answered with +OK
	// What went well before may have been as much as the server takes, unless it was about the same message.
	first := s.others(num) == 0 && (!closed || s.Careful()) && !(s.Brought() && verdict.Disconnected(err)) || s.Naming
	if m := s.Account.Stumbles.Mark(key); m != nil && m.Times > 0 && m.Step != health.StepQuit && !closed {
		first = true // there is nothing else that it and the last time have in common
	}
	// A server may hold back what it has answered already, and fall silent.
	inOrder := verdict.Chargeable(err) && !verdict.LostStep(verdict.InSession(s.C, err)) && !errors.Is(err, os.ErrDeadlineExceeded)
	s.Turns.Stumble = &stumble{step: step, key: key, name: s.Naming, err: verdict.InSession(s.C, err), sure: first && (inOrder || !s.C.Pipelined())}
	done := s.went[step]
	if closed {
		done--
	}
	switch {
	case s.Turns.Stumble.sure:
		s.Turns.Load = nil
	case done > 0: // these again, then the one at which it broke by itself, which tells
		s.Turns.Load = []int{done, 1, max(1, done/2)}
	default:
		s.Turns.Load = []int{1, max(1, s.others(num)/2)}
	}
}

// Lives finds out whether the server closed after a refusal that was the last answer, or after a DELE in a session that is to
// tell: it would look as if what is asked next broke the session.
func (s *Session) Lives(ctx context.Context) error {
	if s.Behind == nil || s.Behind.Err == nil && !s.Careful() {
		return nil
	}
	err := s.C.Noop(ctx)
	if _, broken := BrokeAt(err); !broken {
		s.Survived()
		return nil
	}
	s.ClosedAfter(ctx, err)
	return err
}

// ClosedAfter notes that the connection had ended when something else was asked, right after the last step.
func (s *Session) ClosedAfter(ctx context.Context, err error) {
	if _, broken := BrokeAt(err); !broken || ctx.Err() != nil {
		return
	}
	l := s.Behind
	if l.Err != nil {
		s.brokeSession(l.step, l.num, fmt.Errorf("%w; then %w", l.Err, err))
		return
	}
	s.brokeSession(l.step, l.num, fmt.Errorf("%s %d: the server answered with +OK; then %w", l.step, l.num, err))
}

// others counts the steps that went well in this session and were about other messages.
func (s *Session) others(num int) int {
	return s.Done - s.stepsOf.of(num)
}

// BrokeAt is the number of the message at which the conversation broke; false: no error of the conversation.
func BrokeAt(err error) (num int, ok bool) {
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

// WentWell notes that a step about a known message was answered with +OK, and whole.
func (s *Session) WentWell(step string, num int) {
	if s.went == nil {
		s.went, s.stepsOf = map[string]int{}, stepCounts{}
	}
	s.went[step]++
	s.stepsOf.add(num)
	s.Done++
	s.Survived()
	if step == "DELE" { // whether the server lives on, the next answer tells
		s.Behind = &lastStep{step, num, nil}
		return
	}
	s.harmless(step, num)
}

// WasRefused notes that a step about a known message was answered with -ERR.
func (s *Session) WasRefused(step string, num int, err error) {
	s.Survived()
	s.Behind = &lastStep{step, num, err}
}

// Survived notes that the connection lives on after the last such step.
func (s *Session) Survived() {
	if l := s.Behind; l != nil {
		s.Behind = nil
		s.harmless(l.step, l.num)
	}
}

// Careful tells that it must be clear at which message the session breaks, if it does.
func (s *Session) Careful() bool {
	return s.Turns.Purpose == health.KnownMail || s.Turns.Purpose == health.OldTrouble
}

// harmless notes that a step with a message did not break the session.
func (s *Session) harmless(step string, num int) {
	t := &s.Account.Stumbles
	delete(t.Steps, step)
	if len(t.Marks) == 0 {
		return
	}
	if k, ok := s.Marked()[num]; ok {
		if t.Well(k, step); t.Mark(k) == nil {
			delete(s.Sore, num)
		}
	}
}

// Marked are the numbers of the messages that broke sessions.
func (s *Session) Marked() map[int]uidl.Key {
	if s.Sore != nil {
		return s.Sore
	}
	s.Sore = map[int]uidl.Key{}
	if len(s.Account.Stumbles.Marks) == 0 {
		return s.Sore // a name for each of a million messages without a unique-id would be much garbage
	}
	want := map[uidl.Key]bool{}
	uids := map[string]bool{}
	for i := range s.Account.Stumbles.Marks {
		k := s.Account.Stumbles.Marks[i].Key()
		want[k], uids[k.UID] = true, true
	}
	dups := map[string]int{}
	for i := range s.List.Len() {
		k := standIn(s.List.At(i))
		if !uids[k.UID] {
			continue
		}
		k.Dup = dups[k.UID] // a listing is in the order of its numbers
		if dups[k.UID]++; want[k] {
			s.Sore[s.List.At(i).Num] = k
		}
	}
	return s.Sore
}

// keyOf is the ledger key of a listed message, or what stands for it while it has none.
func (s *Session) keyOf(num int) (k uidl.Key, ok bool) {
	for i := range s.List.Len() {
		if e := s.List.At(i); e.Num == num {
			k, ok = standIn(e), true
		}
	}
	for i := range s.List.Len() {
		if e := s.List.At(i); ok && e.Num < num && standIn(e).UID == k.UID {
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

// ForgetMarks drops the marks of messages that are not listed any more, and of those about which nothing is to be done.
func (s *Session) ForgetMarks(raw *pop3.Listing, complete bool, pl *plan.Plan) {
	t := &s.Account.Stumbles
	if len(t.Marks) == 0 {
		return
	}
	places := map[uidl.Key]bool{}
	for i := range raw.Len() {
		if e := raw.At(i); !e.HasUID {
			places[standIn(e)] = true
		}
	}
	listed := map[uidl.Key]bool{}
	for _, k := range s.Marked() {
		listed[k] = true
	}
	due := map[uidl.Key]bool{} // of those: something is to be done
	note := func(k uidl.Key) {
		if listed[k] {
			due[k] = true
		}
	}
	for _, steps := range [][]plan.KnownStep{pl.Due, pl.Question, pl.Stumps} {
		for i := range steps {
			note(steps[i].Key)
		}
	}
	for i := range pl.Twins.Len() {
		note(pl.Twins.At(i).Key)
	}
	for i := range pl.Fetch {
		note(pl.Fetch[i].Key)
	}
	now := s.Account.Now()
	t.Marks = slices.DeleteFunc(t.Marks, func(m health.StumbleMark) bool {
		k := m.Key()
		if strings.HasPrefix(k.UID, health.PlaceName) {
			return raw.Complete && !places[k] || s.NoTop && m.Step == "TOP"
		}
		return complete && !listed[k] || listed[k] && !due[k] && !m.Alone(now)
	})
	s.Sore = nil
}
