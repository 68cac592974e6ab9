package main

import (
	"context"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/newmail"
)

// newMailOf runs an account's new_mail_command; nil: it has none.
func newMailOf(c config.Account) (func(context.Context, fetcher.Report) error, error) {
	path := ""
	for _, d := range c.Deliver {
		switch {
		case path != "" || d.Fallback:
		case d.Mbox != nil:
			path = d.Mbox.Path
		default:
			path = folderOf(d)
		}
	}
	return newmail.Command(c.NewMail, c.Name, path)
}
