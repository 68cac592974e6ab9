package smtp

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// task is one message on its way, ready to be sent.
type task struct {
	id     string
	from   string   // "" for <>
	own    bool     // the message named it
	to     []string // at least one: those of all that are pending
	utf8   bool     // a recipient is not ASCII
	eight  bool     // the content is not
	octets int64    // of added and body, with CRLF line ends
	added  []byte   // header fields that go on top
	body   io.ReadSeeker
	read   int64 // octets that body must have

	all     []string // recipients of the message
	pending []bool   // which of them are in to
	rest    string   // Outgoing.Rest, from which pending comes

	refused *replyError // how the sender that the message named was refused, before it was tried with <>; nil: it was not
}

func (t *task) findUTF8() {
	t.utf8 = slices.ContainsFunc(t.to, func(a string) bool { return !ascii(a) })
}

// result is what became of a task: facts, to be judged elsewhere.
type result struct {
	served  []bool        // for each recipient: the server has taken responsibility
	refused []*replyError // for each recipient: how it was refused; nil when it was not
	mail    *replyError   // the refusal of MAIL
	data    *replyError   // the refusal of DATA
	unfit   error         // the server cannot take this message, as its own words to EHLO say; nothing was sent
	source  error         // the message could not be read; its end was not sent
	err     error         // what broke the conversation: *connError, or *replyError with 421
	ahead   bool          // the envelope had been sent behind the message before
	dubious bool          // and may have been refused only because of that
	started bool          // 354 was received and the content begun
	behind  error         // what followed the final dot could not be sent
	doubt   bool          // the final dot was sent, and not all recipients were answered for
}

// transfer makes one mail transaction (RFC 5321, section 3.3; RFC 2033, section 4.2). Its envelope may stand on the wire
// already: then only the answers are read. What behind gives is sent together with the final dot.
func (c *session) transfer(t *task, behind func(*result) []byte) result {
	r := result{served: make([]bool, len(t.to)), refused: make([]*replyError, len(t.to))}
	if r.unfit = c.unfit(t); r.unfit != nil {
		return r
	}
	c.sent++
	r.ahead, c.next = c.next == t, nil
	if c.envelope(t, &r) {
		(&content{c, t, &r, behind}).send()
	} else {
		c.reset()
	}
	return r
}

func (c *session) unfit(t *task) error {
	if limit := c.sizeLimit(); limit > 0 && t.octets > limit {
		return fmt.Errorf("the message has %d octets, the server takes %d", t.octets, limit)
	}
	if (t.utf8 || !ascii(c.from(t))) && !c.offers("SMTPUTF8") {
		return errNoUTF8
	}
	return nil
}

// envelope sends MAIL, RCPT and DATA, and tells whether the content may be sent. Where the server announces PIPELINING
// they go in one flight, or in few (RFC 2920, section 3.1).
func (c *session) envelope(t *task, r *result) bool {
	commands := c.commands(t)
	answered, go354 := 0, false // recipients answered for; DATA was accepted
	wait := func() time.Duration { return c.o.Timeouts.Reply }
	if r.ahead {
		end := time.Now().Add(aheadPatience)
		wait = func() time.Duration { return time.Until(end) }
	}
	for next := 0; next < len(commands); {
		if last := next == len(commands)-1; r.mail != nil || last && !r.anyone(answered) {
			return false
		}
		n := len(commands)
		if !r.ahead {
			var flight []byte
			n, flight, r.err = c.flight(commands[next:])
			if r.err == nil {
				r.err = c.send(verbOf(next, len(commands)), flight)
			}
			if r.err != nil {
				return false
			}
		}
		for ; n > 0; n, next = n-1, next+1 {
			verb := verbOf(next, len(commands))
			got, err := c.receive(verb, wait())
			switch {
			case err != nil:
				r.err = err
			case verb == "DATA" && got.code == 354:
				go354 = true
			case verb != "DATA" && got.positive(), got.refused():
			default:
				r.err = c.odd(verb, got)
			}
			if r.err != nil {
				return false
			}
			var refusal *replyError
			if got.refused() {
				refusal = c.refusal(verb, got)
			}
			switch verb {
			case "MAIL":
				r.mail = refusal
			case "RCPT":
				r.refused[answered] = refusal
				answered++
			case "DATA":
				r.data = refusal
			}
		}
	}
	if r.dubious = r.ahead && r.misplaced(c.understands); r.dubious {
		c.broken = c.broken || go354
		return false
	}
	c.understands = c.understands || r.ahead
	if r.mail == nil && r.anyone(answered) {
		if go354 && c.w.in.Buffered() > 0 { // it would be taken for the answer to the content
			r.err = c.fail("DATA", errEarly, nil)
			return false
		}
		r.started = go354
		return go354
	}
	// The server wants content that nobody is to get. A lone dot should be refused now, but servers were seen to
	// deliver an empty message; a connection that ends delivers nothing (RFC 2920, section 3.1).
	c.broken = c.broken || go354
	return false
}

// anyone tells whether one of the recipients answered for was accepted.
func (r *result) anyone(answered int) bool {
	for _, refusal := range r.refused[:answered] {
		if refusal == nil {
			return true
		}
	}
	return false
}

func verbOf(i, n int) string {
	switch i {
	case 0:
		return "MAIL"
	case n - 1:
		return "DATA"
	}
	return "RCPT"
}

func (c *session) commands(t *task) []string {
	from := c.from(t)
	mail := "MAIL FROM:<" + from + ">"
	if c.offers("SIZE") && t.octets > 0 {
		mail += " SIZE=" + strconv.FormatInt(t.octets, 10)
	}
	if t.eight && c.offers("8BITMIME") {
		mail += " BODY=8BITMIME"
	}
	if t.utf8 || !ascii(from) {
		mail += " SMTPUTF8"
	}
	if t.id != "" && c.offers("DSN") {
		mail += " ENVID=" + t.id // letters and digits need no encoding (RFC 3461, section 4.4)
	}
	list := make([]string, 0, len(t.to)+2)
	list = append(list, mail)
	for _, to := range t.to {
		list = append(list, "RCPT TO:<"+to+">")
	}
	return append(list, "DATA")
}

// flight makes the next octets to send out of one or more commands.
func (c *session) flight(commands []string) (n int, b []byte, err error) {
	for _, line := range commands {
		if n > 0 && (!c.offers("PIPELINING") || len(b)+len(line)+2 > maxFlight) {
			break
		}
		if b, err = appendLine(b, line); err != nil {
			return 0, nil, err
		}
		n++
	}
	return n, b, nil
}
