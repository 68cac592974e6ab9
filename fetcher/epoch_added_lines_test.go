package fetcher

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/pop3/pop3test"
)

// All unique-ids change at a server without TOP that adds a line at each reading: no content is what it was, and the headers tell as
// they would by TOP. Where a header is another's, or says too little, a message is new.
func TestEpochOfMessagesWithAddedLines(t *testing.T) {
	stamped := func(box []pop3test.Message, day string) []pop3test.Message {
		out := slices.Clone(box)
		for i := range out {
			out[i].Data = append([]byte("X-Read: "+day+"\r\n"), box[i].Data...)
		}
		return out
	}
	box := mailbox(30)
	bare := pop3test.Message{UID: "bare", Data: []byte("Subject: report\r\n\r\nbody\r\n")}
	r := newRig(t, stamped(append(slices.Clone(box), bare), "Monday")...)
	r.server.Change(func(o *pop3test.Options) { o.NoTOP = true })
	r.ok()
	r.clock = r.clock.Add(26 * time.Hour)
	r.acc.Policy = plan.Policy{Delete: plan.DeleteAfterDelivery}
	large := box[3] // of one header with what left, and far too long to be it
	large.Data = append(slices.Clone(large.Data), strings.Repeat("more and more\r\n", 1000)...)
	then := renamed("new-", box)
	then[3].Data = large.Data
	more := fresh("more", 2)
	bare.UID = "new-bare"
	all := stamped(append(append(then, bare), more...), "Tuesday")
	r.server.AddUser("u", "p", all...)
	if rep := r.ok(); rep.New != 4 || rep.Adopted != 29 || rep.Kept != 33 || rep.Deleted != 0 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(append(stamped(append(slices.Clone(box), pop3test.Message{Data: bare.Data}), "Monday"), all[3], all[30], all[31], all[32])...)
	for range 3 {
		r.clock = r.clock.Add(26 * time.Hour)
		if rep := r.ok(); rep.New != 0 {
			t.Errorf("%+v", rep)
		}
	}
	if left := r.server.Messages("u"); len(left) > 0 {
		t.Errorf("%d messages are left on the server", len(left))
	}
}
