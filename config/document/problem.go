package document

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/popsync/popsync/internal/foreign"
)

// Problem is one thing that a person has to change. It never holds the value of a secret.
type Problem struct {
	File string // as the file was called
	Line int    // from 1; 0: concerns the whole file
	Col  int    // in bytes from 1, for syntax errors only; else 0
	Key  Path   // such as account.work.deliver[0].path, counted from 0; "" for the whole file and for syntax errors
	Text string // what is wrong
	Hint string // what to do about it; may be ""
}

// Error gives the problem in one line of printable characters: file:line: key: text (hint).
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(printable(p.File))
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.Col > 0 {
		fmt.Fprintf(&b, ":%d", p.Col)
	}
	b.WriteString(": ")
	if p.Key != "" {
		b.WriteString(string(p.Key) + ": ")
	}
	b.WriteString(printable(p.Text))
	if p.Hint != "" {
		b.WriteString(" (" + printable(p.Hint) + ")")
	}
	return b.String()
}

// Error is all problems of a document and of what it includes, by file and line.
type Error []Problem

// Error gives one line for each problem.
func (e Error) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap makes every Problem visible to errors.As.
func (e Error) Unwrap() []error {
	errs := make([]error, len(e))
	for i, p := range e {
		errs[i] = p
	}
	return errs
}

// Sort puts them into the order of the files, their names first.
func (e Error) Sort() {
	slices.SortStableFunc(e, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), cmp.Compare(a.Key, b.Key))
	})
}

// printable replaces what a terminal might act upon. Whether a screen takes more than ASCII is its writer's affair.
func printable(s string) string { return foreign.Tidy(s, 4096) }
