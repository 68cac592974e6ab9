package pop3

import (
	"context"
	"errors"
	"iter"
	"math"
)

// Retrieve sends RETR for items in order (RFC 1939, section 5) and calls handle once for each, in order, on the
// caller's goroutine. Where PIPELINING is announced, commands are sent ahead as Window allows, and at least one;
// items is asked for the next one after each reply, never at the same time as handle runs, and not again after an
// error. Neither may call the client.
//
// What handle leaves unread is read and dropped when it returns nil or ErrSkip. Any other error of handle ends the
// call: nothing more is sent, and Retrieve returns that error. Outstanding replies are dropped if that takes at most
// 1 MiB and 5 s, so that the session can go on; otherwise the client is broken.
//
// A message that grows far beyond its size by LIST is a *LimitError: see Item.Most.
//
// Other errors (*ConnError, *ProtocolError, *LimitError) break the client; their Num is the message at the head of the
// pipeline.
func (c *Client) Retrieve(ctx context.Context, items iter.Seq[Item], handle func(Response) error) error {
	return c.pipeline(ctx, job{verb: "RETR", body: true}, items, handle)
}

// Top is Retrieve with TOP: the header and the first lines of the body (RFC 1939, section 7).
func (c *Client) Top(ctx context.Context, lines int, items iter.Seq[Item], handle func(Response) error) error {
	if lines < 0 {
		return errors.New("pop3: TOP: negative number of lines")
	}
	return c.pipeline(ctx, job{verb: "TOP", body: true, top: true, lines: lines}, items, handle)
}

// Delete sends DELE for items in order (RFC 1939, section 5), like Retrieve. It takes effect at Quit. Sizes are not
// used.
func (c *Client) Delete(ctx context.Context, items iter.Seq[Item], handle func(Response) error) error {
	return c.pipeline(ctx, job{verb: "DELE"}, items, handle)
}

// DeleteQuit is Delete followed by Quit, in one flight where commands may be pipelined: whoever wants to note what is
// deleted does so before. quit is what Quit would return; err is of the part before it, and then it is not known whether
// QUIT was sent. The connection is closed, whatever happens.
func (c *Client) DeleteQuit(ctx context.Context, items iter.Seq[Item], handle func(Response) error) (quit, err error) {
	defer c.Close()
	err = c.pipeline(ctx, job{verb: "DELE", quit: &quit}, items, handle)
	return quit, err
}

// job is what the engine does for each item.
type job struct {
	verb  string
	body  bool // +OK is followed by a message
	top   bool
	lines int    // of TOP
	quit  *error // where the result of the QUIT goes that follows the last item; nil: none does
}

// verbOf is the command for an item.
func (j job) verbOf(it Item) string {
	switch it.Ask {
	case AskTop:
		return "TOP"
	case AskScan:
		return "LIST"
	case AskNoop:
		return "NOOP"
	}
	return j.verb
}

// bodyOf tells whether a message follows +OK.
func (j job) bodyOf(it Item) bool {
	return it.Ask == AskTop || it.Ask == AskMessage && j.body
}

// weight is how much of the window an item takes: its size, or what TOP is likely to bring.
func (j job) weight(it Item) int64 {
	const line, least, header = 64, 512, 8 << 10
	size := it.Size
	switch {
	case !j.bodyOf(it):
		return line
	case it.Ask == AskTop:
		size = min(size, header)
	case j.top:
		size = min(size, header+80*int64(j.lines))
	}
	return max(size, least)
}

// Octets that a message may have beside four times its size by LIST: sizes are wrong by a rule that rarely makes more than a
// few per cent. Where there is no size, most servers take no larger messages.
const (
	mostBeside   = 64 << 20
	mostUnlisted = 1 << 30
)

// most is how many octets the message of an item may have.
func (j job) most(it Item) int64 {
	switch {
	case it.Most > 0 && it.Ask == AskMessage:
		return it.Most
	case it.Ask == AskTop, j.top:
		return mostBeside + 128*int64(j.lines)
	case it.Size <= 0:
		return mostUnlisted
	}
	return mostBeside + 4*min(it.Size, math.MaxInt64/8)
}

// command appends the command for an item.
func (j job) command(t *talk, dst []byte, it Item) ([]byte, error) {
	if it.Ask == AskNoop {
		return t.command(dst, "NOOP", nil)
	}
	var scratch [48]byte
	arg := number(scratch[:0], it.Num)
	switch {
	case it.Ask == AskTop:
		arg = append(arg, " 0"...)
	case it.Ask == AskMessage && j.top:
		arg = number(append(arg, ' '), j.lines)
	}
	return t.command(dst, j.verbOf(it), arg)
}
