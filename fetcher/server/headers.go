package server

import (
	"context"
	"io"
	"iter"
	"slices"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// Headers gets the headers of messages by TOP (RFC 1939, section 7), one after the other, for people to look at. It logs in, and
// takes no lease: a pass may run, and the server may then refuse to open the mailbox twice. take is called for each message that the
// server gives, with a reader that is good for the length of the call; its error ends all. found is how many there were. What a
// caller must wait for is in State. Errors are judged by Judge.
func Headers(ctx context.Context, a desk.Account, keys []uidl.Key, take func(uidl.Key, io.Reader) error) (found int, err error) {
	found, err = headers(ctx, a, keys, take)
	if err != nil && found == 0 && !a.Server.NoCapa && pop3.BrokenByCapa(err) { // once it was logged in: see Dial
		a.Server.NoCapa = true
		return headers(ctx, a, keys, take)
	}
	return found, err
}

func headers(ctx context.Context, a desk.Account, keys []uidl.Key, take func(uidl.Key, io.Reader) error) (found int, err error) {
	o := a.Server
	o.NoPipelining = true
	c, err := Dial(ctx, o)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if err := c.Login(ctx, a.Login); err != nil {
		return 0, err
	}
	list, err := c.List(ctx)
	if err != nil {
		return 0, err
	}
	dups := map[string]int{} // of the unique-ids that are looked for
	for _, k := range keys {
		dups[k.UID] = 0
	}
	var nums []int
	of := map[int]uidl.Key{}
	for i := range list.Len() { // in the order of its numbers
		e := list.At(i)
		dup, wanted := dups[e.UID]
		if !wanted || !e.HasUID {
			continue
		}
		dups[e.UID]++
		if k := (uidl.Key{UID: e.UID, Dup: dup}); slices.Contains(keys, k) {
			nums, of[e.Num] = append(nums, e.Num), k
		}
	}
	var items iter.Seq[pop3.Item] = func(yield func(pop3.Item) bool) {
		for _, n := range nums {
			if !yield(pop3.Item{Num: n}) {
				return
			}
		}
	}
	var refused error
	err = c.Top(ctx, 0, items, func(r pop3.Response) error {
		if r.Err != nil {
			refused = r.Err
			return nil
		}
		found++
		return take(of[r.Num], r.Body)
	})
	if err == nil && found == 0 {
		err = refused
	}
	if err != nil {
		return found, err
	}
	_ = c.Quit(ctx) // there is nothing that QUIT could make count
	return found, nil
}
