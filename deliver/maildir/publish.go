package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
	"github.com/popsync/popsync/internal/durable"
)

// errHeldBack keeps the order that recovery relies on: while a ticket is not settled, none after it becomes visible.
var errHeldBack = errors.New("waits until the message before it is settled")

// job is one ticket on its way through Publish.
type job struct {
	ticket
	at   int         // index in the call
	mine *stagedFile // staged by this process and not published yet; else nil
	seen *sighting   // where the file was found; shared by jobs of one name
	err  error
}

// Publish moves tmp/NAME to new/NAME,S=SIZE in the order of the tickets, then syncs new/ once. For tickets that this
// process did not stage, or has renamed before, it finds out first what became of them (ARCHITECTURE.md, recovery).
//
// When one is not settled, later ones that are not visible yet stay staged: with the same error if the whole Maildir
// failed, else with one that tells them to wait for the next call. Recovery concludes from a visible message that those
// before it were visible too. That must remain true of the tickets of one call, and is concluded of no others.
//
// An *Error is Untouched when a look, after it happened, shows the file in tmp/ and nowhere else (untouched).
func (m *Target) Publish(ctx context.Context, tickets []deliver.Ticket) []error {
	errs := make([]error, len(tickets))
	all := func(err error) []error {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	if err := ctx.Err(); err != nil {
		return all(err)
	}
	broken := m.ready("publish")
	if m.place == nil {
		return all(broken)
	}
	type group struct {
		place   *place
		strange bool
		done    func()
		jobs    []*job
		err     error // the place is not there
	}
	var groups []*group
	of := map[[2]string]*group{}
	for i, t := range tickets {
		tk, err := parseTicket(t)
		if err != nil {
			errs[i] = &deliver.Error{Op: "publish", Place: m.opts.Path, Permanent: true, Err: err, Hint: hintNewer}
			continue
		}
		key := [2]string{tk.path, tk.id}
		g := of[key]
		if g == nil {
			g = &group{}
			of[key] = g
			if g.place, g.done, g.err = m.placeOf(tk); g.err == nil {
				g.strange = g.place.id != tk.id
				groups = append(groups, g)
			}
		}
		if g.err != nil { // of all of them: a later one must not find the place that an earlier one did not
			errs[i] = g.err
			continue
		}
		j := &job{ticket: tk, at: i, seen: &sighting{}}
		if g.place == m.place && !g.strange {
			m.mu.Lock()
			j.mine = m.staged[tk.name]
			m.mu.Unlock()
		}
		g.jobs = append(g.jobs, j)
	}
	for _, g := range groups {
		if err := m.settle(g.place, g.strange, g.jobs, broken); err != nil {
			for _, j := range g.jobs {
				errs[j.at] = err
			}
		} else {
			for _, j := range g.jobs {
				errs[j.at] = j.err
			}
		}
		g.done()
	}
	return errs
}

// placeOf opens the Maildir that a ticket speaks of: where it was staged if that is still there, or the one in use if it
// is the same that moved. After a person adopted another Maildir at the same path, that one is asked (its id differs
// from the ticket's). done is called when the place is no longer needed.
func (m *Target) placeOf(t ticket) (p *place, done func(), err error) {
	// Of a Maildir that was copied, the copy counts that is configured, which has what was staged too.
	if t.path == m.place.path || t.id == m.place.id {
		return m.place, func() {}, nil
	}
	if p, err = openPlace(t.path, t.id); err == nil {
		return p, func() { p.close() }, nil
	}
	// Not the fault of the place in use: only this message has to wait.
	return nil, nil, &deliver.Error{Op: "publish", Place: t.path, Scope: deliver.ThisMessage,
		Err:  fmt.Errorf("the Maildir that it was staged in is not there: %w", err),
		Hint: "make it available at its old path until popsync has run once"}
}

// settle publishes the tickets of one place and leaves each one's result in it. An error is of all of them. With stop
// nothing becomes visible, for that reason.
func (m *Target) settle(p *place, strange bool, jobs []*job, stop error) error {
	if err := p.checkAll(); err != nil {
		return err
	}
	if err := p.find(jobs); err != nil {
		return disk.Failed("publish", p.path, err)
	}
	visible := -1 // the last ticket that is in new or cur
	for i, j := range jobs {
		if j.mine == nil && j.seen.published() {
			visible = i
		}
	}
	folders := refile{place: p}
	folders.find(jobs)
	defer folders.close()
	unsynced := dirSet{}
	for i, j := range jobs {
		switch {
		case j.mine == nil && j.seen.published():
			unsynced.add(j.seen, p)
		case j.mine != nil || j.seen.inTmp:
			if stop != nil {
				j.err = p.own(j, stop)
				continue
			}
			if j.err = m.move(p, j); j.err == nil {
				j.seen.inTmp, j.seen.inNew = false, true
				unsynced.add(j.seen, p)
			}
		case folders.err != nil:
			j.err = disk.Failed("publish", p.path, folders.err)
		case folders.of[j.name] != nil:
			dir := folders.of[j.name]
			unsynced[dir.Name()] = dir
		default:
			j.err = m.nowhere(p, j, strange, i < visible)
		}
		if j.err != nil && stop == nil && !errors.Is(j.err, deliver.ErrInferred) {
			stop = heldBack(p, j.err)
		}
	}
	err := m.syncDirs(p, unsynced)
	for _, j := range jobs {
		switch {
		case j.err != nil:
		case err != nil:
			j.err = disk.Failed("publish", p.path, err)
		case j.seen.linked:
			// The new name is durable, so the old one may go. If it cannot, Clean takes it.
			_ = p.unlinkStaged(j.name)
		}
	}
	return nil
}

func heldBack(p *place, err error) error {
	var e *deliver.Error
	if errors.As(err, &e) && e.Scope == deliver.WholeTarget {
		return err
	}
	return &deliver.Error{Op: "publish", Place: p.path, Scope: deliver.ThisMessage, Err: errHeldBack}
}

// move renames one staged file into new/. What this process did not write itself is compared with its ticket first.
func (m *Target) move(p *place, j *job) error {
	if j.mine == nil {
		if err := p.verify(j.ticket); err != nil {
			return p.own(j, err)
		}
	} else if !j.mine.prepared {
		return &deliver.Error{Op: "publish", Place: p.path, Err: disk.ErrNotDurable}
	}
	name := publishedName(j.name, j.size)
	err := m.rename(p.tmp, j.name, p.new, name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		err = p.renamed(j, name, err)
	}
	if errors.Is(err, deliver.ErrUnknown) {
		return err
	}
	err = p.own(j, disk.Failed("publish", p.path, err))
	var e *deliver.Error
	if j.mine != nil && !(errors.As(err, &e) && e.Untouched) {
		// Renamed, or nobody knows: from now on this one is looked for, as those of an earlier process are.
		m.mu.Lock()
		delete(m.staged, j.name)
		m.mu.Unlock()
	}
	return err
}

// renamed finds out whether a rename that failed has happened all the same: network filesystems repeat requests whose
// answer was lost, and link-and-unlink may have been interrupted between the two.
func (p *place) renamed(j *job, name string, cause error) error {
	staged, err := disk.StatAt(p.tmp, j.name)
	if err != nil && err != unix.ENOENT {
		return err
	}
	there, err2 := disk.StatAt(p.new, name)
	if err2 != nil && err2 != unix.ENOENT {
		return err2
	}
	switch {
	case err == nil && err2 == nil && staged.Ino == there.Ino:
		j.seen.linked = true
		return nil
	case err == unix.ENOENT && err2 == nil && there.Size == j.size:
		return nil
	case err == unix.ENOENT && err2 == unix.ENOENT:
		// Nobody but popsync renames out of tmp, and this process did not: the bytes are gone.
		return fmt.Errorf("%s: %w", j.name, deliver.ErrUnknown)
	}
	if err == nil && err2 == nil {
		return &deliver.Error{Op: "publish", Place: p.path, Err: cause} // another file has the name
	}
	return cause
}

func (m *Target) syncDirs(p *place, dirs dirSet) error {
	for _, dir := range dirs {
		var err error
		if p == m.place {
			err = m.barrier.Sync(nil, dir)
		} else {
			err = durable.SyncDir(dir)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// dirSet are directories whose names must become durable, by path. They belong to others.
type dirSet map[string]*os.File

// add notes the directory in which a file was found.
func (d dirSet) add(s *sighting, p *place) {
	if s.inNew {
		d[p.new.Name()] = p.new
	}
	if s.inCur {
		d[p.cur.Name()] = p.cur
	}
}
