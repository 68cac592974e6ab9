package settle

import (
	"context"
	"errors"
	"fmt"

	"github.com/popsync/popsync/deliver"
)

// CutOff tells whether something was left at a remote destination that would have been sent.
func (p *Settler) CutOff() bool {
	for _, d := range p.Outboxes() {
		if d.out.cutOff() {
			return true
		}
	}
	return false
}

// cutOff tells whether messages are left that would have been sent, or were when their time was over.
func (o *outbox) cutOff() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.cut || len(o.queue) > 0 && o.place.PublishFailure() == nil
}

// interrupted notes that a message did not get through because of a stop: its time was over, or nobody knows what became of
// it, as of a program that whoever stopped popsync has ended too (systemd ends a whole service). Nobody is to blame for that.
func (o *outbox) interrupted(result *error) {
	var e *deliver.Error
	switch {
	case *result == nil, !o.told():
		return
	case o.late.Err() != nil:
	case !errors.As(*result, &e) || !e.Uncertain:
		return
	case !errors.Is(*result, context.Canceled):
		*result = fmt.Errorf("%w: %w", context.Canceled, *result)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cut = true
}

// told tells that the pass was told to end. Contexts that follow from the one that was ended may end a moment after it: what
// ends with that one, as a program does that whoever stopped popsync has ended too, may be sooner.
func (o *outbox) told() bool {
	return o.stop.Err() != nil || o.p.Over != nil && o.p.Over() != nil
}
