package fetcher

import (
	"bytes"
	"context"
	"net"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
)

// forgetful is a server that reads its input in pieces and looks at the first line of each only, although it announces
// PIPELINING.
type forgetful struct{ net.Conn }

func (c forgetful) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if i := bytes.Index(p[:n], []byte("\r\n")); i >= 0 {
		n = i + 2
	}
	return n, err
}

// Announced pipelining that turns out broken: the next session goes one command at a time, for some hours.
func TestBrokenPipelining(t *testing.T) {
	box := mailbox(5)
	r := newRig(t, box...)
	r.server.Change(func(o *pop3test.Options) { o.Wrap = func(c net.Conn) net.Conn { return forgetful{c} } })
	r.acc.Server.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		a, err := r.server.Listen()
		if err != nil {
			return nil, err
		}
		return new(net.Dialer).DialContext(ctx, "tcp", a.String())
	}
	r.acc.Server.Timeouts.List = 50 * time.Millisecond
	if rep := r.run(); rep.Verdict.Class != verdict.Temporary {
		t.Errorf("%+v", rep)
	}
	r.ok()
	r.wantMail(box...)
	r.clock = r.clock.Add(7 * time.Hour)
	r.server.Change(func(o *pop3test.Options) { o.Wrap = nil })
	r.ok()
	if l, _ := r.ledger.Acquire(context.Background(), "a"); l != nil {
		defer l.Close()
		if f := health.Decode(l.Info().Facts); f.NoPipeliningUntil > r.clock.Unix() {
			t.Error("pipelining is not tried again")
		}
	}
}
