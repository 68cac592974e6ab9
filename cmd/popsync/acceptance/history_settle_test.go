//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
)

// settle ends all faults, and lets popsync run until nothing changes any more.
func (w *histWorld) settle() {
	w.note("* all faults end; a person does what popsync says")
	w.trouble = histTrouble{}
	for _, b := range w.boxes { // what is no fault but a habit may stay
		if w.chance(50) {
			b.stamps, b.sizes = false, histTrue
		}
	}
	for _, l := range w.letters {
		l.hidden = 0
	}
	for _, p := range w.places {
		p.down.Store(false)
		p.cuts.Store(0)
		if p.stash != "" {
			w.mount(p)
		}
	}
	for _, a := range w.accounts {
		a.dests = slices.DeleteFunc(a.dests, func(d *histDest) bool { return d.mistake })
		for _, d := range a.dests {
			d.commented = false
		}
		w.act("resume", a.name)
	}
	for _, line := range w.describeAll() {
		w.note("  %s", line)
	}
	w.act("wake")
	for quiet, runs := 0, 0; quiet < 2; runs++ {
		if runs == 25 {
			w.oracle.complain("STUCK", "popsync has not come to an end after %d runs", runs)
			return
		}
		w.dayPasses()
		before := w.mailboxes()
		r := w.act("run")
		if w.obey(r.err) || !slices.Equal(before, w.mailboxes()) || histWaits.MatchString(r.err) && runs < 15 {
			quiet = 0
			continue
		}
		if quiet++; quiet < 2 {
			if w.obeyVerify() {
				quiet = 0
			}
		} else if r.code != 0 && !w.mayFail() {
			w.oracle.complain("STUCK", "exit code %d for ever: %s", r.code, strings.TrimSpace(r.err))
		}
	}
}

var histWaits = regexp.MustCompile(`messages? comes? shorter than the server lists`)

var histFinding = regexp.MustCompile(`(?m)^FAIL  (\S+): .*\n +next step: .*popsync check --adopt`)

// obeyVerify does what verify says.
func (w *histWorld) obeyVerify() (obeyed bool) {
	r := w.act("verify")
	done := map[string]bool{}
	for _, m := range histFinding.FindAllStringSubmatch(r.out, -1) {
		if !done[m[1]] {
			done[m[1]], obeyed = true, true
			w.decide("check", "--adopt", m[1])
		}
	}
	return obeyed
}

// mayFail: a message that is refused for good is a failure until a person gives it up.
func (w *histWorld) mayFail() bool {
	return slices.ContainsFunc(w.letters, func(l *histLetter) bool { return l.refused })
}

// judge asks the oracle about every message that the server still offers.
func (w *histWorld) judge() {
	for _, l := range w.letters {
		for _, a := range w.accounts {
			if a.box == l.box {
				required, _, _ := a.required()
				w.oracle.end(l.number, required)
			}
		}
	}
	if _, err := os.Stat(w.path("state")); err != nil {
		w.oracle.complain("EXIT", "there is no state_dir")
	}
}
