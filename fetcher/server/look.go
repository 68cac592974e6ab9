package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// Look lists as a pass does, and tells what that pass would say of it before it fetches anything: nothing where it would go on
// as usual. named is asked whether the server gave the account unique-ids before, where that decides. Where messages have none,
// the headers of the first few are asked for, as a pass would go by those; nothing is kept of them.
//
// With the error of a broken conversation comes no listing.
func Look(ctx context.Context, c *pop3.Client, a desk.Account, named func(ctx context.Context) (bool, error)) (l *pop3.Listing, said []verdict.Verdict, err error) {
	if l, err = ListTwice(ctx, c); err != nil {
		return nil, nil, err
	}
	if l.NoUIDL {
		refused := c.Capabilities().UIDL
		if !refused {
			if refused, err = named(ctx); err != nil {
				return nil, nil, err
			}
		}
		if refused {
			return l, []verdict.Verdict{verdict.Of(UIDLRefused(l))}, nil
		}
	}
	if !l.Complete {
		said = append(said, Incomplete(l))
	}
	if a.Policy.Delete == plan.DeleteAfterDelivery && a.Policy.Newest == 0 && !a.NeverDelete { // they are read, and deleted
		return l, said, nil
	}
	has, err := hasHeaders(ctx, c, l)
	if err != nil {
		return nil, nil, err
	}
	if !has {
		v := Unnamed
		if l.Refusal != "" {
			v.Message += " (to UIDL it said: " + l.Refusal + ")"
		}
		said = append(said, v)
	}
	return l, said, nil
}

// hasHeaders tells whether what has no unique-id has a header that TOP gives, by the first of them: a server without TOP
// refuses each.
func hasHeaders(ctx context.Context, c *pop3.Client, l *pop3.Listing) (bool, error) {
	var items []pop3.Item
	for i := 0; i < l.Len() && len(items) < MaxRefusedTops; i++ {
		if e := l.At(i); !e.HasUID {
			items = append(items, pop3.Item{Num: e.Num})
		}
	}
	if len(items) == 0 {
		return true, nil
	}
	c.Alone(true)
	defer c.Alone(false)
	has := false
	err := c.Top(ctx, 0, slices.Values(items), func(r pop3.Response) error {
		if r.Err != nil {
			return nil
		}
		has = true
		_, err := io.Copy(io.Discard, r.Body)
		return err
	})
	return has, err
}

// Named tells whether the rows of an account have unique-ids that its server gave.
func Named(ctx context.Context, l uidl.Account) (bool, error) {
	for row, err := range l.Messages(ctx) {
		if err != nil {
			return false, err
		}
		if !ownName(row.UID) {
			return true, nil
		}
	}
	return false, nil
}

// ownName tells whether a unique-id is one that popsync gave.
func ownName(uid string) bool {
	return strings.HasPrefix(uid, plan.HeaderName) || strings.HasPrefix(uid, plan.ContentName) || strings.HasPrefix(uid, plan.FormerName)
}

// UIDLRefused is errUIDLRefused with what the server said.
func UIDLRefused(l *pop3.Listing) error {
	if l.Refusal == "" {
		return errUIDLRefused
	}
	return fmt.Errorf("%w: %s", errUIDLRefused, l.Refusal)
}

// Incomplete is what is wrong with a listing that cannot be relied on.
func Incomplete(l *pop3.Listing) verdict.Verdict {
	v := verdict.Verdict{
		Class:   verdict.Temporary,
		Message: "UIDL and LIST of the server do not name the same messages: " + only(l.OnlyUIDL, l.OnlyLIST),
		Hint:    "those messages are not fetched, and none counts as gone; the next pass looks again. If it goes on, ask the provider",
	}
	if l.Bad > 0 {
		v.Message = words.Clip(fmt.Sprintf("%s of the server's listing made no sense: %s", words.Number(l.Bad, "line"), strings.Join(l.Problems, ", ")))
		v.Hint = "those messages are not fetched; if it goes on, ask the provider"
	}
	return v
}

// Unnamed is what is said of messages that stay unfetched because nothing tells new from old.
var Unnamed = verdict.Verdict{
	Class:   verdict.Config,
	Message: "there are messages that the server gives no unique-id (UIDL) and no header to know them by (TOP); they are not fetched",
	Hint:    `all others are fetched. These would be with delete = "after-delivery", but that deletes all mail on the server once it is delivered`,
}

// errUIDLRefused: under other names all mail that is known would look new.
var errUIDLRefused = errors.New("the server refuses UIDL, although it announced it or gave unique-ids before")

// only tells how many messages only one of the two listings has.
func only(inUIDL, inLIST int) string {
	var parts []string
	if inUIDL > 0 {
		parts = append(parts, words.Number(inUIDL, "message")+words.Plural(inUIDL, " is", " are")+" in UIDL alone")
	}
	if inLIST > 0 || inUIDL == 0 {
		parts = append(parts, words.Number(inLIST, "message")+words.Plural(inLIST, " is", " are")+" in LIST alone")
	}
	return strings.Join(parts, ", ")
}

// MaxRefusedTops is how many refusals in a row, and no success, show that a server has no TOP (optional in RFC 1939).
const MaxRefusedTops = 3
