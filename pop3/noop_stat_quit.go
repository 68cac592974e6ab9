package pop3

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"time"
)

// Noop keeps the session alive (RFC 1939, section 5).
func (c *Client) Noop(ctx context.Context) error { return c.simple(ctx, "NOOP") }

// Reset takes back all deletions of this session (RFC 1939, section 5).
func (c *Client) Reset(ctx context.Context) error { return c.simple(ctx, "RSET") }

func (c *Client) simple(ctx context.Context, verb string) error {
	if err := c.begin(ctx, verb); err != nil {
		return err
	}
	defer c.end()
	return c.t.exchange(verb, nil, c.opt.Timeouts.Reply)
}

var errStat = errors.New("reply is not a count and a size")

// Stat returns how many messages the mailbox has and their octets together (RFC 1939, section 5). A size that makes
// no sense is 0; a count that makes none is a *ProtocolError.
func (c *Client) Stat(ctx context.Context) (n int, octets int64, err error) {
	if err := c.begin(ctx, "STAT"); err != nil {
		return 0, 0, err
	}
	defer c.end()
	if err := c.t.send("STAT", nil, c.opt.Timeouts.Reply); err != nil {
		return 0, 0, err
	}
	text, err := c.t.statusText("STAT", 0, c.opt.Timeouts.List)
	if err != nil {
		return 0, 0, err
	}
	n, octets, ok := parseStat(text)
	if !ok {
		c.t.broken = &ProtocolError{"STAT", 0, c.t.clean(text), errStat}
		return 0, 0, c.t.broken
	}
	return n, octets, nil
}

func parseStat(text []byte) (n int, octets int64, ok bool) {
	count := word(text)
	v, ok := parseNumber(count, maxNumber)
	if !ok {
		return 0, 0, false
	}
	octets, _ = parseNumber(word(bytes.TrimLeft(text, blanks)[len(count):]), maxSize)
	return int(v), octets, true
}

// scanOf tells whether the text after +OK is the scan listing of message n alone (RFC 1939, section 5), with blanks as in a
// listing. Nothing may follow: "2 400 octets" could be what a server says before a message.
func scanOf(text []byte, n int) bool {
	text = bytes.Trim(text, blanks)
	num := word(text)
	if v, ok := parseNumber(num, maxNumber); !ok || int(v) != n {
		return false
	}
	_, ok := parseNumber(bytes.TrimLeft(text[len(num):], blanks), maxSize)
	return ok
}

// Quit ends the session: the server now removes what was deleted (RFC 1939, section 6), says so, and the connection is
// closed, whatever happens. An error means that the deletions may not count; so, in truth, does +OK: the next
// listing tells.
func (c *Client) Quit(ctx context.Context) error {
	defer c.Close()
	if err := c.begin(ctx, "QUIT"); err != nil {
		return err
	}
	defer c.end()
	end := time.Now().Add(c.opt.Timeouts.Quit)
	if err := c.t.send("QUIT", nil, c.opt.Timeouts.Quit); err != nil {
		return err
	}
	return c.t.status("QUIT", 0, time.Until(end))
}

// number appends a decimal number.
func number(dst []byte, n int) []byte { return strconv.AppendInt(dst, int64(n), 10) }
