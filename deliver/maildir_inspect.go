package deliver

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"
)

// Whereabouts tells where the bytes of a ticket are.
type Whereabouts int

const (
	// Nowhere: in none of tmp, new and cur. They may have been published and moved on since.
	Nowhere Whereabouts = iota
	// Waiting in tmp, as the ticket says they should be: the next Publish makes them visible.
	Waiting
	// Damaged in tmp: not what the ticket says. The next Publish says so too, and the message is fetched again.
	Damaged
	// Visible in new or cur.
	Visible
	// Elsewhere: the ticket speaks of another place, or is none of a Maildir. One of a Maildir that moved is of this place.
	Elsewhere
)

// Orphan is a file of popsync's in tmp/.
type Orphan struct {
	Name string
	Age  time.Duration // by the time of its last change, which is what Clean goes by
}

// Inspect looks, without changing anything, where the bytes of tickets are, and which other files with names of
// popsync's lie in tmp/. Those may belong to a pass under way, of this account or of another with the same Maildir.
// remembered must not be "".
func (m *Maildir) Inspect(ctx context.Context, remembered string, tickets []Ticket) ([]Whereabouts, []Orphan, error) {
	if err := m.Check(ctx, remembered); err != nil {
		return nil, nil, err
	}
	path, known, err := m.expected(remembered)
	if err != nil {
		return nil, nil, err
	}
	if remembered == "" {
		return nil, nil, notKnown(path, errNoID)
	}
	p, err := openPlace(path, known.id)
	if err != nil {
		return nil, nil, failed("open", path, err)
	}
	defer p.close()
	at := make([]Whereabouts, len(tickets))
	var jobs []*job
	held := map[string]bool{}
	for i, t := range tickets {
		tk, err := parseTicket(t)
		if err != nil || tk.id != known.id || tk.path != path && idAt(tk.path) == tk.id {
			at[i] = Elsewhere
			continue
		}
		held[tk.name] = true
		jobs = append(jobs, &job{ticket: tk, at: i})
	}
	if err := p.find(jobs); err != nil {
		return nil, nil, failed("read", path, err)
	}
	for _, j := range jobs {
		switch {
		case j.seen.published():
			at[j.at] = Visible
		case j.seen.inTmp:
			if at[j.at], err = p.waiting(j.ticket); err != nil {
				return nil, nil, err
			}
		}
	}
	orphans, err := m.orphans(p, held)
	return at, orphans, failed("read", path, err)
}

func (p *place) waiting(t ticket) (Whereabouts, error) {
	err := p.verify(t)
	switch {
	case err == nil:
		return Waiting, nil
	case errors.Is(err, ErrDamaged):
		return Damaged, nil
	case errors.Is(err, fs.ErrNotExist): // it was published meanwhile
		return Visible, nil
	}
	return Nowhere, err
}

func (m *Maildir) orphans(p *place, held map[string]bool) (all []Orphan, err error) {
	err = eachName(p.tmp, func(name string) error {
		if _, ours := ParseName(name); !ours || held[name] {
			return nil
		}
		st, err := statAt(p.tmp, name)
		if err == unix.ENOENT {
			return nil
		}
		if err == nil {
			all = append(all, Orphan{name, m.opts.Now().Sub(time.Unix(st.Mtim.Unix()))})
		}
		return err
	})
	return all, err
}
