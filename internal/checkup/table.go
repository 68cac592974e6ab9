package checkup

import (
	"fmt"
	"io"
	"strings"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/words"
)

// checkTable writes one row for each account.
func checkTable(w io.Writer, accounts []*Sheet) error {
	head := []string{"ACCOUNT", "SERVER", "LOGIN", "MAIL", "DESTINATIONS", "RESULT"}
	var rows [][]string
	for _, s := range accounts {
		rows = append(rows, s.cells())
	}
	return screen.FitTable(w, head, rows)
}

// cells are the columns of an account's row.
func (s *Sheet) cells() []string {
	mail := "-"
	if s.messages >= 0 {
		mail = fmt.Sprint(s.messages)
	}
	step := func(state Step) string {
		switch state {
		case stepNotTried:
			return "-"
		case StepFailed:
			return "FAIL"
		}
		return string(state)
	}
	return []string{s.account, step(s.server), step(s.login), mail, s.destinationsText(), s.resultText()}
}

func (s *Sheet) destinationsText() string {
	failed, looked := 0, 0
	for _, d := range s.destinations {
		if d.Result != stepNotTried {
			looked++
		}
		if d.Result == StepFailed {
			failed++
		}
	}
	switch {
	case failed > 0 && len(s.destinations) == 1:
		return "FAIL"
	case failed > 0:
		return fmt.Sprintf("FAIL %d of %d", failed, len(s.destinations))
	case looked == 0:
		return "-"
	case looked < len(s.destinations):
		return fmt.Sprintf("ok %d of %d", looked, len(s.destinations))
	}
	return string(StepOK)
}

func (s *Sheet) resultText() string {
	switch c := s.Class(); {
	case !s.begun:
		return "not looked at"
	case c != verdict.OK:
		return "FAIL " + string(c)
	case !s.whole:
		return "stopped"
	}
	if n := s.notes(); n > 0 {
		return "ok, " + words.Number(n, "note")
	}
	return string(StepOK)
}

// verdictLines say who failed, or that nobody did. Of one account its findings say that.
func verdictLines(all []*Sheet, stopped bool) (lines []string) {
	general, accounts := all[0], all[1:]
	var bad []string
	skipped, cut, noted := 0, 0, 0
	for _, s := range accounts {
		switch {
		case !s.begun:
			skipped++
		case !s.whole:
			cut++
		}
		if c := s.Class(); c != verdict.OK {
			bad = append(bad, s.account+" ("+string(c)+")")
		}
		if s.notes() > 0 {
			noted++
		}
	}
	if len(accounts) > 1 {
		if c := general.Class(); c != verdict.OK {
			lines = append(lines, "FAIL at the top is about all accounts ("+string(c)+")")
		}
		switch {
		case len(bad) > 0:
			const most = 20
			names := strings.Join(bad[:min(len(bad), most)], ", ")
			if more := len(bad) - most; more > 0 {
				names += fmt.Sprintf(" and %d more", more)
			}
			lines = append(lines, fmt.Sprintf("%d of %s failed: %s", len(bad), words.Number(len(accounts), "account"), names))
		case stopped || len(lines) > 0:
		case noted > 0:
			lines = append(lines, "nothing failed; there are notes about "+words.Number(noted, "account"))
		default:
			lines = append(lines, "nothing failed")
		}
	}
	if stopped {
		line := "stopped; " + words.Number(skipped, "account") + " not looked at"
		if cut > 0 {
			line += fmt.Sprintf(", %d only in part", cut)
		}
		lines = append(lines, line)
	}
	return lines
}
