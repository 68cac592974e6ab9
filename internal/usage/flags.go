package usage

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/internal/exit"
)

// examples stand for what usage lines and flags name.
var examples = map[string]string{"ACCOUNT": "work", "DESTINATION": "archive", "UID": "0000a3f2-17", "UNIQUE-ID": "0000a3f2-17", "N|DURATION": "2h"}

// exampleOf is a command line that would be understood.
func exampleOf(c *cobra.Command) string {
	if first, _, _ := strings.Cut(strings.TrimSpace(c.Example), "\n"); first != "" {
		return first
	}
	line := c.CommandPath()
	for _, word := range strings.Fields(c.Use)[1:] {
		if example := examples[strings.TrimRight(strings.Trim(word, "[]"), ".")]; example != "" {
			line += " " + example
		}
	}
	return line
}

// WrongFlag says in one line what is expected, and an example.
func WrongFlag(c *cobra.Command, err error) error {
	var named interface{ GetSpecifiedName() string } // it is not known, or lacks its value
	var wrong interface {
		GetValue() string
		Unwrap() error
	}
	switch {
	case errors.As(err, &wrong):
		_, flag, _ := strings.Cut(strings.TrimPrefix(err.Error(), fmt.Sprintf("invalid argument %q", wrong.GetValue())), "--")
		flag, _, _ = strings.Cut(flag, `"`)
		if f := c.Flags().Lookup(flag); f != nil && f.Value.Type() == "bool" {
			return exit.Errorf(exit.Usage, "--%s takes no value, for example: %s", flag, withFlag(c, flag))
		} else if f != nil {
			return exit.Errorf(exit.Usage, "--%s %s: %w, for example: %s", flag, wrong.GetValue(), wrong.Unwrap(), withFlag(c, flag))
		}
	case errors.As(err, &named):
		if c.Flags().Lookup(named.GetSpecifiedName()) != nil {
			return exit.Errorf(exit.Usage, "%w, for example: %s", err, withFlag(c, named.GetSpecifiedName()))
		}
	}
	return exit.Errorf(exit.Usage, "%w, for example: %s", err, exampleOf(c))
}

// withFlag is a command line with one of its flags, and nothing else.
func withFlag(c *cobra.Command, flag string) string {
	line := c.CommandPath() + " --" + flag
	f := c.Flags().Lookup(flag)
	if f.Value.Type() == "bool" {
		return line
	}
	name := f.Value.Type()
	if parts := strings.Split(f.Usage, "`"); len(parts) == 3 {
		name = parts[1]
	}
	if example := examples[name]; example != "" {
		name = example
	}
	return line + " " + name
}
