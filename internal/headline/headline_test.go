package headline

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want Header
	}{
		"plain":    {"From: Ada <a@x>\r\nDate: d\r\nSubject: Hello\r\n\r\nSubject: no\r\n", Header{"Ada <a@x>", "d", "Hello"}},
		"folded":   {"SUBJECT :one\n two\n\tthree\nX: y\n z\nfrom:a\n", Header{"a", "", "one two three"}},
		"twice":    {"Subject: first\nSubject: second\n third\n", Header{"", "", "first"}},
		"words":    {"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n", Header{"", "", "Grüße"}},
		"no words": {"Subject: =?x-unknown?q?abc?=\n", Header{"", "", "=?x-unknown?q?abc?="}},
		"none":     {"\r\nFrom: a\r\n", Header{}},
		"too far":  {"X: " + strings.Repeat("y", most) + "\nFrom: a\n", Header{}},
	} {
		if got := Read(strings.NewReader(c.text)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestWhen(t *testing.T) {
	if at, ok := (Header{Date: "Mon, 23 Nov 2026 10:00:01 +0000"}).When(); !ok || !at.Equal(time.Date(2026, 11, 23, 10, 0, 1, 0, time.UTC)) {
		t.Error(at, ok)
	}
	if at, ok := (Header{Date: "yesterday"}).When(); ok {
		t.Error(at)
	}
}
