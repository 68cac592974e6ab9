package smtp

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/popsync/popsync/deliver/delivertest/postfix"
	"github.com/popsync/popsync/pop3/pop3test/dovecot"
)

// TestRealServers: Postfix, and Dovecot by LMTP, answer an envelope that was sent ahead: a message costs one round trip,
// and arrives as it was, once.
func TestRealServers(t *testing.T) {
	t.Run("Postfix", func(t *testing.T) {
		server := postfix.Start(t, postfix.Options{Users: []string{"me", "you"}})
		for to := 1; to <= 2; to++ {
			sendRow(t, Options{Address: server.Addr, To: []string{"me@" + postfix.Domain, "you@" + postfix.Domain}[:to]}, 0)
		}
		wantRow(t, server.Messages("me"), 2)
		wantRow(t, server.Messages("you"), 1)
	})
	t.Run("Dovecot", func(t *testing.T) {
		server := dovecot.Start(t, dovecot.Options{LMTP: true})
		stored := func(user string) (all [][]byte) {
			files, err := filepath.Glob(filepath.Join(server.Maildir(user), "new", "*"))
			for _, f := range files {
				b, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, b)
			}
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		server.AddUser("me")
		server.AddUser("you")
		for to := 1; to <= 2; to++ { // with two the first message goes alone
			sendRow(t, Options{LMTP: true, Address: "unix:" + server.LMTP, To: []string{"me@y.example", "you@y.example"}[:to]}, to-1)
		}
		wantRow(t, stored("me"), 2)
		wantRow(t, stored("you"), 1)
	})
}

// TestPostfixRefusesSenders: a Postfix without SMTPUTF8 that refuses some senders as addresses gets every message all the same, and
// those for all recipients of a catch-all.
func TestPostfixRefusesSenders(t *testing.T) {
	server := postfix.Start(t, postfix.Options{Users: []string{"me", "you"}, Extra: `
smtputf8_enable = no
unknown_address_reject_code = 550
smtpd_sender_restrictions = inline:{{nowhere.example=550 5.1.8 no such domain}, {mine.example=553 5.7.1 not yours}}
strict_rfc821_envelopes = yes
`})
	s, err := New(Options{Address: server.Addr, TLS: NoTLS, Helo: "me.example", EnvelopeHeader: "Delivered-To", EnvelopePrefix: "box-",
		AllowDomains: []string{postfix.Domain}})
	if err != nil {
		t.Fatal(err)
	}
	const to = "Delivered-To: box-me@" + postfix.Domain + "\r\nDelivered-To: them@elsewhere.example, you@" + postfix.Domain + "\r\n"
	paths := []string{"<a@b.example>", "<\u00fc@b.example>", "<a@\u00fc.example>", "<\xfc@b.example>", "<@x.example,@y.example:a@b.example>", "<a@nowhere.example>", "<root>", "<>"}
	for i, path := range paths {
		wants(t, s.Send(t.Context(), outgoing(fmt.Sprint("id", i), "Return-Path: "+path+"\r\n"+to+letter)), "ok")
	}
	wants(t, s.Send(t.Context(), outgoing("mine", "Return-Path: <a@mine.example>\r\n"+to+letter)), "message permanent envelope vouched", "not yours")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for _, user := range []string{"me", "you"} {
		if got := len(server.Messages(user)); got != len(paths) {
			t.Errorf("%s has %d messages, want %d", user, got, len(paths))
		}
	}
}

// rowLength is how many messages go to a real server, and rowPart how many on one connection.
const rowLength, rowPart = 60, 25

// sendRow sends messages to a server and counts the round trips.
func sendRow(t *testing.T, o Options, alone int) {
	t.Helper()
	o.TLS, o.Helo, o.From, o.PerConnection = NoTLS, "me.example", "a@b.example", rowPart
	var conns []*flightConn
	o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		counted := &flightConn{Conn: conn}
		conns = append(conns, counted)
		return counted, err
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range row(rowIDs()...) {
		wants(t, s.Send(t.Context(), m), "ok")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	flights := 0
	for _, c := range conns {
		flights += c.flights
	}
	// Each connection: EHLO, the first envelope, QUIT.
	if want := rowLength + 3*len(conns) + alone; flights != want || len(conns) != (rowLength+rowPart-1)/rowPart {
		t.Errorf("%d round trips on %d connections for %d messages, want %d", flights, len(conns), rowLength, want)
	}
}

func rowIDs() (ids []string) {
	for i := range rowLength {
		ids = append(ids, fmt.Sprintf("id%03d", i))
	}
	return ids
}

// wantRow wants every message of a row so many times; servers add header fields on top, and store LF.
func wantRow(t *testing.T, stored [][]byte, times int) {
	t.Helper()
	var got, want []string
	for _, b := range stored {
		i := max(bytes.Index(b, []byte("Subject: ")), 0)
		got = append(got, string(b[i:]))
	}
	for _, id := range rowIDs() {
		for range times {
			want = append(want, string(bytes.ReplaceAll([]byte(letterOf(id)), []byte("\r\n"), []byte("\n"))))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d stored, want %d: %.300q", len(got), len(want), got)
	}
}
