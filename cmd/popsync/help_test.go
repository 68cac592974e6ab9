package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/usage"
)

// No line of any help is wider than a terminal.
func TestHelpFits(t *testing.T) {
	var walk func(c *cobra.Command, path []string)
	walk = func(c *cobra.Command, path []string) {
		var out bytes.Buffer
		s := &console.Console{In: os.Stdin, Out: &out, Err: &out}
		if code := execute(t.Context(), append(path, "--help"), s); code != exit.OK {
			t.Errorf("%v --help: exit code %d", path, code)
		}
		for line := range strings.Lines(out.String()) {
			if line = strings.TrimRight(line, "\n"); utf8.RuneCountInString(line) > usage.Width {
				t.Errorf("%v --help has %d columns:\n%s", path, utf8.RuneCountInString(line), line)
			}
		}
		for _, sub := range c.Commands() {
			if sub.Name() != "completion" {
				walk(sub, append(path[:len(path):len(path)], sub.Name()))
			}
		}
	}
	walk((&app{}).root(), nil)
}

// Nor is any of what a newcomer looks at first.
func TestDemoFits(t *testing.T) {
	var out bytes.Buffer
	if code := execute(t.Context(), []string{"demo"}, &console.Console{In: os.Stdin, Out: &out, Err: &out}); code != exit.OK {
		t.Fatalf("exit code %d\n%s", code, out.String())
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > usage.Width {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}
