package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// What a request may cost. Who asks is the own user; these are against what hangs or runs wild, not against enemies.
const (
	maxBody     = 256 << 10 // octets: 3,000 names of accounts
	maxHeader   = 16 << 10
	most        = 64               // connections at a time
	readTime    = 10 * time.Second // for a whole request
	writeTime   = time.Minute      // for one answer, or one piece of a stream
	idleTime    = 30 * time.Second
	stopTime    = 6 * time.Second // for what is being answered when the daemon stops: passes take up to 5 s
	maxAccounts = 10_000          // in one request
)

// Serve answers until ctx ends, then gives what is being answered a few seconds, and removes the socket's file. It
// returns nil when ctx ended.
func (s *Socket) Serve(ctx context.Context, h Handler) error {
	defer s.Close()
	return serve(ctx, s.listener, peerOf, h)
}

func serve(ctx context.Context, l net.Listener, peer credentials, h Handler) error {
	srv := &http.Server{
		Handler:           routes(h),
		ReadHeaderTimeout: readTime,
		ReadTimeout:       readTime,
		WriteTimeout:      writeTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(io.Discard, "", 0), // leaves do not log
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	down := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(down)
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
		defer cancel()
		if srv.Shutdown(late) != nil {
			srv.Close()
		}
	})
	err := srv.Serve(&guarded{Listener: l, peer: peer, slots: make(chan struct{}, most)})
	if stop() { // ctx goes on: the listener failed
		srv.Close()
		return fmt.Errorf("control socket: %w", err)
	}
	<-down
	return nil
}

func routes(h Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) {
		st, err := h.Status(r.Context())
		answer(w, st, err)
	})
	mux.HandleFunc("POST /v1/wake", func(w http.ResponseWriter, r *http.Request) {
		q, err := decode(w, r)
		if err != nil {
			refuse(w, err)
			return
		}
		unknown, err := h.Wake(r.Context(), q.Accounts)
		answer(w, reply{Unknown: unknown}, err)
	})
	mux.HandleFunc("POST /v1/pause", func(w http.ResponseWriter, r *http.Request) {
		q, err := decode(w, r)
		if err == nil && (len(q.Accounts) != 1 || q.Paused == nil) {
			err = errors.New("one account and 'paused' are needed")
		}
		if err != nil {
			refuse(w, err)
			return
		}
		answer(w, reply{}, h.Pause(r.Context(), q.Accounts[0], *q.Paused))
	})
	mux.HandleFunc("POST /v1/run", func(w http.ResponseWriter, r *http.Request) {
		q, err := decode(w, r)
		if err != nil {
			refuse(w, err)
			return
		}
		stream(w, r, h, q)
	})
	mux.HandleFunc("POST /v1/reload", func(w http.ResponseWriter, r *http.Request) {
		done, err := h.Reload(r.Context())
		answer(w, reply{Reloaded: &done}, err)
	})
	mux.HandleFunc("POST /v1/grant", func(w http.ResponseWriter, r *http.Request) {
		g, err := decodeGrant(w, r)
		if err != nil {
			refuse(w, err)
			return
		}
		answer(w, reply{}, h.Grant(r.Context(), g))
	})
	mux.HandleFunc("POST /v1/logout", func(w http.ResponseWriter, r *http.Request) {
		g, err := decodeGrant(w, r)
		if err != nil {
			refuse(w, err)
			return
		}
		revoked, err := h.Logout(r.Context(), g)
		answer(w, reply{Revoked: revoked}, err)
	})
	return unpanicked(mux)
}

// unpanicked answers instead of a handler that panicked: net/http would only close the connection.
func unpanicked(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				send(w, http.StatusInternalServerError, failed(panicked(p)))
			}
		}()
		h.ServeHTTP(w, r)
	})
}

func panicked(value any) error { return fmt.Errorf("popsync panicked: %v", value) }

// reply is an answer that is no Status. Error "" means that all went well.
type reply struct {
	Error   string   `json:"error,omitempty"`
	Unknown []string `json:"unknown,omitempty"` // accounts that the daemon does not know

	Revoked  bool      `json:"revoked,omitempty"` // of Logout
	Reloaded *Reloaded `json:"reloaded,omitempty"`
	Reload   bool      `json:"reload,omitempty"` // Error is about the configuration that was to be reloaded
	NextStep string    `json:"next_step,omitempty"`
}

func failed(err error) reply {
	r := reply{Error: err.Error()}
	var unknown *UnknownError
	if errors.As(err, &unknown) {
		r.Unknown = unknown.Accounts
	}
	var reload *ReloadError
	if errors.As(err, &reload) {
		r.Reload, r.NextStep = true, reload.NextStep
	}
	return r
}

// answer sends v, or what went wrong.
func answer(w http.ResponseWriter, v any, err error) {
	code := http.StatusOK
	if err != nil {
		code, v = http.StatusInternalServerError, failed(err)
	}
	send(w, code, v)
}

func refuse(w http.ResponseWriter, err error) {
	code := http.StatusBadRequest
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		code = http.StatusRequestEntityTooLarge
	}
	send(w, code, reply{Error: "request: " + err.Error()})
}

func send(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // fails when nobody is there any more
}
