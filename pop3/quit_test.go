package pop3_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

// TestQuit closes the connection whatever the server says.
func TestQuit(t *testing.T) {
	for _, reply := range []string{"+OK\r\n", "-ERR some deleted messages not removed\r\n", "what?\r\n"} {
		c := scripted(t, pop3.Options{}, fault.Chat("QUIT", reply), fault.ExpectEOF())
		if err := c.Quit(t.Context()); (err == nil) != (reply == "+OK\r\n") {
			t.Error(reply, err)
		}
		var be *pop3.BrokenError
		if err := c.Quit(t.Context()); !errors.As(err, &be) {
			t.Error(err)
		}
	}
}

// TestDeleteQuit: DELE and QUIT leave together where the server announces PIPELINING, else one after the other; a refused
// DELE is one message's matter, and the connection is closed in any case.
func TestDeleteQuit(t *testing.T) {
	flight := fault.Step(func(p *fault.Peer) error {
		for _, line := range []string{"DELE 1", "DELE 2", "QUIT"} {
			if err := fault.Expect(line)(p); err != nil {
				return err
			}
		}
		return nil
	})
	const refusal = "-ERR some deleted messages not removed\r\n"
	for _, tt := range []struct {
		name  string
		one   bool // no pipelining
		steps []fault.Step
		seen  string
		quit  string // part of QUIT's error
		err   string // part of the other
	}{
		{name: "together", steps: []fault.Step{flight, fault.Send("+OK\r\n+OK\r\n+OK\r\n")}, seen: "1 2 "},
		{name: "one at a time", one: true, steps: []fault.Step{fault.Chat("DELE 1", "+OK\r\n", "DELE 2", "+OK\r\n", "QUIT", "+OK\r\n")}, seen: "1 2 "},
		{name: "one is refused", steps: []fault.Step{flight, fault.Send("-ERR no\r\n+OK\r\n+OK\r\n")}, seen: "1! 2 "},
		{name: "QUIT is refused", steps: []fault.Step{flight, fault.Send("+OK\r\n+OK\r\n" + refusal)}, seen: "1 2 ", quit: "not removed"},
		{name: "QUIT is not answered", steps: []fault.Step{flight, fault.Send("+OK\r\n+OK\r\n")}, seen: "1 2 ", quit: "closed the connection"},
		{name: "closed before", steps: []fault.Step{flight, fault.Send("+OK\r\n")}, seen: "1 ", err: "DELE 2"},
		{name: "out of step", steps: []fault.Step{flight, fault.Send("+OK\r\nwhat?\r\n+OK\r\n")}, seen: "1 ", err: "DELE 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			steps := tt.steps
			if tt.quit != "closed the connection" && tt.name != "closed before" {
				steps = append(steps, fault.ExpectEOF())
			}
			c := scripted(t, pop3.Options{NoPipelining: tt.one}, steps...)
			seen := ""
			quit, err := c.DeleteQuit(t.Context(), numbers(1, 2), func(r pop3.Response) error {
				seen += fmt.Sprint(r.Num) + map[bool]string{true: "! ", false: " "}[r.Err != nil]
				return nil
			})
			if seen != tt.seen || !says(quit, tt.quit) || !says(err, tt.err) {
				t.Errorf("saw %q, QUIT: %v, error: %v", seen, quit, err)
			}
			var be *pop3.BrokenError
			if err := c.Noop(t.Context()); !errors.As(err, &be) {
				t.Error("still open:", err)
			}
		})
	}
	c := scripted(t, pop3.Options{}, fault.Chat("QUIT", "+OK\r\n"), fault.ExpectEOF())
	if quit, err := c.DeleteQuit(t.Context(), numbers(), nil); quit != nil || err != nil {
		t.Errorf("nothing to delete: %v, %v", quit, err)
	}
}

// TestClose from another goroutine ends a call that waits.
func TestClose(t *testing.T) {
	waiting := make(chan struct{})
	s := newServer(t, pop3test.Options{OnCommand: func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
		if verb != "NOOP" {
			return nil
		}
		close(waiting)
		return &pop3test.Reply{}
	}})
	c := login(t, pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: s.Dial})
	go func() {
		<-waiting
		c.Close()
	}()
	var conn *pop3.ConnError
	if err := c.Noop(t.Context()); !errors.As(err, &conn) {
		t.Error(err)
	}
	broken(t, c)
}
