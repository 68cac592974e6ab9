package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func own(net.Conn) (int, error) { return os.Geteuid(), nil }

// bubble runs a daemon over pipes in a synctest bubble.
func bubble(t *testing.T, h Handler, f func(t *testing.T, p *pipes, c *Client)) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- serve(ctx, p, own, h) }()
		f(t, p, newClient(p.dial))
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A client that says nothing, or not all, is cut off in time.
func TestClientHangs(t *testing.T) {
	for _, said := range []string{"", "POST /v1/wake HTTP/1.1\r\n", "POST /v1/wake HTTP/1.1\r\nHost: p\r\nContent-Length: 10\r\n\r\n{"} {
		bubble(t, &daemon{}, func(t *testing.T, p *pipes, c *Client) {
			conn, err := p.dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			begin := time.Now()
			io.WriteString(conn, said)
			io.Copy(io.Discard, conn)
			if took := time.Since(begin); took > readTime+time.Second {
				t.Errorf("after %q: cut off after %s", said, took)
			}
		})
	}
}

// Those who hang take no more connections than there are, and others get theirs when they are gone.
func TestConnectionsAreBounded(t *testing.T) {
	bubble(t, &daemon{}, func(t *testing.T, p *pipes, c *Client) {
		for range most {
			conn, err := p.dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
		if _, err := c.Status(t.Context()); !errors.Is(err, ErrGone) {
			t.Errorf("one too many: %v", err)
		}
		time.Sleep(readTime + time.Second)
		if _, err := c.Status(t.Context()); err != nil {
			t.Errorf("after the others: %v", err)
		}
	})
}

// A run may take hours, as long as the daemon shows that it is alive.
func TestLongRun(t *testing.T) {
	d := &daemon{run: func(ctx context.Context, _ []string, _ bool, progress func(Progress)) ([]json.RawMessage, error) {
		select {
		case <-time.After(3 * time.Hour):
			return []json.RawMessage{[]byte(`{}`)}, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}}
	bubble(t, d, func(t *testing.T, p *pipes, c *Client) {
		if reports, err := c.Run(t.Context(), RunRequest{}, nil); err != nil || len(reports) != 1 {
			t.Errorf("reports %s, %v", reports, err)
		}
	})
}

// A daemon that hangs, or dies, is noticed.
func TestDaemonFallsSilentOrDies(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
	for _, tc := range []struct {
		name, says string
		dies       bool
		within     time.Duration
	}{
		{"silent at once", "", false, silenceTime},
		{"dies at once", "", true, 0},
		{"silent in the midst", head + `{"report":{"account":"a"}}` + "\n", false, silenceTime},
		{"dies in the midst", head + `{"report":{"account":"a"}}` + "\n", true, 0},
		{"ends without a word", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}\n", true, 0},
		{"dies within a line", head + `{"report":{"acc`, true, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClient(func(context.Context) (net.Conn, error) {
					ours, theirs := net.Pipe()
					go func() {
						req, err := http.ReadRequest(bufio.NewReader(theirs))
						if err == nil {
							io.Copy(io.Discard, req.Body)
						}
						io.WriteString(theirs, tc.says)
						if !tc.dies {
							io.Copy(io.Discard, theirs)
						}
						theirs.Close()
					}()
					return ours, nil
				})
				begin := time.Now()
				reports, err := c.Run(t.Context(), RunRequest{}, nil)
				if !errors.Is(err, ErrGone) && tc.name != "dies within a line" || err == nil {
					t.Errorf("told as %v", err)
				}
				if want := strings.Count(tc.says, `"a"`); len(reports) != want {
					t.Errorf("%d reports, want %d", len(reports), want)
				}
				if took := time.Since(begin); took != tc.within {
					t.Errorf("noticed after %s, want %s", took, tc.within)
				}
			})
		})
	}
}

func TestSilentDaemonAnswersNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(func(context.Context) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() { io.Copy(io.Discard, theirs); theirs.Close() }()
			return ours, nil
		})
		if _, err := c.Status(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("told as %v", err)
		}
	})
}

// A reader that stopped (Ctrl-Z, say) does not hold up the passes.
func TestSlowReaderHoldsUpNobody(t *testing.T) {
	over := make(chan struct{})
	d := &daemon{run: func(ctx context.Context, _ []string, _ bool, progress func(Progress)) ([]json.RawMessage, error) {
		for i := range 100_000 {
			progress(Progress{Account: fmt.Sprintf("a%d", i%100), Messages: i})
		}
		close(over)
		return nil, nil
	}}
	bubble(t, d, func(t *testing.T, p *pipes, c *Client) {
		conn, err := p.dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, "POST /v1/run HTTP/1.1\r\nHost: p\r\nContent-Length: 2\r\n\r\n{}")
		<-over // a bubble in which everything waits would fail
	})
}

func TestBadRequests(t *testing.T) {
	h := routes(&daemon{})
	big := `{"accounts":["` + strings.Repeat("a", 1<<20) + `"]}`
	for _, tc := range []struct {
		method, path, body string
		code               int
	}{
		{"POST", "/v1/wake", big, http.StatusRequestEntityTooLarge},
		{"POST", "/v1/run", big, http.StatusRequestEntityTooLarge},
		{"POST", "/v1/pause", big, http.StatusRequestEntityTooLarge},
		{"POST", "/v1/wake", ``, http.StatusBadRequest},
		{"POST", "/v1/wake", `{"accounts":"home"}`, http.StatusBadRequest},
		{"POST", "/v1/wake", `{}{}`, http.StatusBadRequest},
		{"POST", "/v1/wake", `{"accounts":["a b"]}`, http.StatusBadRequest},
		{"POST", "/v1/wake", `{"accounts":[""]}`, http.StatusBadRequest},
		{"POST", "/v1/wake", `{"accounts":["home"],"newer":{"x":[1]}}`, http.StatusOK},
		{"POST", "/v1/pause", `{"accounts":["home"]}`, http.StatusBadRequest},
		{"POST", "/v1/pause", `{"accounts":["a","b"],"paused":true}`, http.StatusBadRequest},
		{"POST", "/v1/pause", `{"paused":true}`, http.StatusBadRequest},
		{"GET", "/v1/wake", ``, http.StatusMethodNotAllowed},
		{"POST", "/v1/status", ``, http.StatusMethodNotAllowed},
		{"GET", "/v2/status", ``, http.StatusNotFound},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(tc.method, tc.path, strings.NewReader(tc.body)))
		if w.Code != tc.code {
			t.Errorf("%s %s %.40s: %d %s, want %d", tc.method, tc.path, tc.body, w.Code, w.Body, tc.code)
		}
	}
}

// A newer daemon says more than this client knows; an older one does not know what it is asked.
func TestOtherVersions(t *testing.T) {
	for answer, want := range map[string]string{
		`{"pid":3,"newer":[1,{}],"accounts":[{"account":"a","newer":1}]}`: "",
		"404 page not found": "another version",
		`{"pid":"three"}`:    "cannot be understood",
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if answer[0] != '{' {
				http.NotFound(w, r)
				return
			}
			io.WriteString(w, answer)
		}))
		c := newClient(func(context.Context) (net.Conn, error) { return net.Dial("tcp", srv.Listener.Addr().String()) })
		st, err := c.Status(t.Context())
		switch {
		case want == "" && (err != nil || st.PID != 3 || st.Accounts[0].Account != "a"):
			t.Errorf("%s: %+v, %v", answer, st, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", answer, err, want)
		}
		srv.Close()
	}
}

func FuzzRequest(f *testing.F) {
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := parse(body)
		if err != nil {
			return
		}
		for _, name := range q.Accounts {
			if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != "" || len(name) > 64 || name == "" {
				t.Fatalf("took the name %q", name)
			}
		}
		again, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		q2, err := parse(again)
		if err != nil {
			t.Fatalf("%s became %s: %v", body, again, err)
		}
		if third, _ := json.Marshal(q2); !bytes.Equal(again, third) {
			t.Fatalf("%s became %s", again, third)
		}
	})
}
