package outcome

import (
	"fmt"
	"io"
	"strings"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/uidtext"
	"github.com/popsync/popsync/internal/words"
)

// Plan prints what a pass would do. width 0: lines are not broken.
func Plan(w io.Writer, r fetcher.Report, width int) error {
	if r.Verdict.Class != verdict.OK {
		_, err := fmt.Fprintf(w, "%s: %s\n", r.Account, words.Clip(r.Verdict.Message))
		return err
	}
	counts := map[string]int{}
	var size int64
	for _, s := range r.Steps {
		counts[s.Action]++
		if s.Action == "fetch" || s.Action == "retry" {
			size += s.Size
		}
	}
	head := fmt.Sprintf("%s: %d listed; would fetch %d (%s), delete %d, skip %d, keep %d", r.Account, r.Listed,
		counts["fetch"]+counts["retry"], words.Octets(size), counts["delete"], counts["skip"], r.Kept)
	if r.Pending > 0 {
		head += fmt.Sprintf(", %d on %s way", r.Pending, words.Plural(r.Pending, "its", "their"))
	}
	if r.Parked > 0 {
		head += fmt.Sprintf(", %d parked", r.Parked)
	}
	if n := counts["compare"]; n > 0 {
		head += fmt.Sprintf(", retrieve %d to compare", n)
	}
	if r.Held > 0 {
		head += fmt.Sprintf(", hold back %d until popsync accept %s", r.Held, r.Account)
	}
	fmt.Fprintln(w, screen.Wrap(head, "  ", width))
	for _, note := range r.Notes {
		fmt.Fprintln(w, "  "+screen.Wrap(words.Clip(note), "  ", screen.Less(width, true)))
	}
	if len(r.Steps) == 0 {
		return nil
	}
	_, err := fmt.Fprint(w, planText(r.Steps, width))
	return err
}

// planText are the steps as a table, each with a line about its message where that is known.
func planText(steps []fetcher.Step, width int) string {
	rows := [][]string{{"  STEP", "NUMBER", "SIZE", "UNIQUE-ID", "WHY"}}
	for _, s := range steps {
		rows = append(rows, []string{"  " + s.Action, fmt.Sprint(s.Num), words.Octets(s.Size), uidtext.Arg(s.UID), words.Clip(s.Reason)})
	}
	var b strings.Builder
	for i, line := range screen.Align(rows) {
		fmt.Fprintln(&b, line)
		if i > 0 {
			if text := insideText(steps[i-1]); text != "" {
				b.WriteString("    " + screen.Wrap(words.Clip(text), "      ", max(0, width-4)) + "\n")
			}
		}
	}
	return b.String()
}

// insideText is what a person knows a message by.
func insideText(s fetcher.Step) string {
	if s.From == "" && s.Date == "" && s.Subject == "" {
		return ""
	}
	var parts []string
	for _, part := range []string{s.Date, s.From} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return s.Subject
	}
	return strings.Join(parts, ", ") + ": " + s.Subject
}
