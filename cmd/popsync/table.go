package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// table writes rows in aligned columns.
func table(w io.Writer, head []string, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(head, "\t"))
	for _, r := range rows {
		cells := make([]string, len(r))
		for i := range r {
			cells[i] = printable(r[i])
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	return t.Flush()
}

// count is a number of things for people.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	if stem, ok := strings.CutSuffix(thing, "y"); ok {
		thing = stem + "ie"
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// octets is a size for people.
func octets(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}

// ago is a time for people, seen from now; zero is never.
func ago(unix int64, now time.Time) string {
	if unix == 0 {
		return "never"
	}
	d := now.Sub(time.Unix(unix, 0)).Round(time.Second)
	switch {
	case d < 0:
		return time.Unix(unix, 0).Format(time.DateTime)
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	}
	return fmt.Sprintf("%dd ago", int(d.Hours()/24))
}

// until is a time to come for people, seen from now.
func until(t, now time.Time) string {
	d := t.Sub(now).Round(time.Second)
	switch {
	case t.IsZero():
		return "-"
	case d <= 0:
		return "now"
	case d < time.Minute:
		return fmt.Sprintf("in %ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("in %dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("in %dh", int(d.Hours()))
	}
	return fmt.Sprintf("in %dd", int(d.Hours()/24))
}

// wrapped breaks text between words so that no line is wider than width, with an indent before all but the first line; a
// word that is too long stays whole, and so does what is quoted for a shell. Width 0: one line.
func wrapped(text, indent string, width int) string {
	var b strings.Builder
	col := 0
	for _, word := range wordsOf(text) {
		switch {
		case b.Len() == 0:
		case width > 0 && col+1+len(word) > width:
			b.WriteString("\n" + indent)
			col = len(indent)
		default:
			b.WriteByte(' ')
			col++
		}
		b.WriteString(word)
		col += len(word)
	}
	return b.String()
}

// wordsOf splits text at blanks, but for those within quotes: they may be part of a unique-id.
func wordsOf(text string) (words []string) {
	const blanks = " \t\n"
	for text = strings.TrimLeft(text, blanks); text != ""; text = strings.TrimLeft(text, blanks) {
		n := strings.IndexAny(text, blanks)
		if n < 0 {
			n = len(text)
		}
		if q := quotedEnd(text); q > n {
			n = q
		}
		words = append(words, text[:n])
		text = text[n:]
	}
	return words
}

// quotedEnd is the length of a word in single quotes that text begins with, with what stands right behind it; 0: there is none.
func quotedEnd(text string) int {
	start := strings.TrimPrefix(text, "$")
	if !strings.HasPrefix(start, "'") {
		return 0
	}
	for i := len(text) - len(start) + 1; i < len(text); i++ {
		if text[i] != '\'' || text[i-1] == '\\' {
			continue
		}
		rest := strings.TrimLeft(text[i+1:], ".,;:)")
		if rest == "" || rest[0] == ' ' {
			return len(text) - len(rest)
		}
	}
	return 0
}
