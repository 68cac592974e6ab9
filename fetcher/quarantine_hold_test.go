package fetcher

import (
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/pop3/pop3test"
)

// What the fallback took in place of a destination stays on the server for seven days, whatever befalls the message meanwhile.
func TestQuarantineHolds(t *testing.T) {
	type world struct {
		*rig
		box                       []pop3test.Message
		remote, archive, fallback *delivertest.Memory
		removed                   bool // archive, from the configuration
	}
	all := func(w *world) []settle.Destination {
		return []settle.Destination{to("maildir", w.maildir()), to("remote", spooled{w.remote.Reopen()}), to("archive", w.archive.Reopen()),
			{Name: "quarantine", Target: w.fallback.Reopen(), Fallback: true}}
	}
	broken := func(deliver.Message) error { return refuse(deliver.Error{Scope: deliver.ThisMessage}) }
	pass := func(w *world) {
		w.t.Helper()
		dests := all(w)
		if w.removed {
			dests = append(dests[:2], dests[3])
		}
		if rep := w.run(dests...); rep.Deleted != 0 {
			w.t.Errorf("deleted: %+v", rep)
		}
		w.clock = w.clock.Add(2 * time.Hour)
	}
	resize := func(w *world, by int64) {
		w.box[0].ListSize = int64(len(w.box[0].Data)) + by
		w.server.AddUser("u", "p", w.box...)
	}
	for name, play := range map[string]func(w *world){
		"nothing happens": func(w *world) { pass(w) },
		"recognised while it arrives": func(w *world) {
			w.remote.OnPublish = func(deliver.Message) error { return refuse(deliver.Error{Scope: deliver.WholeTarget}) }
			pass(w)
			w.clock = w.clock.Add(25 * time.Hour)
			resize(w, 3)
			listed := make(chan struct{})
			w.remote.OnPublish = func(deliver.Message) error {
				<-listed
				return refuse(deliver.Error{Permanent: true})
			}
			db := w.sql()
			defer db.Close()
			asked := false
			w.server.Change(func(o *pop3test.Options) {
				o.OnCommand = func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
					if verb != "TOP" || asked {
						return nil
					}
					asked = true
					close(listed)
					for range 1000 { // until the fallback has it
						n := 0
						if db.QueryRow(`SELECT count(*) FROM message WHERE state = 2`).Scan(&n) == nil && n == 1 {
							break
						}
						time.Sleep(5 * time.Millisecond)
					}
					return nil
				}
			})
			pass(w)
			if !asked {
				w.t.Error("nothing was asked")
			}
		},
		"recognised on its way": func(w *world) {
			w.fallback.OnPublish = broken
			pass(w)
			resize(w, 3)
			pass(w)
			w.fallback.OnPublish = nil
			w.clock = w.clock.Add(25 * time.Hour)
			pass(w)
		},
		"fetched again for another": func(w *world) {
			w.archive.OnCreate = broken
			pass(w)
			w.archive.OnCreate = nil
			pass(w)
		},
		"fetched again for another in vain": func(w *world) {
			w.archive.OnCreate = broken
			pass(w)
			w.archive.OnCreate = nil
			w.server.Change(func(o *pop3test.Options) {
				o.OnCommand = func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
					if verb == "RETR" {
						return &pop3test.Reply{Raw: []byte("-ERR not now\r\n")}
					}
					return nil
				}
			})
			pass(w)
			w.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
			pass(w)
		},
		"another is removed": func(w *world) {
			w.archive.OnCreate = broken
			pass(w)
			w.removed = true
			pass(w)
			w.adopt()
			pass(w)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{box: mailbox(1), remote: delivertest.NewMemory("remote"), archive: delivertest.NewMemory("archive"),
				fallback: delivertest.NewMemory("quarantine")}
			w.rig = newRig(t, w.box...)
			w.server.Change(func(o *pop3test.Options) { o.OnDelete = nil })
			w.acc.Policy.Delete = plan.DeleteAfterDelivery
			w.archive.Messages, w.fallback.Messages = 500, 500
			w.remote.OnPublish = func(deliver.Message) error { return refuse(deliver.Error{Permanent: true}) }
			play(w)
			pass(w)
			wantRemote(t, w.fallback, w.box[0])
			w.clock = w.clock.Add(6*24*time.Hour - 6*time.Hour)
			pass(w)
			w.clock = w.clock.Add(24*time.Hour + 6*time.Hour)
			dests := all(w)
			if w.removed {
				dests = append(dests[:2], dests[3])
			}
			if rep := w.run(dests...); rep.Deleted != 1 {
				t.Errorf("in the end: %+v", rep)
			}
		})
	}
}
