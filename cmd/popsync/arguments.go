package main

import "github.com/spf13/cobra"

// named wants so many arguments as what has, and tells what they are.
func (a *app) named(what, example string) cobra.PositionalArgs {
	return a.expects(1, what, example)
}

// atLeast is expects for so many arguments or more.
func (a *app) atLeast(n int, what, example string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < n {
			return fail(exitUsage, "expected is %s, for example: popsync %s", what, example)
		}
		return nil
	}
}

// alone is for a command that is about all accounts.
func (a *app) alone(example string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fail(exitUsage, "%q is too much: nothing is expected behind it, just: popsync %s", args[0], example)
		}
		return nil
	}
}

func (a *app) expects(n int, what, example string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return fail(exitUsage, "expected is %s, for example: popsync %s", what, example)
		}
		return nil
	}
}
