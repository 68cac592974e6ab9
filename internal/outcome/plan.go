package outcome

import (
	"bufio"
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
	for s := range r.Steps.All() {
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
	if r.Steps.Len() == 0 {
		return nil
	}
	return writePlan(w, r.Steps, width)
}

// writePlan writes the steps as a table, each with a line about its message where that is known. There may be a million: rows are
// made twice, once to see how wide they are.
func writePlan(w io.Writer, steps fetcher.Steps, width int) error {
	head := []string{"  STEP", "NUMBER", "SIZE", "UNIQUE-ID", "WHY"}
	row := func(s fetcher.Step) []string {
		return []string{"  " + s.Action, fmt.Sprint(s.Num), words.Octets(s.Size), uidtext.Arg(s.UID), words.Clip(s.Reason)}
	}
	var cols screen.Columns
	cols.Fit(head)
	for s := range steps.All() {
		cols.Fit(row(s))
	}
	b := bufio.NewWriterSize(w, 1<<16)
	fmt.Fprintln(b, cols.Line(head))
	for s := range steps.All() {
		fmt.Fprintln(b, cols.Line(row(s)))
		if text := insideText(s); text != "" {
			fmt.Fprintln(b, "    "+screen.Wrap(words.Clip(text), "      ", max(0, width-4)))
		}
	}
	return b.Flush()
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
