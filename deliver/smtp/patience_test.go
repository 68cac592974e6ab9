package smtp

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestPatience lets the server fall silent at each step and wants the documented patience, to the second.
func TestPatience(t *testing.T) {
	big := strings.Repeat("0123456789\r\n", 50_000)
	for _, tt := range []struct {
		name  string
		s     script
		body  string
		after time.Duration
		short string
	}{
		{"greeting", script{silent}, letter, 5 * time.Minute, "target"},
		{"EHLO", hello()[:1].and(silent), letter, 5 * time.Minute, "target"},
		{"MAIL", hello().and(silent), letter, 5 * time.Minute, "target"},
		{"DATA", hello().and(mailCmd, rcpt, silent), letter, 5 * time.Minute, "target"},
		{"reads nothing", hello().and(mailCmd, rcpt, data, deaf), big, 3 * time.Minute, "target"},
		{"reads no command", hello().and(deaf), letter, 5 * time.Minute, "target"},
		{"end of data", hello().and(mailCmd, rcpt, data, silent), letter, 10 * time.Minute, "target uncertain"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, tt.s)
				r.hear = make(chan struct{})
				s := r.sender(nil)
				start := time.Now()
				wants(t, s.Send(t.Context(), outgoing("id1", tt.body)), tt.short)
				if got := time.Since(start); got != tt.after {
					t.Errorf("waited %v, want %v", got, tt.after)
				}
				close(r.hear)
				_ = s.Close()
				r.wg.Wait()
			})
		})
	}
}

// TestSlowAnswer: after 9 minutes it still counts.
func TestSlowAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		r := newRig(t)
		s := r.sender(func(o *Options) {
			o.Dial = func(context.Context, string, string) (net.Conn, error) { return client, nil }
		})
		go func() {
			var rest string
			slow := turn{text.want, ""}
			if err := r.play(server, hello().and(mailCmd, rcpt, data, slow, hangUp), &rest); err != nil {
				t.Error(err)
			}
			time.Sleep(9 * time.Minute)
			_, _ = io.WriteString(server, "250 at last\r\n")
			server.Close()
		}()
		start := time.Now()
		wants(t, s.Send(t.Context(), outgoing("id1", letter)), "ok")
		if time.Since(start) != 9*time.Minute {
			t.Error(time.Since(start))
		}
		_ = s.Close()
	})
}

// TestCancel ends the context while the server is silent: at once, and in doubt only after the final dot.
func TestCancel(t *testing.T) {
	for _, tt := range []struct {
		name  string
		s     script
		short string
	}{
		{"greeting", script{silent}, "context canceled"},
		{"EHLO", hello()[:1].and(silent), "context canceled"},
		{"MAIL", hello().and(silent), "context canceled"},
		{"DATA", hello().and(mailCmd, rcpt, silent), "context canceled"},
		{"end of data", hello().and(mailCmd, rcpt, data, silent), "target uncertain"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, tt.s)
				s := r.sender(nil)
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Minute, cancel)
				start := time.Now()
				err := s.Send(ctx, outgoing("id1", letter))
				wants(t, err, tt.short)
				if !errors.Is(err, context.Canceled) || time.Since(start) != time.Minute {
					t.Error(err, time.Since(start))
				}
				_ = s.Close()
				r.wg.Wait()
			})
		})
	}
	r := newRig(t)
	s := r.sender(nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wants(t, s.Send(ctx, outgoing("id1", letter)), "context canceled")
	r.end(s)
}
