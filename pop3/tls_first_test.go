package pop3_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"

	"github.com/popsync/popsync/internal/trust"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

// served gives a connection to a server that shakes hands with conf and says no more.
func served(conf *tls.Config) net.Conn {
	client, server := fault.Pipe()
	go func() {
		defer server.Close()
		_ = tls.Server(server, conf).Handshake()
	}()
	return client
}

// played gives a connection on which a server says something and waits for the client to hang up.
func played(text string) net.Conn {
	client, server := fault.Pipe()
	go func() {
		defer server.Close()
		_, _ = io.WriteString(server, text)
		_, _ = io.Copy(io.Discard, server)
	}()
	return client
}

// A server that says nothing in plaintext is asked whether it expects TLS; only a handshake proves that it does.
func TestDiagnose(t *testing.T) {
	ca, err := pop3test.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	good, err := ca.Server("h")
	if err != nil {
		t.Fatal(err)
	}
	old := good.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	for name, tt := range map[string]struct {
		second func() net.Conn // nil: connection refused
		want   bool
	}{
		"TLS":         {func() net.Conn { return served(good) }, true},
		"TLS 1.1":     {func() net.Conn { return served(old) }, true},
		"an alert":    {func() net.Conn { return played("\x15\x03\x03\x00\x02\x02\x28") }, true},
		"silent":      {func() net.Conn { return played("") }, false},
		"a greeting":  {func() net.Conn { return played("+OK here I am\r\n") }, false},
		"unreachable": {nil, false},
	} {
		for _, mode := range []pop3.TLSMode{pop3.NoTLS, pop3.StartTLS} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					conns := []net.Conn{played("")}
					if tt.second != nil {
						conns = append(conns, tt.second())
					}
					o := pop3.Options{Host: "h", TLS: mode, TLSConfig: &tls.Config{RootCAs: ca.Pool()}, Dial: dialling(conns...)}
					_, err := pop3.Dial(t.Context(), o)
					if !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Fatal(err)
					}
					err = pop3.Diagnose(t.Context(), o, err)
					var failed *pop3.TLSError
					if is := errors.As(err, &failed) && failed.Class() == trust.TLSFirst; is != tt.want || !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Error(err)
					}
				})
			})
		}
	}
	// Nothing else is looked into.
	for _, err := range []error{nil, &pop3.ConnError{Command: "CAPA", Err: io.EOF}, &pop3.ResponseError{Command: "greeting"}} {
		o := pop3.Options{Host: "h", TLS: pop3.StartTLS, Dial: func() dialFunc { return dialling() }()}
		if got := pop3.Diagnose(t.Context(), o, err); got != err {
			t.Error(got)
		}
	}
}
