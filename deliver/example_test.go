package deliver_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/maildir"
)

// One message is delivered in two phases. What a caller has to write down in between, so that a crash at any moment neither
// loses the message nor doubles it, stands in the comments.
func Example() {
	top, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(top)
	ctx := context.Background()
	path := filepath.Join(top, "Mail")
	var target deliver.Target = maildir.New(maildir.Options{Path: path})
	defer target.Close()

	// A place that was never met is made. Remember the identity: with it, an empty mount point is not taken for the mailbox.
	if _, err := target.Identify(ctx, ""); err != nil {
		log.Fatal(err)
	}

	// Phase one: the message is written where no reader looks, and made durable.
	staging, err := target.Create(ctx, deliver.Message{Account: "alice", UID: "a1"})
	if err != nil {
		log.Fatal(err)
	}
	defer staging.Abort() // does nothing after Ticket
	if _, err := staging.Write([]byte("Subject: one\r\n\r\nfirst\r\n")); err != nil {
		log.Fatal(err)
	}
	ticket, err := staging.Ticket()
	if err != nil {
		log.Fatal(err)
	}
	tickets := []deliver.Ticket{ticket}
	if err := target.Prepare(ctx, tickets); err != nil {
		log.Fatal(err)
	}

	// Now write the ticket down, durably, as being published.
	fmt.Println("staged:", count(path, "tmp"), "visible:", count(path, "new"))

	// Phase two. After a crash, Publish with the tickets that were written down settles them, whatever had happened. Where it
	// gives nil the message is durable there: write that down, and from then on it may be deleted on the server.
	for _, err := range target.Publish(ctx, tickets) {
		if err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("staged:", count(path, "tmp"), "visible:", count(path, "new"))

	// Output:
	// staged: 1 visible: 0
	// staged: 0 visible: 1
}

// count is how many files a folder of a Maildir has.
func count(path, folder string) int {
	files, err := os.ReadDir(filepath.Join(path, folder))
	if err != nil {
		log.Fatal(err)
	}
	return len(files)
}
