// Package floor is an ideal POP3 client for benchmarks: the least that has to be done to fetch a mailbox durably, as
// fast as reasonably possible. popsync's speed is given as a multiple of it.
//
// It fetches everything, in one session, through one window without limit, and makes 500 messages at a time durable
// with one system call. It remembers nothing, recognises nothing, resumes nothing and bears no fault:
// anything unexpected is an error, and duplicates or a loss after an error are not its concern. Never use it for
// mail that matters. It shares no code with popsync, or a slowness common to both would not show.
//
// POP3 is RFC 1939 with the pipelining of RFC 2449, section 6.8, which the server must have.
package floor

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

// Options say what to fetch and where to.
type Options struct {
	Addr           string      // host:port of a server
	TLS            *tls.Config // for TLS from the first byte; nil: plain text
	User, Password string
	Dir            string // Maildir; made when missing, its parent must exist; unused with ListOnly
	Delete         bool   // DELE every message once it is durable
	ListOnly       bool   // log in, UIDL and LIST, QUIT: what the cheapest possible pass costs
	Skip           int    // messages at the head of the listing that are neither fetched nor deleted: they are known
	Batch          int    // messages made durable at once; 0: 500
}

// Result is what a run did.
type Result struct {
	Listed   int           // messages on the server
	Messages int           // messages stored and durable
	Bytes    int64         // octets received for them, after undoing the dots
	Took     time.Duration // from before connecting until the reply to QUIT
}

// Run makes one session. When ctx ends, so does the connection, and Run with an error.
func Run(ctx context.Context, o Options) (res Result, err error) {
	if o.Batch <= 0 {
		o.Batch = 500
	}
	began := time.Now()
	defer func() { res.Took = time.Since(began) }()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", o.Addr)
	if err != nil {
		return res, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if o.TLS != nil {
		conn = tls.Client(conn, o.TLS)
	}

	c := &client{conn: conn, r: bufio.NewReaderSize(conn, 256<<10)}
	if err := c.login(o.User, o.Password); err != nil {
		return res, err
	}
	if res.Listed, err = c.list(); err != nil {
		return res, err
	}
	if !o.ListOnly && res.Listed > o.Skip {
		if err := c.fetch(o, &res); err != nil {
			return res, err
		}
	}
	if !o.Delete || o.ListOnly {
		o.Skip = res.Listed
	}
	return res, c.quit(o.Skip, res.Listed)
}

type client struct {
	conn net.Conn
	r    *bufio.Reader
}

func (c *client) send(s string) error {
	_, err := c.conn.Write([]byte(s))
	return err
}

// ok reads one status line and wants +OK.
func (c *client) ok(to string) error {
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("%s: %w", to, err)
	}
	if !bytes.HasPrefix(line, []byte("+OK")) {
		return fmt.Errorf("%s: server says %q", to, line)
	}
	return nil
}

func (c *client) login(user, password string) error {
	if err := c.ok("greeting"); err != nil {
		return err
	}
	if err := c.send("USER " + user + "\r\nPASS " + password + "\r\n"); err != nil {
		return err
	}
	return errors.Join(c.ok("USER"), c.ok("PASS"))
}

// list gets both listings in one round trip and counts the messages. The unique-ids are parsed by nobody.
func (c *client) list() (n int, err error) {
	if err := c.send("UIDL\r\nLIST\r\n"); err != nil {
		return 0, err
	}
	for _, command := range []string{"UIDL", "LIST"} {
		if err := c.ok(command); err != nil {
			return 0, err
		}
		for n = 0; ; n++ {
			line, err := c.r.ReadSlice('\n')
			if err != nil {
				return 0, fmt.Errorf("%s: %w", command, err)
			}
			if len(line) == 3 && line[0] == '.' {
				break
			}
		}
	}
	return n, nil
}

// quit deletes the messages after number skip and ends the session, in one round trip.
func (c *client) quit(skip, n int) error {
	sent := make(chan error, 1)
	go func() { sent <- c.command("DELE", skip, n, "QUIT\r\n") }()
	for range n - skip {
		if err := c.ok("DELE"); err != nil {
			c.conn.Close() // ends the writer
			<-sent
			return err
		}
	}
	err := c.ok("QUIT")
	if err != nil {
		c.conn.Close()
	}
	return errors.Join(err, <-sent)
}

// command writes a verb for the messages after skip up to n, then last.
func (c *client) command(verb string, skip, n int, last string) error {
	w := bufio.NewWriterSize(c.conn, 64<<10)
	for i := skip + 1; i <= n; i++ {
		fmt.Fprintf(w, "%s %d\r\n", verb, i)
	}
	w.WriteString(last)
	return w.Flush()
}
