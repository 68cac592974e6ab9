package oauth

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// listen listens on this machine only (RFC 8252, section 8.3).
func listen(ctx context.Context, host string, port int) (net.Listener, error) {
	if host == "localhost" {
		host = "127.0.0.1"
	}
	var l net.ListenConfig
	return l.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
}

// The pages that the browser shows: they say nothing of the login.
const (
	pageDone  = "popsync has got the answer. You can close this page; the rest is on the terminal.\n"
	pageWrong = "This is not the answer that popsync waits for. It goes on waiting for the right one.\n"
)

// serve answers the browser until end is called. Only one answer counts, and only with the right state; after another one the
// waiting goes on.
func (a *attempt) serve(l net.Listener, answers chan<- answer, note func(string)) (end func()) {
	var once, told sync.Once
	s := &http.Server{
		ReadHeaderTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Second, MaxHeaderBytes: 64 << 10,
		ErrorLog: silent(),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Content-Type", "text/plain; charset=utf-8")
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "no-referrer") // the code is in the address
			h.Set("Cache-Control", "no-store")
			h.Set("Connection", "close")
			path := a.redirect.Path
			if path == "" {
				path = "/"
			}
			if r.Method != http.MethodGet || r.URL.Path != path || r.URL.RawQuery == "" || r.Host != a.redirect.Host {
				http.Error(w, "There is nothing here.", http.StatusNotFound)
				return
			}
			got, ok := a.read(r.URL.Query())
			if !ok {
				http.Error(w, pageWrong, http.StatusBadRequest)
				told.Do(func() { note("a page was opened here that is no answer to this login; waiting goes on") })
				return
			}
			_, _ = w.Write([]byte(pageDone))
			once.Do(func() {
				select {
				case answers <- got:
				default: // what was pasted came first
				}
			})
		}),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			note("the browser can't reach popsync any more; paste the address instead")
		}
	}()
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second) // for the page
		defer cancel()
		if s.Shutdown(ctx) != nil {
			s.Close()
		}
		<-done
	}
}
