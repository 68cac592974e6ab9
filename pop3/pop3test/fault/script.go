package fault

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Script is what a scripted server does, step by step; then it closes the connection.
type Script []Step

// Step is one step of a Script.
type Step func(*Peer) error

// Peer is the connection that a script is played on.
type Peer struct {
	conn net.Conn
	r    *bufio.Reader
}

// Expect reads one line and wants it to be this command, without CRLF.
func Expect(line string) Step {
	return func(p *Peer) error {
		got, err := p.r.ReadString('\n')
		if err != nil {
			return fmt.Errorf("waiting for %q: %w", line, err)
		}
		if got != line+"\r\n" {
			return fmt.Errorf("got %q, want %q", got, line)
		}
		return nil
	}
}

// Send sends text as it is.
func Send(text string) Step {
	return func(p *Peer) error {
		_, err := io.WriteString(p.conn, text)
		return err
	}
}

// Chat is Expect and Send for several commands: command, reply, command, reply.
func Chat(turns ...string) Step {
	return func(p *Peer) error {
		for i := 0; i+1 < len(turns); i += 2 {
			if err := Expect(turns[i])(p); err != nil {
				return err
			}
			if err := Send(turns[i+1])(p); err != nil {
				return err
			}
		}
		return nil
	}
}

// Repeat sends text again and again until the client has had enough; that it hangs up is no error.
func Repeat(text string) Step {
	return func(p *Peer) error {
		b := []byte(strings.Repeat(text, 1+4096/max(1, len(text))))
		for {
			if _, err := p.conn.Write(b); err != nil {
				return nil
			}
		}
	}
}

// Drip sends text again and again, with a pause before each, until the client has had enough; that it hangs up is no error.
func Drip(text string, pause time.Duration) Step {
	return func(p *Peer) error {
		for {
			time.Sleep(pause)
			if _, err := io.WriteString(p.conn, text); err != nil {
				return nil
			}
		}
	}
}

// Wait sleeps.
func Wait(d time.Duration) Step {
	return func(*Peer) error { time.Sleep(d); return nil }
}

// Stalled reads and answers nothing until the client hangs up.
func Stalled() Step {
	return func(p *Peer) error {
		_, _ = io.Copy(io.Discard, p.r)
		return nil
	}
}

// ExpectEOF wants the client to hang up without another command.
func ExpectEOF() Step {
	return func(p *Peer) error {
		if line, err := p.r.ReadString('\n'); err == nil || line != "" {
			return fmt.Errorf("got %q after the end", line)
		}
		return nil
	}
}

// Run plays the script on a connection and closes it. It returns the first step that went wrong.
func (s Script) Run(conn net.Conn) error {
	defer conn.Close()
	p := &Peer{conn, bufio.NewReader(conn)}
	for i, step := range s {
		if err := step(p); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return nil
}

// Start plays the script once, for the first connection: dial fits pop3.Options.Dial and gives a net.Pipe; wait
// returns what Run returned. Later dials are refused.
func (s Script) Start() (dial func(ctx context.Context, network, addr string) (net.Conn, error), wait func() error) {
	conns := make(chan net.Conn, 1)
	client, server := net.Pipe()
	conns <- client
	done := make(chan error, 1)
	go func() { done <- s.Run(server) }()
	dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		select {
		case c := <-conns:
			return c, nil
		default:
			return nil, fmt.Errorf("the script takes one connection only")
		}
	}
	return dial, func() error { return <-done }
}
