package server

import (
	"context"

	"github.com/popsync/popsync/pop3"
)

// ListTwice lists, and once more where UIDL and LIST do not name the same messages: mail may have come or gone between the
// two, and then they agree the second time. Where they do not, the listing is not complete: see Incomplete.
func ListTwice(ctx context.Context, c *pop3.Client) (*pop3.Listing, error) {
	list, err := c.List(ctx)
	if err != nil || list.OnlyUIDL+list.OnlyLIST == 0 {
		return list, err
	}
	list = nil // two of a million messages are one too many
	return c.List(ctx)
}
