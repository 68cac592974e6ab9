package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"syscall"
	"time"
)

// What an answer may cost.
const (
	maxAnswer   = 64 << 20         // octets: a status of 100,000 accounts
	answerTime  = 30 * time.Second // for a whole answer, but for Run
	silenceTime = 45 * time.Second // between two lines of Run: several missed beats
)

// Client asks a daemon. Every call makes a connection of its own; there is nothing to close.
type Client struct {
	http http.Client
}

// Dial finds out whether a daemon listens at path. ErrNoDaemon: nobody does, or only a file was left behind.
func Dial(path string) (*Client, error) {
	c := newClient(func(ctx context.Context) (net.Conn, error) { return connect(ctx, path, peerOf) })
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	conn, err := connect(ctx, path, peerOf)
	if err != nil {
		return nil, err
	}
	conn.Close()
	return c, nil
}

func newClient(dial func(context.Context) (net.Conn, error)) *Client {
	return &Client{http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}}}
}

// connect makes a connection to a daemon of somebody whom we trust.
func connect(ctx context.Context, path string, peer credentials) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EINVAL) {
		return nil, ErrNoDaemon
	}
	if err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	uid, err := peer(c)
	if err == nil {
		err = mayAnswer(uid)
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	return c, nil
}

// Status asks what the daemon knows.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var st Status
	return st, c.call(ctx, http.MethodGet, "status", nil, &st)
}

// Wake makes passes over accounts due now; none named: over all. It returns those that the daemon does not know.
func (c *Client) Wake(ctx context.Context, accounts []string) (unknown []string, err error) {
	var r reply
	err = c.call(ctx, http.MethodPost, "wake", request{Accounts: accounts}, &r)
	return r.Unknown, err
}

// Pause stops or resumes passes over an account. *UnknownError: the daemon does not have it.
func (c *Client) Pause(ctx context.Context, account string, paused bool) error {
	return c.call(ctx, http.MethodPost, "pause", request{Accounts: []string{account}, Paused: &paused}, &reply{})
}

// Grant has the daemon store what a person's login by OAuth gave. *UnknownError: its configuration has no such login.
func (c *Client) Grant(ctx context.Context, g Grant) error {
	return c.call(ctx, http.MethodPost, "grant", g, &reply{})
}

// Logout has the daemon revoke and remove a login by OAuth; revoked tells that the provider was told.
func (c *Client) Logout(ctx context.Context, g Grant) (revoked bool, err error) {
	var r reply
	err = c.call(ctx, http.MethodPost, "logout", g, &r)
	return r.Revoked, err
}

// Reload makes the daemon read its configuration again. A *ReloadError tells why it goes on with the old one.
func (c *Client) Reload(ctx context.Context) (Reloaded, error) {
	var r reply
	if err := c.call(ctx, http.MethodPost, "reload", request{}, &r); err != nil {
		return Reloaded{}, err
	}
	if r.Reloaded == nil { // a daemon of an older version does not count
		return Reloaded{}, nil
	}
	return *r.Reloaded, nil
}

// call asks and reads the answer into v.
func (c *Client) call(ctx context.Context, method, what string, q, v any) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	res, err := c.do(ctx, method, what, q)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return gone(ctx, err)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("the daemon's answer cannot be understood: %w", err)
	}
	return nil
}

// do asks. An answer other than 200 is turned into its error.
func (c *Client) do(ctx context.Context, method, what string, q any) (*http.Response, error) {
	var body io.Reader
	if q != nil {
		b, err := json.Marshal(q)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://popsync/v1/"+what, body)
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, gone(ctx, err)
	}
	if res.StatusCode == http.StatusOK {
		return res, nil
	}
	defer res.Body.Close()
	var r reply
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, gone(ctx, err)
	}
	if json.Unmarshal(b, &r) != nil || r.Error == "" {
		return nil, fmt.Errorf("the daemon does not understand %q (HTTP status %d): it may be of another version", what, res.StatusCode)
	}
	return nil, r.err()
}

// err is what a reply says went wrong, or nil.
func (r reply) err() error {
	switch {
	case r.Error == "":
		return nil
	case len(r.Unknown) > 0:
		return &UnknownError{Accounts: r.Unknown}
	case r.Reload:
		return &ReloadError{Text: r.Error, NextStep: r.NextStep}
	}
	return errors.New(r.Error)
}

// gone words the failure of a connection: what ended ctx, that nobody is there, or that the daemon went away.
func gone(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, ErrNoDaemon):
		return ErrNoDaemon
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the daemon does not answer: %w", err)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w (%v)", ErrGone, err)
}
