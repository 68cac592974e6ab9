// Package outcome says what became of passes, or what would, for the person that runs 'popsync run': a table with what went wrong
// below it, the plan of a dry run, and what a stop has left. It also words what was not seen to its end.
//
// It knows reports and nothing else. What programs read is the report itself, as JSON.
package outcome

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/words"
)

// Word is a pass in a word or three; what went wrong stands below the table.
func Word(r fetcher.Report) string {
	switch {
	case r.Stopped && (r.Verdict.Message == notStarted || r.Verdict.Message == daemonsNow):
		return r.Verdict.Message
	case r.Stopped:
		return "stopped"
	case r.Paused:
		return "paused"
	case r.Busy:
		return "busy"
	case r.Verdict.Class == verdict.OK && r.Untried:
		return "waits"
	case r.Verdict.Class == verdict.OK:
		return "ok"
	}
	return string(r.Verdict.Class)
}

// below are the lines below the table about an account: what went wrong and the next step, and what else is to be said.
func below(r fetcher.Report, width int) string {
	var b strings.Builder
	say := func(text string) {
		text, indent := words.Clip(text), b.Len() > 0
		if indent {
			b.WriteString("  ")
		} else {
			text = r.Account + ": " + text
		}
		b.WriteString(screen.Wrap(text, "  ", screen.Less(width, indent)) + "\n")
	}
	if v := r.Verdict; v.Class != verdict.OK && !r.Stopped {
		say(v.Message)
		if v.Hint != "" {
			say("next step: " + v.Hint)
		}
	}
	for _, note := range r.Notes {
		say(note)
	}
	return b.String()
}

// Table prints a row for each pass, and below it what went wrong and what is to be known. width 0: lines are not broken.
func Table(w io.Writer, reports []fetcher.Report, width int) error {
	var rows [][]string
	for _, r := range reports {
		rows = append(rows, []string{r.Account, fmt.Sprint(r.New), words.Octets(r.Bytes), fmt.Sprint(r.Kept), fmt.Sprint(r.Deleted),
			fmt.Sprint(r.Skipped), fmt.Sprint(r.Parked), Word(r)})
	}
	if err := screen.FitTable(w, []string{"ACCOUNT", "NEW", "SIZE", "KEPT", "DELETED", "SKIPPED", "PARKED", "OUTCOME"}, rows); err != nil {
		return err
	}
	var text strings.Builder
	for _, r := range reports {
		text.WriteString(below(r, width))
	}
	if text.Len() == 0 {
		return nil
	}
	_, err := io.WriteString(w, "\n"+text.String())
	return err
}

// Why a pass was not seen to its end, as Report.Verdict says. They are compared: see Stop and GoesOn.
const (
	notStarted = "not started"
	daemonsNow = "the daemon goes on"
)

// Unstarted is the report of a pass that did not begin because popsync was stopped.
func Unstarted(account string) fetcher.Report {
	return fetcher.Report{Account: account, Stopped: true, Verdict: verdict.Verdict{
		Class: verdict.Temporary, Message: notStarted, Hint: "the next run goes on"}}
}

// Unwatched is the report of a pass of the daemon's that nobody waits for any more.
func Unwatched(account string) fetcher.Report {
	return fetcher.Report{Account: account, Stopped: true, Verdict: verdict.Verdict{
		Class: verdict.Temporary, Message: daemonsNow, Hint: "see popsync status"}}
}

// GoesOn tells whether the daemon goes on with a pass that nobody waits for any more: see Unwatched.
func GoesOn(r fetcher.Report) bool { return r.Stopped && r.Verdict.Message == daemonsNow }

// Paused is the report of an account that is left alone because it is paused.
func Paused(account string) fetcher.Report {
	return fetcher.Report{Account: account, Started: time.Now(), Untried: true, Paused: true,
		Verdict: verdict.Verdict{Class: verdict.OK}, Notes: []string{health.PausedNote(account, time.Time{})}}
}

// Stop is what a person should know of a run that was stopped; "": it was not.
func Stop(reports []fetcher.Report) string {
	finished, theirs, ours, messages := 0, 0, 0, 0
	for _, r := range reports {
		switch {
		case !r.Stopped:
			finished++
		case r.Verdict.Message == daemonsNow:
			theirs++
		default:
			ours++
			messages += r.New
		}
	}
	if theirs+ours == 0 {
		return ""
	}
	var parts []string
	if theirs > 0 {
		parts = append(parts, "stopped watching; the daemon goes on with "+words.Number(theirs, "account"))
	}
	switch {
	case ours == 0:
	case finished == 0 && messages == 0:
		parts = append(parts, "stopped; nothing was fetched")
	default:
		text := "stopped"
		if len(reports) > 1 {
			text += fmt.Sprintf(": %d of %s finished", finished, words.Number(len(reports), "account"))
		}
		if messages > 0 {
			text += fmt.Sprintf("; of the others %s came", words.Number(messages, "message"))
			if len(reports) == 1 {
				text = "stopped: " + words.Number(messages, "message") + " came"
			}
		}
		parts = append(parts, text+"; what was received whole is safe, and the next run goes on")
	}
	return strings.Join(parts, "; ")
}
