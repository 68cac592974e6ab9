package maildir_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/maildir"
)

// A Maildir that was met before is recognised, and never made anew: its disk may just not be mounted.
func ExampleTarget_Identify() {
	top, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(top)
	ctx := context.Background()
	path := filepath.Join(top, "Mail")
	target := maildir.New(maildir.Options{Path: path})
	defer target.Close()
	identity, err := target.Identify(ctx, "")
	if err != nil {
		log.Fatal(err)
	}

	again, err := target.Identify(ctx, identity)
	fmt.Println("recognised:", again == identity, err)

	if err := os.Rename(path, path+".away"); err != nil {
		log.Fatal(err)
	}
	_, err = target.Identify(ctx, identity)
	var e *deliver.Error
	if errors.As(err, &e) {
		fmt.Println("the whole target:", e.Scope == deliver.WholeTarget)
		fmt.Println("made anew:", exists(path))
	}
	// Output:
	// recognised: true <nil>
	// the whole target: true
	// made anew: false
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
