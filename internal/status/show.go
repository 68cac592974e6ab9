package status

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/words"
)

// Show prints the screen: head, the table, and below it what is to be told, what needs a person first. attention: only accounts
// that need some were asked for. width 0: lines are not broken.
func Show(w io.Writer, head []string, all []Account, now time.Time, attention bool, width int) error {
	for _, text := range head {
		fmt.Fprintln(w, screen.Wrap(words.Clip(text), "  ", width))
	}
	fmt.Fprintln(w)
	if len(all) == 0 && attention {
		_, err := fmt.Fprintln(w, "nothing needs attention")
		return err
	}
	var rows [][]string
	for _, st := range all {
		rows = append(rows, []string{st.Account, words.Ago(st.LastSuccess, now), words.Until(st.NextRun, now), fmt.Sprint(st.New),
			fmt.Sprint(st.Kept), fmt.Sprint(st.Parked), st.stateText(now)})
	}
	if err := screen.Table(w, []string{"ACCOUNT", "LAST SUCCESS", "NEXT RUN", "NEW", "KEPT", "PARKED", "STATE"}, rows); err != nil {
		return err
	}
	_, err := w.Write([]byte(stories(all, now, width)))
	return err
}

// stateText is the state for people, of a running pass with how long and how far.
func (st *Account) stateText(now time.Time) string {
	if st.State != StateRunning || st.RunningSince.IsZero() {
		return string(st.State)
	}
	text := "running " + words.Span(now.Sub(st.RunningSince))
	switch p := st.Progress; {
	case p == nil:
	case p.Waiting != "":
		text += ", waiting for " + p.Waiting
	case p.Planned > 0:
		text += fmt.Sprintf(", %d of %s", p.Messages, words.Number(p.Planned, "message"))
	case p.Messages > 0:
		text += ", " + words.Number(p.Messages, "message")
	}
	return text
}

// stories is the text below the table, which begins with an empty line if there is any.
func stories(all []Account, now time.Time, width int) string {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(x, y Account) int { return cmp.Compare(x.rank(), y.rank()) })
	var b strings.Builder
	var never, cut []string
	for _, st := range sorted {
		switch {
		case st.Daemon:
		case st.State == StateUnfinished:
			cut = append(cut, st.Account)
		case st.State == StateNew:
			never = append(never, st.Account)
		}
		if st.rank() == rankNothing {
			continue
		}
		what, step := st.story(now)
		for i, text := range what {
			if text = words.Clip(text); i == 0 {
				text = st.Account + ": " + text
			} else {
				b.WriteString("  ")
			}
			b.WriteString(screen.Wrap(text, "  ", screen.Less(width, i > 0)) + "\n")
		}
		if step != "" {
			b.WriteString("  " + screen.Wrap("next step: "+words.Clip(step), "  ", screen.Less(width, true)) + "\n")
		}
	}
	foot := func(format string, args ...any) {
		b.WriteString(screen.Wrap(words.Clip(fmt.Sprintf(format, args...)), "  ", width) + "\n")
	}
	switch len(never) {
	case 0:
	case 1:
		foot("%s has not run yet; next step: popsync run %s", never[0], never[0])
	default:
		foot("%s have not run yet; next step: popsync run", words.Number(len(never), "account"))
	}
	switch len(cut) {
	case 0:
	case 1:
		foot("%s was begun and has not been seen to its end yet; next step: popsync run %s", cut[0], cut[0])
	default:
		foot("%s were begun and have not been seen to their end yet; next step: popsync run", words.Number(len(cut), "account"))
	}
	if b.Len() == 0 {
		return ""
	}
	return "\n" + b.String()
}
