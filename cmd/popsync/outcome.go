package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/human"
	"github.com/popsync/popsync/internal/screen"
)

// outcomeText is a pass in a word or three; what went wrong stands below the table.
func outcomeText(r fetcher.Report) string {
	switch {
	case r.Stopped && (r.Verdict.Message == notStarted || r.Verdict.Message == daemonsNow):
		return r.Verdict.Message
	case r.Stopped:
		return "stopped"
	case r.Paused:
		return "paused"
	case r.Busy:
		return "busy"
	case r.Verdict.Class == fetcher.OK && r.Untried:
		return "waits"
	case r.Verdict.Class == fetcher.OK:
		return "ok"
	}
	return string(r.Verdict.Class)
}

// outcomeWords are the lines below the table about an account: what went wrong and the next step, and what else is to be said.
func outcomeWords(r fetcher.Report, width int) string {
	var b strings.Builder
	say := func(text string) {
		text, indent := screen.Printable(text), b.Len() > 0
		if indent {
			b.WriteString("  ")
		} else {
			text = r.Account + ": " + text
		}
		b.WriteString(screen.Wrap(text, "  ", screen.Less(width, indent)) + "\n")
	}
	if v := r.Verdict; v.Class != fetcher.OK && !r.Stopped {
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

// Why a pass was not seen to its end, as Report.Verdict says. They are compared: see stopText.
const (
	notStarted = "not started"
	daemonsNow = "the daemon goes on"
)

// unstarted is the report of a pass that did not begin because popsync was stopped.
func unstarted(account string) fetcher.Report {
	return fetcher.Report{Account: account, Stopped: true, Verdict: fetcher.Verdict{
		Class: fetcher.Temporary, Message: notStarted, Hint: "the next run goes on"}}
}

// unwatched is the report of a pass of the daemon's that nobody waits for any more.
func unwatched(account string) fetcher.Report {
	return fetcher.Report{Account: account, Stopped: true, Verdict: fetcher.Verdict{
		Class: fetcher.Temporary, Message: daemonsNow, Hint: "see popsync status"}}
}

// leftPaused is the report of an account that is left alone because it is paused.
func leftPaused(account string) fetcher.Report {
	return fetcher.Report{Account: account, Started: time.Now(), Untried: true, Paused: true,
		Verdict: fetcher.Verdict{Class: fetcher.OK}, Notes: []string{fetcher.PausedNote(account, time.Time{})}}
}

// stopText is what a person should know of a run that was stopped; "": it was not.
func stopText(reports []fetcher.Report) string {
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
		parts = append(parts, "stopped watching; the daemon goes on with "+human.Count(theirs, "account"))
	}
	switch {
	case ours == 0:
	case finished == 0 && messages == 0:
		parts = append(parts, "stopped; nothing was fetched")
	default:
		text := "stopped"
		if len(reports) > 1 {
			text += fmt.Sprintf(": %d of %s finished", finished, human.Count(len(reports), "account"))
		}
		if messages > 0 {
			text += fmt.Sprintf("; of the others %s came", human.Count(messages, "message"))
			if len(reports) == 1 {
				text = "stopped: " + human.Count(messages, "message") + " came"
			}
		}
		parts = append(parts, text+"; what was received whole is safe, and the next run goes on")
	}
	return strings.Join(parts, "; ")
}
