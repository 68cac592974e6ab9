package deliver

import "context"

// BatchSender is a Looker that takes several messages in one call, where looking was proved at its destination: then a connection that
// breaks leaves several in doubt, and what became of each is found out.
type BatchSender interface {
	Looker
	// Batch is how many messages SendBatch may take at most: 1 as long as nothing has proved that looking works there. It may change
	// with each call of Send or SendBatch.
	Batch() int
	// SendBatch is Send for several messages of one Folder, with one error for each. No two have the same ID, none has a Next, and
	// all have Again or none has.
	//
	// Messages without Again are sent. What is refused concerns one of them alone, unless its error says otherwise. Messages with
	// Again are looked for with one look, and nothing is sent of them: what is there is nil, what is not is ErrUntried.
	SendBatch(ctx context.Context, all []Outgoing) []error
}

// BatchSenderOf is the BatchSender that a Sender is; nil if it is none.
func BatchSenderOf(s Sender) BatchSender {
	b, _ := s.(BatchSender)
	return b
}

// Batched is a remote Target that may take several tickets in one Publish.
type Batched interface {
	// BatchOf is how many of these tickets, from the first on, one Publish may take now; at least 1. It is asked before they become
	// 'publishing' in the ledger, and the answer may be another one each time. A crash within that Publish leaves all of them in doubt,
	// to be published again in the same way. Publish of several tickets may return ErrUntried for some.
	//
	// looks tells that these, which are several, may have been sent before, and that Publish sends none of them: it finds out which are
	// there. So they need not be 'publishing', and a crash leaves nothing new in doubt.
	BatchOf(tickets []Ticket) (n int, looks bool)
}
