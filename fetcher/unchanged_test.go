package fetcher

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
)

// Whenever any test of this package does without the rows, also the random histories, they are read all the same and
// asked whether they would have said anything else.
func init() {
	checkUnchanged = func(ctx context.Context, s *session, l *pop3.Listing) {
		ledger := s.desk.Settler.L
		if a, ok := ledger.(*readAccount); ok {
			ledger = a.Account // not to be counted
		}
		known, err := plan.LoadRows(ctx, ledger, nil)
		if err != nil {
			return // a fault that the test makes
		}
		whole := s.makePlan(l, l.Complete, known)
		rest := s.makePlan(tail{l, s.head.n}, l.Complete, &plan.Rows{})
		nums := func(p *plan.Plan) (out []int) {
			for _, f := range slices.Concat(p.Fetch, p.Skipped) {
				out = append(out, f.Num)
			}
			return out
		}
		gone := slices.DeleteFunc(whole.GoneKeys(), func(k uidl.Key) bool { // deleted by us: noted when the rows are next read
			m, _ := ledger.Find(ctx, []uidl.Key{k})
			return len(m) == 1 && m[0].State == uidl.DeleteSent
		})
		switch {
		case !slices.Equal(nums(whole), nums(rest)), whole.Kept != s.head.n+rest.Kept,
			len(whole.Due)+len(whole.Question)+len(gone)+whole.Parked+whole.Pending > 0,
			len(nums(rest)) > 0 && whole.LostKept > s.head.since.Lost, whole.LostNow > 0:
			panic(fmt.Sprintf("without rows: %v of %d; with them: %+v", nums(rest), l.Len(), whole))
		}
	}
}

// reads counts how often the rows of an account are read.
type reads struct {
	uidl.Ledger
	n int
}

type readAccount struct {
	uidl.Account
	r *reads
}

func (r *reads) Acquire(ctx context.Context, account string) (uidl.Account, error) {
	a, err := r.Ledger.Acquire(ctx, account)
	if err != nil {
		return nil, err
	}
	return &readAccount{a, r}, nil
}

func (a *readAccount) Messages(ctx context.Context) iter.Seq2[uidl.Row, error] {
	a.r.n++
	return a.Account.Messages(ctx)
}

// A listing that begins as the last one needs no rows; whatever else may have changed makes the pass read them.
func TestUnchanged(t *testing.T) {
	box := mailbox(40)
	for name, c := range map[string]struct {
		change func(r *rig)
		after  []pop3test.Message // what is listed then
		read   bool
		new    int
	}{
		"nothing":          {after: box[:30]},
		"new mail":         {after: box[:33], new: 3},
		"another lease":    {after: box[:33], new: 3, read: true, change: func(r *rig) { r.must(health.Pause(r.t.Context(), r.ledger, "a", false)) }},
		"one left":         {after: box[1:30], read: true},
		"the last left":    {after: box[:29], read: true},
		"another size":     {after: append(slices.Clone(box[:29]), message(box[29].UID, "other")), read: true}, // by its header the same
		"another order":    {after: append(slices.Clone(box[1:30]), box[0]), read: true},
		"a UID again":      {after: append(slices.Clone(box[:30]), message(box[7].UID, "other")), read: true, new: 1},
		"a new UID twice":  {after: append(slices.Clone(box[:31]), message(box[30].UID, "other")), read: true, new: 2},
		"a day later":      {after: box[:33], new: 3, read: true, change: func(r *rig) { r.clock = r.clock.Add(25 * time.Hour) }},
		"a clock put back": {after: box[:33], new: 3, read: true, change: func(r *rig) { r.clock = r.clock.Add(-time.Hour) }},
		"another policy":   {after: box[:30], read: true, change: func(r *rig) { r.acc.Policy.Delete = plan.DeleteAfterDelivery }},
		"another mailbox":  {after: box[:30], read: true, change: func(r *rig) { r.acc.Mailbox = "new" }},
		"a ledger repaired": {after: box[:30], read: true, change: func(r *rig) {
			db, err := sql.Open("sqlite", "file:"+filepath.Join(r.state, "ledger.db"))
			r.must(err)
			defer db.Close()
			_, err = db.Exec(`UPDATE account SET facts = ?`, health.VerifyMode(r.facts()))
			r.must(err)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, box[:20]...)
			count := &reads{Ledger: r.ledger}
			r.ledger, r.acc.Mailbox = count, "old"
			r.ok()
			r.server.AddUser("u", "p", box[:30]...)
			if r.ok(); count.n != 1 {
				t.Fatalf("rows were read %d times for one listing and what came behind it", count.n)
			}
			if c.change != nil {
				c.change(r)
			}
			r.server.AddUser("u", "p", c.after...)
			rep := r.ok()
			if read := count.n > 1; read != c.read {
				t.Errorf("rows were read: %v", read)
			}
			if rep.New != c.new || rep.Listed != len(c.after) {
				t.Errorf("%+v", rep)
			}
		})
	}
}

// What was not delivered is looked for in the rows until it is.
func TestUnchangedButOpen(t *testing.T) {
	for name, damage := range map[string]func(r *rig){
		"a limit":   func(r *rig) { r.acc.Policy.Limit = 3 },
		"too large": func(r *rig) { r.acc.Policy.MaxSize = 100 },
		"refused": func(r *rig) {
			r.server.Change(func(o *pop3test.Options) {
				o.OnCommand = func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
					if verb == "RETR" && arg == "3" {
						return &pop3test.Reply{Raw: []byte("-ERR no\r\n")}
					}
					return nil
				}
			})
		},
		"shared": func(r *rig) { r.server.AddUser("u", "p", message("x", "1"), message("x", "2")) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, append(mailbox(8), message("large", string(make([]byte, 200))))...)
			damage(r)
			count := &reads{Ledger: r.ledger}
			r.ledger = count
			for pass := 1; pass <= 2; pass++ {
				r.run()
				if count.n < pass || r.remembered().Unchanged != nil {
					t.Fatalf("pass %d: rows read %d times, remembered: %+v", pass, count.n, r.remembered().Unchanged)
				}
			}
		})
	}
}

// A mailbox from which mail was removed of late is watched for new unique-ids.
func TestUnchangedAndEpoch(t *testing.T) {
	box := mailbox(60)
	r := newRig(t, box[:30]...)
	r.ok()
	r.server.AddUser("u", "p", box[12:30]...)
	r.ok() // twelve are gone
	count := &reads{Ledger: r.ledger}
	r.ledger = count
	r.server.AddUser("u", "p", box[12:33]...)
	if rep := r.ok(); rep.New != 3 || count.n != 1 {
		t.Errorf("three new: %+v, rows read %d times", rep, count.n)
	}
	if rep := r.ok(); rep.New != 0 || count.n != 1 {
		t.Errorf("none new: %+v, rows read %d times", rep, count.n)
	}
	moved := slices.Clone(box[12:33])
	for i, m := range box[:12] {
		m.UID = fmt.Sprintf("moved%d", i)
		moved = append(moved, m)
	}
	r.server.AddUser("u", "p", moved...)
	if rep := r.ok(); rep.New != 0 || rep.Adopted != 12 {
		t.Errorf("twelve that are back under other unique-ids: %+v", rep)
	}
}
