package control

import (
	"context"
	"encoding/json"
	"net"
	"path/filepath"
	"sync"
	"testing"
)

// daemon is a Handler that does as told and remembers what it was asked.
type daemon struct {
	mu     sync.Mutex
	woken  [][]string
	paused map[string]bool
	grants []Grant
	status Status
	run    func(ctx context.Context, accounts []string, asked bool, progress func(Progress)) ([]json.RawMessage, error)
	reload error
}

func (d *daemon) Status(context.Context) (Status, error) { return d.status, nil }

func (d *daemon) Wake(_ context.Context, accounts []string) (unknown []string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.woken = append(d.woken, accounts)
	for _, a := range accounts {
		if a == "unknown" {
			unknown = append(unknown, a)
		}
	}
	return unknown, nil
}

func (d *daemon) Pause(_ context.Context, account string, paused bool) error {
	if account == "unknown" {
		return &UnknownError{Accounts: []string{account}}
	}
	if account == "panics" {
		panic("as told")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.paused == nil {
		d.paused = map[string]bool{}
	}
	d.paused[account] = paused
	return nil
}

func (d *daemon) Run(ctx context.Context, q RunRequest, progress func(Progress), report func(json.RawMessage)) error {
	reports, err := d.run(ctx, q.Accounts, q.Asked, progress)
	for _, doc := range reports {
		report(doc)
	}
	return err
}

func (d *daemon) Grant(_ context.Context, g Grant) error {
	if g.Account == "unknown" {
		return &UnknownError{Accounts: []string{g.Account}}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.grants = append(d.grants, g)
	return nil
}

func (d *daemon) Logout(_ context.Context, g Grant) (bool, error) { return g.Destination == "", nil }

func (d *daemon) Reload(context.Context) (Reloaded, error) {
	return Reloaded{Accounts: 3, Added: 1, Removed: 2}, d.reload
}

// place is a path for a socket whose directory does not exist yet.
func place(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "run", "s")
}

// start runs a daemon for the length of the test; end stops it earlier.
func start(t *testing.T, path string, h Handler) (c *Client, end func()) {
	t.Helper()
	s, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, h) }()
	end = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(end)
	if c, err = Dial(path); err != nil {
		t.Fatal(err)
	}
	return c, end
}

// pipes is a listener over net.Pipe, for tests of time.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.done:
		return nil, ErrNoDaemon
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
