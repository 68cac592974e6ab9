package fetcher

import (
	"context"
	"net"

	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

// offer makes the server's mailbox what is listed now.
func (w *world) offer() {
	var box []pop3test.Message
	for _, l := range w.letters {
		if l.onServer && l.listed {
			box = append(box, l.Message)
			size := l.ListSize
			if size == 0 {
				size = l.octets
			}
			l.most = max(l.most, size)
			max := w.acc.Policy.MaxSize
			l.fits = l.fits || max == 0 || size <= max && l.octets <= max
			if l.offered < 0 {
				l.offered = len(w.clocks)
			}
		}
	}
	w.server.AddUser("u", "p", box...)
}

// collect finds what the sessions of a pass removed from the server.
func (w *world) collect() {
	w.serving.Wait()
	left := map[*byte]bool{}
	for _, m := range w.server.Messages("u") {
		left[&m.Data[0]] = true
	}
	for _, l := range w.letters {
		if l.onServer && l.listed && !left[&l.Data[0]] {
			l.onServer = false
			w.logf("%s (letter %d) left the server", l.UID, l.id)
		}
	}
}

// dial connects to the server, with the pass's faults on the way.
func (w *world) dial(wrap func(net.Conn) net.Conn, buffered, stalls bool) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		client, server := net.Pipe()
		if buffered {
			client, server = fault.Pipe()
		}
		server = wrap(server)
		w.serving.Go(func() { w.server.ServeConn(server) })
		return hangUp{client, server, stalls}, nil
	}
}

// hangUp is a client's connection whose end wakes up a server that stalls.
type hangUp struct {
	net.Conn
	server net.Conn
	stalls bool
}

func (h hangUp) Close() error {
	err := h.Conn.Close()
	if h.stalls {
		_ = h.server.Close()
	}
	return err
}
