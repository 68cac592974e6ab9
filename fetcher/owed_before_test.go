package fetcher

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
)

// What was staged under one unique-id is lost before it is published, and then the server calls the messages something
// else: they come as new ones, once each, and nothing waits for the unique-ids that are gone.
func TestOwedUnderAnotherUniqueID(t *testing.T) {
	type server func(r *rig, box []pop3test.Message)
	uidl := func(works bool) server {
		return func(r *rig, box []pop3test.Message) {
			r.server.Change(func(o *pop3test.Options) { o.NoUIDL = !works })
			r.server.AddUser("u", "p", box...)
		}
	}
	renumbers := func(top bool) server {
		return func(r *rig, box []pop3test.Message) {
			var renamed []pop3test.Message
			for i, m := range box {
				m.UID = fmt.Sprint("new", i)
				renamed = append(renamed, m)
			}
			r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
			r.server.AddUser("u", "p", renamed...)
		}
	}
	moves := func(r *rig, box []pop3test.Message) {
		r.acc.Mailbox = "new"
		uidl(true)(r, box)
	}
	for name, c := range map[string]struct {
		before, then server
		equal        bool
	}{
		"UIDL works again":               {before: uidl(false), then: uidl(true)},
		"new unique-ids":                 {before: uidl(true), then: renumbers(true)},
		"new unique-ids, and no TOP":     {before: uidl(true), then: renumbers(false)},
		"another mailbox with the same":  {before: uidl(true), then: moves},
		"equal ones, and new unique-ids": {before: uidl(true), then: renumbers(true), equal: true},
	} {
		t.Run(name, func(t *testing.T) {
			box := mailbox(3)
			if c.equal {
				box[1].Data = box[0].Data
			}
			r := newRig(t)
			r.acc.Mailbox = "old"
			r.ok() // the Maildir is made
			c.before(r, box)
			fails := &deliver.Error{Op: "publish", Scope: deliver.WholeTarget, Err: errors.New("input/output error")}
			r.wants("it fails", verdict.Temporary, 0, 0, 0, to("maildir", unpublished{r.maildir(), fails}))
			r.emptyTmp()
			r.must(os.Rename(r.dir, r.path("moved"))) // so that nothing is concluded from how young they are
			r.dir = r.path("moved")
			c.then(r, box)
			for pass := range 3 {
				if rep := r.ok(); rep.New != 3*desk.Count(pass == 0) || r.deliveries() != 0 || rep.PutOff != 0 || len(rep.Notes) != 0 {
					t.Errorf("pass %d: %d open: %+v", pass, r.deliveries(), rep)
				}
				r.clock = r.clock.Add(25 * time.Hour)
			}
			r.wantMail(box...)
			c.before(r, box) // what was called so once is known by now; a server that has unique-ids has them for good
			r.acc.Mailbox = "old"
			r.run()
			r.wantMail(box...)
		})
	}
}

// Of two equal messages that were lost so one left the server, and a third one is another: only what came counts.
func TestOwedUnderAnotherUniqueIDAndGone(t *testing.T) {
	box := mailbox(3)
	box[1].Data = box[0].Data
	r := newRig(t)
	r.ok()
	r.server.AddUser("u", "p", box...)
	fails := &deliver.Error{Op: "publish", Scope: deliver.WholeTarget, Err: errors.New("input/output error")}
	r.wants("it fails", verdict.Temporary, 0, 0, 0, to("maildir", unpublished{r.maildir(), fails}))
	r.emptyTmp()
	r.must(os.Rename(r.dir, r.path("moved")))
	r.dir = r.path("moved")
	came, other := box[0], message("other", "x")
	came.UID = "new"
	r.server.AddUser("u", "p", came, other)
	if rep := r.run(); rep.New != 2 || r.deliveries() != 2 || rep.PutOff != 2 {
		t.Errorf("%d open: %+v", r.deliveries(), rep)
	}
	r.wantMail(came, other)
	r.clock = r.clock.Add(25 * time.Hour)
	if rep := r.ok(); r.deliveries() != 0 || len(rep.Notes) != 1 {
		t.Errorf("%d open: %+v", r.deliveries(), rep)
	}
}
