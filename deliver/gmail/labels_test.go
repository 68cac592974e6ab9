package gmail

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver/gmail/gmailtest"
)

func TestLabels(t *testing.T) {
	t.Parallel()
	for _, text := range []string{named(1), bare(1)} {
		w := newWorld(t, gmailtest.Options{})
		w.set = func(o *Options) { o.Labels = []string{"Inbox", "Imported/Old mail", "Ärger"} }
		s := w.open(false)
		saw, err := s.Look(t.Context())
		if err != nil || !saw.Connected || !saw.LoggedIn || saw.TLS == nil || !slices.Equal(saw.Missing, []string{"Imported/Old mail", "Ärger"}) {
			t.Errorf("%+v, %v", saw, err)
		}
		if len(w.server.Labels()) > 0 {
			t.Error("a look made a label")
		}
		w.must(w.send(s, "one", text, false))
		w.must(w.send(s, "two", named(2), false))
		for _, m := range w.server.Messages() {
			if !slices.Equal(m.Labels, []string{"INBOX", "Imported/Old mail", "Ärger"}) {
				t.Errorf("%q", m.Labels)
			}
		}
		if n := w.server.Calls("create"); n != 2 || !slices.Equal(w.server.Labels(), []string{"Imported/Old mail", "Ärger"}) {
			t.Errorf("%d were made: %q", n, w.server.Labels())
		}
		w.set = func(o *Options) { o.Labels = []string{"IMPORTED/old mail"} } // another process
		s = w.open(false)
		w.must(w.send(s, "three", named(3), false))
		w.server.RemoveLabel("Imported/Old mail")
		w.must(w.send(s, "four", map[bool]string{true: named(4), false: bare(4)}[text == named(1)], false)) // its id is stale
		if got := w.server.Labels(); !slices.Equal(got, []string{"Ärger", "IMPORTED/old mail"}) {
			t.Errorf("%q", got)
		}
	}
}

// Nothing is asked for Gmail's own labels, and no label at all is possible.
func TestOwnLabels(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gmailtest.Options{})
	w.must(w.send(w.open(false), "one", named(1), false))
	w.set = func(o *Options) { o.Labels = nil }
	w.must(w.send(w.open(false), "two", named(2), false))
	all := w.server.Messages()
	if w.server.Calls("labels") != 0 || !slices.Equal(all[0].Labels, []string{"INBOX", "UNREAD"}) || len(all[1].Labels) != 0 {
		t.Errorf("%q, %q", all[0].Labels, all[1].Labels)
	}
	if _, err := New(Options{Username: "u", Token: func(context.Context, string) (string, error) { return "", nil }, Labels: []string{"a\nb"}}); err == nil {
		t.Error("a label with a line end")
	}
}

func TestSpam(t *testing.T) {
	t.Parallel()
	for _, never := range []bool{false, true} {
		w := newWorld(t, gmailtest.Options{})
		w.set = func(o *Options) { o.NeverSpam = never }
		s := w.open(false)
		for i, text := range []string{named(1), bare(1)} {
			w.must(w.send(s, fmt.Sprint(i), strings.Replace(text, "Subject:", "Subject: V1AGRA", 1), false))
		}
		for _, m := range w.server.Messages() {
			if slices.Contains(m.Labels, "SPAM") == never {
				t.Errorf("never %v: %q", never, m.Labels)
			}
		}
	}
}

func TestMessageIDs(t *testing.T) {
	for text, want := range map[string]int{
		"":                                           0,
		"Message-ID: <a@b>\r\n\r\nx":                 1,
		"MESSAGE-ID : a\r\n\r\n":                     1,
		"Message-Id:\r\n <a@b>\r\n\r\n":              1,
		"Message-Id:\n\t<a@b>\n\n":                   1,
		"Message-ID:\r\n\r\n":                        0,
		"Message-ID: <>\r\n\r\n":                     0,
		"Message-ID: <a>\r\nMessage-ID: <b>\r\n\r\n": 2,
		"Message-ID: <a>\r\nMessage-ID: \r\n\r\n":    0,
		"Subject: a\r\n\r\nMessage-ID: <a@b>\r\n":    0,
		"Subject: a\r\n Message-ID: <a@b>\r\n\r\n":   0,
		"Message-ID: <a@b>":                          1,
		"Resent-Message-ID: <a@b>\r\n\r\n":           0,
		"X: " + strings.Repeat("y", maxHeader) + "\r\nMessage-ID: <a@b>\r\n\r\n": 0,
		"Message-ID: <a@b>\r\nX: " + strings.Repeat("y", maxHeader) + "\r\n\r\n": 0,
	} {
		if got := messageIDs([]byte(text[:min(len(text), maxHeader+1)])); got != want {
			t.Errorf("%.60q: %d, want %d", text, got, want)
		}
	}
}

func TestSame(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"me@gmail.com", "Me@GMail.com", true}, {"m.e@gmail.com", "me@googlemail.com", true}, {"me@gmail.com", "you@gmail.com", false},
		{"m.e@example.org", "me@example.org", false}, {"me@example.org", "ME@example.org", true}, {"me", "ME", true}, {"", "me@gmail.com", false},
	} {
		if Same(c.a, c.b) != c.same || (Options{Username: c.a}.Where() == Options{Username: c.b}.Where()) != c.same {
			t.Errorf("%+v", c)
		}
	}
}

func TestPatience(t *testing.T) {
	now := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		header, message string
		want            time.Duration
	}{
		{"", "", 0}, {"30", "", 30 * time.Second}, {"-3", "", 0}, {"999999999", "", mostPatience}, {"soon", "", 0},
		{now.Add(time.Minute).Format(http.TimeFormat), "", time.Minute}, {now.Add(-time.Minute).Format(http.TimeFormat), "", 0},
		{"", "User-rate limit exceeded.  Retry after 2026-11-29T10:05:00.000Z", 5 * time.Minute},
		{"", "Retry after 2026-11-29T10:05:00Z. Or not.", 5 * time.Minute}, {"", "Retry after lunch", 0},
	} {
		if got := patience(c.header, c.message, now); got != c.want {
			t.Errorf("%q, %q: %v", c.header, c.message, got)
		}
	}
}

// A date source is one that Gmail is told.
func TestDateSource(t *testing.T) {
	for received, want := range map[bool]string{false: "internalDateSource=dateHeader", true: "internalDateSource=receivedTime"} {
		s := &Sender{o: Options{Address: Address, Received: received}}
		if got := s.importURL("", "multipart"); !strings.Contains(got, want) || !strings.HasPrefix(got, "https://gmail.googleapis.com/upload/gmail/v1/") {
			t.Error(got)
		}
	}
}
