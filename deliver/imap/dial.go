package imap

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/popsync/popsync/internal/trust"
)

// dial connects, starts TLS as asked for, logs in and learns how the folder is called there. ctx bounds all of it.
func dial(ctx context.Context, o *Options) (*session, error) {
	bounded, cancel := context.WithTimeout(ctx, o.Timeouts.Connect)
	conn, err := o.Dial(bounded, "tcp", o.Address)
	cancel()
	log := o.Transcript.Connect(o.Address, err)
	if err != nil {
		return nil, &connError{verb: "connect", err: err}
	}
	w := newWire(conn)
	w.log = log
	c := &session{o: o, w: w, r: &reader{in: w.in, log: log}}
	if err := c.open(ctx); err != nil {
		if !c.broken {
			c.quit(ctx)
		}
		c.w.close()
		return nil, err
	}
	return c, nil
}

func (c *session) open(ctx context.Context) error {
	defer c.bind(ctx)()
	if c.o.TLS == ImplicitTLS {
		if err := c.handshake(ctx); err != nil {
			return err
		}
	}
	known, err := c.greet()
	if err != nil {
		return err
	}
	if c.o.TLS == StartTLS {
		if known { // then the command is not allowed any more (RFC 9051, section 6.2.1)
			return errPreAuth
		}
		if err := c.learn(); err != nil {
			return err
		}
		if err := c.startTLS(ctx); err != nil {
			return err
		}
	}
	if !known {
		if err := c.learn(); err != nil {
			return err
		}
		if err := c.login(ctx); err != nil {
			return err
		}
	}
	if err := c.learn(); err != nil {
		return err
	}
	if err := c.introduce(); err != nil {
		return err
	}
	return c.findName()
}

// greet reads the greeting (RFC 9051, section 7.1); known tells that the server takes us for logged in.
func (c *session) greet() (known bool, err error) {
	c.w.deadline(c.w.conn.SetReadDeadline, c.o.Timeouts.Reply)
	for {
		a, err := c.r.read()
		if err != nil {
			return false, c.fail("greeting", err)
		}
		if c.o.greeted != nil {
			c.o.greeted()
		}
		switch {
		case a.tag != "*":
			return false, c.fail("greeting", errNoAnswer)
		case a.status == "BYE" || a.status == "NO" || a.status == "BAD":
			c.broken = true
			return false, c.refusal("greeting", &a)
		case a.status != "OK" && a.status != "PREAUTH":
			return false, c.fail("greeting", errNoAnswer)
		case a.code == "ALERT" && c.alert == "": // Courier says one before it greets
			if c.alert = printable(a.text, nil); a.status == "OK" {
				continue
			}
		case a.code == "CAPABILITY":
			c.capabilities(strings.Fields(a.args))
		}
		c.greeting = a.text
		return a.status == "PREAUTH", nil
	}
}

// startTLS sends STARTTLS and starts TLS (RFC 9051, section 6.2.1). A server that does not want to is an error: nobody may strip
// TLS by hiding or refusing the command. What was learned in plaintext is dropped.
func (c *session) startTLS(ctx context.Context) error {
	if !c.caps["STARTTLS"] {
		return errNoStartTLS
	}
	if _, err := c.command("STARTTLS", nil, "STARTTLS"); err != nil {
		return err
	}
	// Whatever follows the answer was put there before TLS, by whoever sits between, to be believed after it.
	if c.w.in.Buffered() > 0 {
		return c.fail("STARTTLS", errInjected)
	}
	c.caps, c.alert = nil, ""
	return c.handshake(ctx)
}

func (c *session) handshake(ctx context.Context) error {
	bounded, cancel := context.WithTimeoutCause(ctx, c.o.Timeouts.TLS, os.ErrDeadlineExceeded)
	defer cancel()
	c.w.deadline(c.w.raw.SetDeadline, c.o.Timeouts.TLS+time.Second) // the context is first
	conn := trust.Client(c.w.raw, c.o.TLSConfig)
	c.w.replace(conn)
	err := conn.HandshakeContext(bounded)
	if err == nil {
		state := conn.ConnectionState()
		c.w.log.Secured(state)
		c.tls = &state
		if c.o.secured != nil {
			c.o.secured(state)
		}
		return nil
	}
	c.w.log.Failed(err)
	c.broken = true
	if bounded.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("no handshake within %v: %w", c.o.Timeouts.TLS, os.ErrDeadlineExceeded)
	}
	return &tlsError{err}
}

// introduce says who we are, and learns what the server calls itself (RFC 2971). How it takes that changes nothing.
func (c *session) introduce() error {
	if !c.caps["ID"] {
		return nil
	}
	_, err := c.command("ID", func(a *response) error {
		if a.name != "ID" || len(a.values) == 0 {
			return nil
		}
		list := a.values[0].list
		for i := 0; i+1 < len(list); i += 2 {
			if list[i].word() == "NAME" && list[i+1].quoted {
				c.name = printable(string(list[i+1].text), c.secrets)
			}
		}
		return nil
	}, `ID ("name" "popsync")`)
	var refused *replyError
	if errors.As(err, &refused) {
		return nil
	}
	return err
}
