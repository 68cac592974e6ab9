package maildir

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
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
func (m *Target) Inspect(ctx context.Context, remembered string, tickets []deliver.Ticket) ([]Whereabouts, []Orphan, error) {
	if err := m.Check(ctx, remembered); err != nil {
		return nil, nil, err
	}
	path, known, err := m.opts.expected(remembered)
	if err != nil {
		return nil, nil, err
	}
	if remembered == "" {
		return nil, nil, notKnown(path, errNoID)
	}
	p, err := openPlace(path, known.ID)
	if err != nil {
		return nil, nil, disk.Failed("open", path, err)
	}
	defer p.close()
	at := make([]Whereabouts, len(tickets))
	var jobs []*job
	held := map[string]bool{}
	for i, t := range tickets {
		tk, err := parseTicket(t)
		if err != nil || tk.id != known.ID || tk.path != path && idAt(tk.path) == tk.id {
			at[i] = Elsewhere
			continue
		}
		held[tk.name] = true
		jobs = append(jobs, &job{ticket: tk, at: i})
	}
	if err := p.find(jobs); err != nil {
		return nil, nil, disk.Failed("read", path, err)
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
	orphans, err := p.orphans(held, m.opts.Now())
	return at, orphans, disk.Failed("read", path, err)
}

func (p *place) waiting(t ticket) (Whereabouts, error) {
	err := p.verify(t)
	switch {
	case err == nil:
		return Waiting, nil
	case errors.Is(err, deliver.ErrDamaged):
		return Damaged, nil
	case errors.Is(err, fs.ErrNotExist): // it was published meanwhile
		return Visible, nil
	}
	return Nowhere, err
}

func (p *place) orphans(held map[string]bool, now time.Time) (all []Orphan, err error) {
	err = disk.EachName(p.tmp, func(name string) error {
		if _, ours := ParseName(name); !ours || held[name] {
			return nil
		}
		st, err := disk.StatAt(p.tmp, name)
		if err == unix.ENOENT {
			return nil
		}
		if err == nil {
			all = append(all, Orphan{name, now.Sub(time.Unix(st.Mtim.Unix()))})
		}
		return err
	})
	return all, err
}
