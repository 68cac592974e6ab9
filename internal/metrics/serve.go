package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// What a listener allows: anybody on this machine may connect, and mail needs the descriptors and the memory.
const (
	maxConnections = 32               // a further one takes the place of the one that has done nothing for longest
	headerTimeout  = 5 * time.Second  // for the header of a request
	readTimeout    = 10 * time.Second // for a whole request
	writeTimeout   = 30 * time.Second // for a whole answer
	idleTimeout    = time.Minute      // between requests: a Prometheus keeps its connection
	closeTimeout   = 2 * time.Second  // for the answers that are on the way when ctx ends
	maxHeader      = 16 << 10
)

// Handler answers every request with all figures.
func (m *Metrics) Handler() http.Handler {
	figures := promhttp.HandlerFor(m.reg, promhttp.HandlerOpts{DisableCompression: true, MaxRequestsInFlight: maxConnections})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.refresh()
		figures.ServeHTTP(w, r)
	})
}

// Serve is Listen and ServeListener in one.
func (m *Metrics) Serve(ctx context.Context, listen string) error {
	l, err := Listen(listen)
	if err != nil {
		return err
	}
	return m.ServeListener(ctx, l)
}

// ServeListener answers GET /metrics on l until ctx ends, which is no error, and closes l in every case. It returns at
// most two seconds after ctx ended. Where l is no unix socket, only requests to localhost or a loopback address are answered.
func (m *Metrics) ServeListener(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler())
	var handler http.Handler = mux
	if l.Addr().Network() != "unix" { // no web page reaches that
		handler = ownHost(handler)
	}
	s := &http.Server{
		Handler: noted(handler), ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader,
		ConnContext:    func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
		// What clients do wrong is no event of popsync.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		if s.Shutdown(late) != nil {
			s.Close()
		}
	})
	err := s.Serve(limit(l, maxConnections))
	if !stop() {
		<-closed
	}
	if ctx.Err() != nil && errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	s.Close()
	return fmt.Errorf("metrics: %w", err)
}

type connKey struct{}

// noted has a connection known as busy while its request is answered.
func noted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(connKey{}).(*limitedConn); ok {
			defer c.answers()()
		}
		h.ServeHTTP(w, r)
	})
}
