package pop3_test

import (
	"context"
	"fmt"
	"io"
	"log"

	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
)

// Connect, log in and see what is there. The server is one in memory; of a real one, say Host and leave Dial and TLS alone.
func Example() {
	server := pop3test.NewServer(pop3test.Options{})
	defer server.Close()
	server.AddUser("alice", "secret",
		pop3test.Message{UID: "a1", Data: []byte("Subject: one\r\n\r\nfirst\r\n")},
		pop3test.Message{UID: "b2", Data: []byte("Subject: two\r\n\r\nsecond\r\n")})

	ctx := context.Background()
	client, err := pop3.Dial(ctx, pop3.Options{Host: "mail.example.org", TLS: pop3.NoTLS, Dial: server.Dial})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	err = client.Login(ctx, pop3.Login{
		Username: "alice",
		Password: func(context.Context) (string, error) { return "secret", nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	listing, err := client.List(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for entry := range listing.All() {
		fmt.Println(entry.Num, entry.UID, entry.Size, "octets")
	}
	if err := client.Quit(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 1 a1 23 octets
	// 2 b2 24 octets
}

// Messages come one after another, and none of them is held in memory. Where the server permits it, their commands are sent
// ahead.
func ExampleClient_Retrieve() {
	server := pop3test.NewServer(pop3test.Options{})
	defer server.Close()
	server.AddUser("alice", "secret",
		pop3test.Message{UID: "a1", Data: []byte("Subject: one\r\n\r\nfirst\r\n")},
		pop3test.Message{UID: "b2", Data: []byte("Subject: two\r\n\r\nsecond\r\n")})

	ctx := context.Background()
	client, err := pop3.Dial(ctx, pop3.Options{Host: "mail.example.org", TLS: pop3.NoTLS, Dial: server.Dial})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	err = client.Login(ctx, pop3.Login{
		Username: "alice",
		Password: func(context.Context) (string, error) { return "secret", nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	listing, err := client.List(ctx)
	if err != nil {
		log.Fatal(err)
	}
	all := func(yield func(pop3.Item) bool) {
		for entry := range listing.All() {
			if !yield(pop3.Item{Num: entry.Num, Size: entry.Size}) {
				return
			}
		}
	}
	err = client.Retrieve(ctx, all, func(r pop3.Response) error {
		if r.Err != nil {
			return nil // the server did not give this one; the next one comes all the same
		}
		octets, err := io.Copy(io.Discard, r.Body)
		fmt.Println("message", r.Num, "has", octets, "octets")
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// message 1 has 23 octets
	// message 2 has 24 octets
}
