package server

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/internal/trust"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

// A server that waits for TLS is found out after seconds; one that says nothing is waited for, and one that is slow is not taken
// for either.
func TestDialLooking(t *testing.T) {
	ca, err := pop3test.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	conf, err := ca.Server("pop.example.org")
	if err != nil {
		t.Fatal(err)
	}
	speaksTLS := func(c net.Conn) { _, _ = io.Copy(io.Discard, tls.Server(c, conf)) }
	mute := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	slow := func(c net.Conn) {
		time.Sleep(20 * time.Second)
		_, _ = io.WriteString(c, "+OK at last\r\n")
		mute(c)
	}
	hangsUp := func(net.Conn) {}
	for _, tt := range []struct {
		name        string
		mode        pop3.TLSMode
		serve       []func(net.Conn) // one after the other; the last one from then on
		class       trust.Class
		least, most time.Duration
		dials       int
	}{
		{"TLS first, starttls", pop3.StartTLS, []func(net.Conn){speaksTLS}, trust.TLSFirst, patience, 2 * patience, 2},
		{"TLS first, none", pop3.NoTLS, []func(net.Conn){speaksTLS}, trust.TLSFirst, patience, 2 * patience, 2},
		{"mute", pop3.NoTLS, []func(net.Conn){mute}, trust.Unclear, time.Minute, time.Minute + time.Second, 2},
		{"hangs up, and wants TLS", pop3.NoTLS, []func(net.Conn){hangsUp, speaksTLS}, trust.TLSFirst, 0, time.Second, 2},
		{"slow", pop3.NoTLS, []func(net.Conn){slow}, trust.Unclear, 20 * time.Second, 90 * time.Second, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dials := 0
				o := pop3.Options{Host: "pop.example.org", TLS: tt.mode, NoCapa: tt.name == "slow", Dial: func(context.Context, string, string) (net.Conn, error) {
					client, server := fault.Pipe()
					serve := tt.serve[min(dials, len(tt.serve)-1)]
					dials++
					go func() {
						defer server.Close()
						serve(server)
					}()
					return client, nil
				}}
				began := time.Now()
				c, err := DialLooking(t.Context(), o)
				took := time.Since(began)
				if c != nil {
					c.Close()
				}
				var e *pop3.TLSError
				class := trust.Unclear
				if errors.As(err, &e) {
					class = e.Class()
				}
				if class != tt.class || (err == nil) != (tt.name == "slow") {
					t.Errorf("%v, want %v: %v", class, tt.class, err)
				}
				if took < tt.least || took > tt.most || dials != tt.dials {
					t.Errorf("%d connections in %v, want %d in %v to %v", dials, took, tt.dials, tt.least, tt.most)
				}
				time.Sleep(time.Hour) // the servers end
			})
		})
	}
}
