package fetcher

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver/maildir"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
)

// between is a Maildir beside which something happens right after it was looked at.
type between struct {
	*maildir.Target
	looks *int
	then  func(look int)
}

func (b between) Recognise(ctx context.Context) (string, error) {
	id, err := b.Target.Recognise(ctx)
	*b.looks++
	b.then(*b.looks)
	return id, err
}

// Two accounts share a new Maildir. One has looked and found nothing, then the other makes it and writes that down: a second
// look finds it, and both deliver there. What is not there at the second look either is not mounted, and there is no third.
func TestSecondLookAtNewMaildir(t *testing.T) {
	for name, c := range map[string]struct {
		leaves bool // the Maildir that the other made is not there any more when it is looked at again
		looks  int
		class  verdict.Class
	}{"the other has just made it": {looks: 2, class: verdict.OK}, "and it is gone": {leaves: true, looks: 2, class: verdict.Config}} {
		t.Run(name, func(t *testing.T) {
			box := mailbox(3)
			r := newRig(t, box...)
			looks := 0
			b := between{r.maildir(), &looks, func(look int) {
				if look > 1 {
					return
				}
				r.wants("the other", verdict.OK, 3, 0, 3)
				if c.leaves {
					r.must(os.Rename(r.dir, r.path("away")))
				}
			}}
			second := r.acc
			second.Name, second.Destinations = "b", []settle.Destination{to("maildir", b)}
			rep := Run(t.Context(), r.ledger, second, r.opt)
			if rep.Verdict.Class != c.class || looks != c.looks {
				t.Errorf("%d looks: %+v", looks, rep)
			}
			if c.leaves {
				if !strings.Contains(rep.Verdict.Message, "not the Maildir popsync knows") {
					t.Errorf("%+v", rep.Verdict)
				}
				r.holds("mail", 0)
				return
			}
			r.wantMail(append(box, box...)...)
		})
	}
}

// A place that nobody else knows is looked at once.
func TestOneLookAtNewMaildir(t *testing.T) {
	r := newRig(t, mailbox(3)...)
	looks := 0
	r.wants("first", verdict.OK, 3, 0, 3, to("maildir", between{r.maildir(), &looks, func(int) {}}))
	if looks != 1 {
		t.Errorf("%d looks", looks)
	}
	looks = 0
	r.must(os.Rename(r.dir, r.path("away")))
	r.wants("not mounted", verdict.Config, 0, 0, 0, to("maildir", between{r.maildir(), &looks, func(int) {}}))
	if looks != 1 {
		t.Errorf("%d looks", looks)
	}
}
