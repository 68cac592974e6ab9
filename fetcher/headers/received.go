package headers

import (
	"bytes"
	"net/mail"
	"strings"
	"time"
)

// received reads when the server that has a message got it: the date behind the last semicolon of the first Received line (RFC 5321,
// section 4.4). Every server puts its own above those of the ones before it, and what stands in Date the sender made up.
type received struct {
	line  []byte // that is being read, without its end
	field []byte // the first Received line, unfolded
	state receivedState
}

type receivedState uint8

const (
	seeks receivedState = iota // for it
	reads                      // it, and whatever it goes on with
	knows                      // it, or that there is none
)

// receivedMost is how much of a line, and of the field, is looked at, in octets: what is longer has no date.
const receivedMost = 4096

// Write takes more of a header. It never fails.
func (r *received) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && r.state != knows {
		part, rest, ended := bytes.Cut(p, []byte("\n"))
		if len(r.line) <= receivedMost {
			r.line = append(r.line, part[:min(len(part), receivedMost+1-len(r.line))]...)
		}
		if p = rest; ended {
			r.endLine(bytes.TrimRight(r.line, "\r"))
			r.line = r.line[:0]
		}
	}
	return n, nil
}

func (r *received) endLine(line []byte) {
	folded := len(line) > 0 && (line[0] == ' ' || line[0] == '\t')
	name, _, isField := bytes.Cut(line, []byte(":"))
	switch {
	case r.state == reads && folded && len(r.field)+len(line) <= receivedMost:
		r.field = append(r.field, line...)
	case r.state == reads && folded:
		r.field, r.state = nil, knows
	case r.state == reads || len(line) == 0:
		r.state = knows
	case !folded && isField && strings.EqualFold(string(bytes.TrimRight(name, " \t")), "received"):
		if r.state = reads; len(line) > receivedMost {
			r.state = knows
			return
		}
		r.field = append(r.field[:0], line...)
	}
}

// when is the date; zero: there is none that can be read, or the header ended within it.
func (r *received) when() time.Time {
	at := bytes.LastIndexByte(r.field, ';')
	if r.state != knows || at < 0 {
		return time.Time{}
	}
	t, err := mail.ParseDate(strings.TrimSpace(string(r.field[at+1:])))
	if err != nil {
		return time.Time{}
	}
	return t
}

func (r *received) reset() { *r = received{line: r.line[:0], field: r.field[:0]} }
