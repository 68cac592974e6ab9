package checkup

import (
	"context"
	"slices"
	"sync"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
)

// Level says what a finding of check means for whoever reads it.
type Level string

const (
	OK   Level = "ok"   // looked at, and as it should be
	Info Level = "info" // what is known, or was not looked at; there is nothing to do
	Note Level = "note" // no failure, and worth a look
	Fail Level = "fail" // a run would fail, or mail would go astray
)

// Finding is one thing that check looked at. Its JSON form is documented in docs/json.md.
type Finding struct {
	Level       Level  `json:"level"`
	Part        Part   `json:"part"`                  // what it is about
	Destination string `json:"destination,omitempty"` // of the account, by its name
	Key         string `json:"key,omitempty"`         // of the configuration
	Text        string `json:"text"`
	Next        string `json:"next_step,omitempty"`

	Class verdict.Class `json:"class,omitempty"` // of a failure
}

// Part is what a finding is about.
type Part string

// The parts.
const (
	PartConfiguration Part = "configuration"
	PartLedger        Part = "ledger"
	PartAlarm         Part = "alarm"
	PartDestination   Part = "destination"
	PartPassword      Part = "password"
	PartServer        Part = "server"
	PartLogin         Part = "login"
	PartMail          Part = "mail"
	PartLearned       Part = "learned"
)

// Step is what JSON says of a step.
type Step string

// How steps went.
const (
	StepOK       Step = "ok"
	StepFailed   Step = "failed"
	stepNotTried Step = "not_tried"
)

// Sheet is what check finds about one account, or about all that belongs to none. One goroutine writes it, and another may
// read it meanwhile.
type Sheet struct {
	account string // "": the configuration, the ledger, alarms
	ctx     context.Context
	ended   chan struct{} // closed when nothing more comes

	mu       sync.Mutex
	findings []Finding
	begun    bool
	cut      bool // it was stopped before its end
	whole    bool // its end was reached

	server, login Step   // see step
	messages      int    // listed; negative: not known
	destinations  []Seen // in the order of the configuration
}

// Seen is what became of a destination.
type Seen struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Result Step   `json:"result"` // StepOK, StepFailed or stepNotTried
}

// newSheet is an empty one: about an account and its destinations, or, with neither, about what belongs to none. When ctx ends,
// what fails is not noted any more.
func newSheet(ctx context.Context, account string, destinations ...Seen) *Sheet {
	s := &Sheet{account: account, ctx: ctx, ended: make(chan struct{}), server: stepNotTried, login: stepNotTried, messages: -1}
	for _, d := range destinations {
		d.Result = stepNotTried
		s.destinations = append(s.destinations, d)
	}
	return s
}

// Add notes a finding, once. A failure is not noted after the stop: it is because of that, as far as anybody can tell.
func (s *Sheet) Add(f Finding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Level == Fail && s.ctx.Err() != nil {
		s.cut = true
		return
	}
	if !slices.Contains(s.findings, f) { // a second connection finds the same
		s.findings = append(s.findings, f)
	}
}

// OK notes a finding of that level about a part, which is as it should be.
func (s *Sheet) OK(part Part, text string) { s.Add(Finding{Level: OK, Part: part, Text: text}) }

// Info notes what is known, or was not looked at.
func (s *Sheet) Info(part Part, text string) { s.Add(Finding{Level: Info, Part: part, Text: text}) }

// Note notes what is worth a look; next may be "".
func (s *Sheet) Note(part Part, text, next string) {
	s.Add(Finding{Level: Note, Part: part, Text: text, Next: next})
}

// Fail notes a failure; class says what it means.
func (s *Sheet) Fail(part Part, class verdict.Class, text, next string) {
	s.Add(Finding{Level: Fail, Part: part, Text: text, Next: next, Class: class})
}

// Judged notes the verdict on an error; none is no finding.
func (s *Sheet) Judged(part Part, v verdict.Verdict) {
	if v.Class != verdict.OK {
		s.Fail(part, v.Class, v.Message, fetcher.HintFor(s.account, v.Hint))
	}
}

// SetServer notes how the connection is protected, or StepFailed.
func (s *Sheet) SetServer(how Step) { s.set(func() { s.server = how }) }

// SetLogin notes how the login went: StepOK or StepFailed.
func (s *Sheet) SetLogin(step Step) { s.set(func() { s.login = step }) }

// SetMessages notes how many messages the server lists.
func (s *Sheet) SetMessages(n int) { s.set(func() { s.messages = n }) }

// SetDestination notes how the look at a destination went, by its place in the configuration.
func (s *Sheet) SetDestination(i int, step Step) { s.set(func() { s.destinations[i].Result = step }) }

// LoginFailed tells whether that was noted.
func (s *Sheet) LoginFailed() bool { return s.Copy().login == StepFailed }

// Account is the account that it is about; "": none.
func (s *Sheet) Account() string { return s.account }

// Begun tells whether anything was looked at.
func (s *Sheet) Begun() bool { return s.Copy().begun }

// Whole tells whether all was looked at.
func (s *Sheet) Whole() bool { return s.Copy().whole }

// Ended is closed when nothing more comes.
func (s *Sheet) Ended() <-chan struct{} { return s.ended }

// set changes what the table shows.
func (s *Sheet) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *Sheet) begin() { s.set(func() { s.begun = true }) }

// end says that nothing more comes.
func (s *Sheet) end() {
	s.set(func() { s.whole = s.begun && !s.cut && s.ctx.Err() == nil })
	close(s.ended)
}

// Copy is what is known by now, for who reads.
func (s *Sheet) Copy() *Sheet {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Sheet{account: s.account, findings: slices.Clone(s.findings), begun: s.begun, cut: s.cut, whole: s.whole,
		server: s.server, login: s.login, messages: s.messages, destinations: slices.Clone(s.destinations)}
}

// Class is the gravest that was found.
func (s *Sheet) Class() verdict.Class {
	worst := verdict.OK
	for _, f := range s.findings {
		if f.Level == Fail && verdict.Worse(f.Class, worst) {
			worst = f.Class
		}
	}
	return worst
}

// FailedElsewhere tells whether something failed that is not about this part.
func (s *Sheet) FailedElsewhere(part Part) bool {
	return slices.ContainsFunc(s.Copy().findings, func(f Finding) bool { return f.Level == Fail && f.Part != part })
}

func (s *Sheet) notes() (n int) {
	for _, f := range s.findings {
		if f.Level == Note {
			n++
		}
	}
	return n
}
