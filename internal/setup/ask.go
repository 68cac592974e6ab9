package setup

import (
	"context"
	"fmt"
	"strings"

	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/terminal"
	"github.com/popsync/popsync/internal/words"
)

// interactive tells whether a person is to be asked.
func (s *setup) interactive() bool { return !s.NonInteractive }

// asks tells whether there is a terminal to ask on.
func (s *setup) asks() bool { return s.In != nil && terminal.Is(s.In) }

// say prints a line for the person, broken where the terminal ends. Standard output is for what --print prints.
func (s *setup) say(format string, args ...any) { s.item("", format, args...) }

// item is say with what its first line begins with, below which the others stand.
func (s *setup) item(head, format string, args ...any) {
	width := 0
	if s.ErrTerm && s.ErrSize != nil {
		width, _ = s.ErrSize()
	}
	if width > 0 {
		width = max(width-len(head), 20)
	}
	indent := strings.Repeat(" ", max(len(head), 2))
	fmt.Fprintln(s.Err, head+screen.Wrap(words.Clip(fmt.Sprintf(format, args...)), indent, width))
}

// ask asks for a line; an empty answer is usual.
func (s *setup) ask(ctx context.Context, question, usual string) (string, error) {
	if usual != "" {
		question += " [" + words.Clip(usual) + "]"
	}
	said, err := terminal.Line(ctx, s.In, s.Err, question+": ")
	if said = strings.TrimSpace(said); said == "" {
		said = usual
	}
	return said, err
}

// must is ask until there is an answer that check takes; its error is shown.
func (s *setup) must(ctx context.Context, question, usual string, check func(string) error) (string, error) {
	for {
		said, err := s.ask(ctx, question, usual)
		if err != nil {
			return "", err
		}
		if err := check(said); err != nil {
			s.say("%s", err)
			continue
		}
		return said, nil
	}
}

// yes asks a question that is answered yes or no.
func (s *setup) yes(ctx context.Context, question string) (bool, error) {
	for {
		said, err := s.ask(ctx, question+" (yes/no)", "")
		if err != nil {
			return false, err
		}
		switch strings.ToLower(said) {
		case "yes", "y":
			return true, nil
		case "no", "n":
			return false, nil
		}
	}
}

// choose has one of several chosen, by its number; the first is usual.
func (s *setup) choose(ctx context.Context, question string, choices ...string) (int, error) {
	fmt.Fprintln(s.Err)
	s.say("%s", question)
	for i, c := range choices {
		fmt.Fprintf(s.Err, "  %d  %s\n", i+1, words.Clip(c))
	}
	for {
		said, err := s.ask(ctx, "Number", "1")
		if err != nil {
			return 0, err
		}
		for i := range choices {
			if said == fmt.Sprint(i+1) {
				return i, nil
			}
		}
		s.say("one of the numbers from 1 to %d", len(choices))
	}
}

// hidden asks for what must not be shown, until it is more than blanks.
func (s *setup) hidden(ctx context.Context, question string) (string, error) {
	for {
		said, err := terminal.Ask(ctx, s.In, s.Err, words.Clip(question)+" (it is not shown): ", s.Undo.Add)
		if err != nil || strings.TrimSpace(said) != "" {
			return said, err
		}
	}
}
