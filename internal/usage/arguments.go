// Package usage says what is wrong with a command line, in one line and with an example, and makes help fit any terminal.
//
// The commands say what they expect. Its errors have the exit code of a wrong usage.
package usage

import (
	"github.com/spf13/cobra"

	"github.com/popsync/popsync/internal/exit"
)

// One wants one argument; what says what it is.
func One(what, example string) cobra.PositionalArgs {
	return Exactly(1, what, example)
}

// AtLeast is Exactly for so many arguments or more.
func AtLeast(n int, what, example string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < n {
			return exit.Errorf(exit.Usage, "expected is %s, for example: popsync %s", what, example)
		}
		return nil
	}
}

// None is for a command that is about all accounts.
func None(example string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return exit.Errorf(exit.Usage, "%q is too much: nothing is expected behind it, just: popsync %s", args[0], example)
		}
		return nil
	}
}

// Exactly wants n arguments; what says what they are.
func Exactly(n int, what, example string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return exit.Errorf(exit.Usage, "expected is %s, for example: popsync %s", what, example)
		}
		return nil
	}
}

// UIDs wants an account and at least so many unique-ids.
func UIDs(least int, what, example string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < 1+least {
			return exit.Errorf(exit.Usage, "expected is %s, for example: popsync %s", what, example)
		}
		return nil
	}
}

// Dashes tells whoever names a unique-id that looks like an option how to.
func Dashes(c *cobra.Command, err error) error {
	return exit.Errorf(exit.Usage, "%w (a unique-id that begins with '-' comes behind --, as in: popsync %s work -- -UID)", err, c.Name())
}
