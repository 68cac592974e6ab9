//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// play makes a history: runs, and between them what happens to servers, mail, files and configuration. Then all faults
// end, and a person does what the program says. The oracle has the last word.
func (w *histWorld) play() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for range 4 + w.n(9) {
		for range w.n(4) {
			w.happen()
		}
		w.pass()
		for _, l := range w.letters {
			l.hidden = max(0, l.hidden-1)
		}
		if w.chance(40) {
			w.snapshot()
		}
	}
	w.settle()
	w.judge()
}

// happen draws one event that fits.
func (w *histWorld) happen() {
	total := 0
	for _, e := range histEvents {
		total += e.weight
	}
	before, at := w.describeAll(), len(w.log)
	for range 20 {
		k := w.n(total)
		for _, e := range histEvents {
			if k -= e.weight; k >= 0 {
				continue
			}
			if len(w.accounts) > 0 && e.do(w) {
				w.log = slices.Insert(w.log, at, "* "+e.name)
				for _, line := range w.describeAll() {
					if !slices.Contains(before, line) {
						w.note("  %s", line)
					}
				}
				return
			}
			break
		}
	}
}

// pass is a run as cron would make it, or a person, who may do what it says.
func (w *histWorld) pass() {
	args := []string{"run"}
	if w.chance(30) {
		for _, a := range w.accounts {
			args = append(args, a.name)
		}
	}
	r := w.act(args...)
	w.noticed(r.err)
	if w.chance(30) && w.allMounted() {
		w.obey(r.err)
	}
}

// noticed: accounts whose pass has finished are known as the configuration has them now. Until then nothing else happens to
// them that would leave nobody a way to tell what they were.
func (w *histWorld) noticed(log string) {
	lines := histLog(log)
	for _, a := range w.accounts {
		if !slices.Contains(lines, histLine{Message: "pass finished", Account: a.name}) {
			continue
		}
		a.changed, a.blind = "", false
		for _, d := range a.dests {
			d.changed = ""
		}
	}
}

func (w *histWorld) allMounted() bool {
	return !slices.ContainsFunc(w.places, func(p *histPlace) bool { return p.stash != "" })
}

func (w *histWorld) anyBlind() bool {
	return slices.ContainsFunc(w.accounts, func(a *histAccount) bool { return a.blind })
}

// histLine is a line of popsync's log.
type histLine struct {
	Message string `json:"msg"`
	Account string `json:"account"`
	Next    string `json:"next_step"`
}

func histLog(text string) (lines []histLine) {
	for line := range strings.Lines(text) {
		var l histLine
		if json.Unmarshal([]byte(line), &l) == nil {
			lines = append(lines, l)
		}
	}
	return lines
}

var histAdvice = regexp.MustCompile(`popsync (check --adopt|accept) `)

// obey does what the program's log says next, and tells whether that was anything.
func (w *histWorld) obey(log string) (obeyed bool) {
	for _, said := range histLog(log) {
		if m := histAdvice.FindStringSubmatch(said.Next); m != nil {
			obeyed = true
			w.decide(append(strings.Fields(m[1]), said.Account)...)
		}
	}
	return obeyed
}

// decide is a person's word: check --adopt and the run that goes with it, or accept.
func (w *histWorld) decide(args ...string) {
	if args[0] == "accept" {
		if r := w.act(args...); r.code == 0 && !strings.Contains(r.out, "nothing is held back") {
			w.oracle.accepted = true
		}
		return
	}
	w.act(args...)
	w.act("run", args[len(args)-1])
}
