package pop3

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// Capabilities is what the server announced (RFC 2449, section 6). The zero value: nothing known.
type Capabilities struct {
	Known          bool          // the server answered CAPA
	Pipelining     bool          // section 6.6
	Top            bool          // section 6.1
	UIDL           bool          // section 6.8; servers that do not say so may know it
	User           bool          // section 6.2
	RespCodes      bool          // section 6.4
	AuthRespCode   bool          // RFC 3206, section 6
	STLS           bool          // RFC 2595, section 4
	SASL           []string      // mechanisms, upper-case (section 6.3)
	Expire         string        // "NEVER", or days before the server deletes; "" when not announced (section 6.7)
	LoginDelay     time.Duration // least time between logins; 0 when not announced (section 6.5)
	Implementation string        // printable (section 6.9)
}

// askCapabilities sends CAPA. A refusal leaves what is known; the command is optional.
func (c *Client) askCapabilities() error {
	if c.opt.NoCapa {
		return nil
	}
	if err := c.t.send("CAPA", nil, c.opt.Timeouts.Reply); err != nil {
		return err
	}
	if err := c.readCapabilities(); err != nil {
		return err
	}
	return c.t.inStep("CAPA", 0)
}

// readCapabilities reads the reply to CAPA. A refusal leaves what is known.
func (c *Client) readCapabilities() error {
	caps, err := c.t.capabilities()
	if caps != nil {
		c.caps = *caps
	}
	return err
}

// capabilities reads the reply to CAPA; nil: it was refused.
func (t *talk) capabilities() (*Capabilities, error) {
	err := t.status("CAPA", 0, t.opt.Timeouts.Reply)
	var refused *ResponseError
	switch {
	case errors.As(err, &refused):
		t.capaRefused = true
		return nil, nil
	case err != nil:
		return nil, err
	}
	t.capaRefused = false
	caps := &Capabilities{Known: true}
	t.w.brief()
	for range maxCapaLines {
		line, err := t.w.line(t.opt.Limits.StatusLine)
		switch {
		case err == errLongLine:
			return nil, t.limit("CAPA", 0, "status line", t.opt.Limits.StatusLine)
		case err == io.EOF:
			return nil, t.fail("CAPA", 0, nil, io.ErrUnexpectedEOF)
		case err != nil:
			return nil, t.fail("CAPA", 0, line, err)
		case len(line) == 1 && line[0] == '.':
			return caps, nil
		}
		caps.add(string(t.strike(line)))
	}
	return nil, t.limit("CAPA", 0, "capabilities", maxCapaLines)
}

// add takes in one line. Unknown capabilities are nothing to us.
func (p *Capabilities) add(line string) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return
	}
	args := words[1:]
	switch strings.ToUpper(words[0]) {
	case "PIPELINING":
		p.Pipelining = true
	case "TOP":
		p.Top = true
	case "UIDL":
		p.UIDL = true
	case "USER":
		p.User = true
	case "RESP-CODES":
		p.RespCodes = true
	case "AUTH-RESP-CODE":
		p.AuthRespCode = true
	case "STLS":
		p.STLS = true
	case "SASL":
		for _, m := range args {
			p.SASL = append(p.SASL, strings.ToUpper(m))
		}
	case "EXPIRE":
		if len(args) > 0 {
			p.Expire = escape([]byte(strings.ToUpper(args[0])))
		}
	case "LOGIN-DELAY":
		if len(args) > 0 {
			if n, err := strconv.ParseUint(args[0], 10, 31); err == nil {
				p.LoginDelay = time.Duration(n) * time.Second
			}
		}
	case "IMPLEMENTATION":
		p.Implementation = escape([]byte(strings.Join(args, " ")))
	}
}
