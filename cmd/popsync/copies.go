package main

import (
	"io"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/maildir"
	"github.com/popsync/popsync/deliver/spool"
)

// copyOpener opens what waits for a destination, by its identity.
func copyOpener(cfg *config.Config) func(string, deliver.Ticket) (io.ReadCloser, error) {
	return func(identity string, t deliver.Ticket) (io.ReadCloser, error) {
		if spool.IsTicket(t) {
			return spool.OpenCopy(spoolRoot(cfg), identity, t)
		}
		return maildir.OpenCopy(t)
	}
}
