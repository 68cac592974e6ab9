package main

import (
	"context"
	"slices"
	"sync"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
)

// level says what a finding of check means for whoever reads it.
type level string

const (
	levelOK   level = "ok"   // looked at, and as it should be
	levelInfo level = "info" // what is known, or was not looked at; there is nothing to do
	levelNote level = "note" // no failure, and worth a look
	levelFail level = "fail" // a run would fail, or mail would go astray
)

// finding is one thing that check looked at. Its JSON form is documented in docs/json.md.
type finding struct {
	Level       level  `json:"level"`
	Part        string `json:"part"`                  // what it is about
	Destination string `json:"destination,omitempty"` // of the account, by its name
	Key         string `json:"key,omitempty"`         // of the configuration
	Text        string `json:"text"`
	Next        string `json:"next_step,omitempty"`

	Class fetcher.Class `json:"class,omitempty"` // of a failure
}

// The parts of findings.
const (
	partConfiguration = "configuration"
	partLedger        = "ledger"
	partAlarm         = "alarm"
	partDestination   = "destination"
	partPassword      = "password"
	partServer        = "server"
	partLogin         = "login"
	partMail          = "mail"
	partLearned       = "learned"
)

// What JSON says of steps.
const (
	stepOK       = "ok"
	stepFailed   = "failed"
	stepNotTried = "not_tried"
)

// sheet is what check finds about one account, or about all that belongs to none. One goroutine writes it, and another may
// read it meanwhile.
type sheet struct {
	account string // "": the configuration, the ledger, alarms
	ctx     context.Context
	ended   chan struct{} // closed when nothing more comes

	mu       sync.Mutex
	findings []finding
	begun    bool
	cut      bool // it was stopped before its end
	whole    bool // its end was reached

	server, login string // see step
	messages      int    // listed; negative: not known
	destinations  []seen // in the order of the configuration
}

// seen is what became of a destination.
type seen struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Result string `json:"result"` // stepOK, stepFailed or stepNotTried
}

func newSheet(ctx context.Context, account string, deliver []config.Deliver) *sheet {
	s := &sheet{account: account, ctx: ctx, ended: make(chan struct{}), server: stepNotTried, login: stepNotTried, messages: -1}
	for _, d := range deliver {
		s.destinations = append(s.destinations, seen{d.Name, d.Type, stepNotTried})
	}
	return s
}

func (s *sheet) add(f finding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Level == levelFail && s.ctx.Err() != nil {
		s.cut = true // it is because of the stop, as far as anybody can tell
		return
	}
	if !slices.Contains(s.findings, f) { // a second connection finds the same
		s.findings = append(s.findings, f)
	}
}

func (s *sheet) ok(part, text string)   { s.add(finding{Level: levelOK, Part: part, Text: text}) }
func (s *sheet) info(part, text string) { s.add(finding{Level: levelInfo, Part: part, Text: text}) }
func (s *sheet) note(part, text, next string) {
	s.add(finding{Level: levelNote, Part: part, Text: text, Next: next})
}

func (s *sheet) fail(part string, class fetcher.Class, text, next string) {
	s.add(finding{Level: levelFail, Part: part, Text: text, Next: next, Class: class})
}

// judged notes the verdict on an error; none is no finding.
func (s *sheet) judged(part string, v fetcher.Verdict) {
	if v.Class != fetcher.OK {
		s.fail(part, v.Class, v.Message, fetcher.HintFor(s.account, v.Hint))
	}
}

// set changes what the table shows.
func (s *sheet) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *sheet) begin() { s.set(func() { s.begun = true }) }

// end says that nothing more comes.
func (s *sheet) end() {
	s.set(func() { s.whole = s.begun && !s.cut && s.ctx.Err() == nil })
	close(s.ended)
}

// copied is what is known by now, for who reads.
func (s *sheet) copied() *sheet {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &sheet{account: s.account, findings: slices.Clone(s.findings), begun: s.begun, cut: s.cut, whole: s.whole,
		server: s.server, login: s.login, messages: s.messages, destinations: slices.Clone(s.destinations)}
}

// class is the gravest that was found.
func (s *sheet) class() fetcher.Class {
	worst := fetcher.OK
	for _, f := range s.findings {
		if f.Level == levelFail && fetcher.Worse(f.Class, worst) {
			worst = f.Class
		}
	}
	return worst
}

func (s *sheet) notes() (n int) {
	for _, f := range s.findings {
		if f.Level == levelNote {
			n++
		}
	}
	return n
}
