package main

import (
	"github.com/spf13/cobra"
)

// traceFlag adds --trace, which writes down what passes on the wire.
func traceFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "trace", "", "write the wire to a new `FILE`, without secrets")
}

// trace begins the transcript in a new file; "": nobody wants one. over ends it.
func (a *app) trace(file string) (over func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	a.transcript, over, err = a.Trace(file)
	return over, err
}
