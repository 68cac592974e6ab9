package headers

import (
	"io"
	"strings"
	"testing"
	"time"
)

func readReceived(text string) time.Time {
	r := &received{}
	r.field, r.state = append(r.field, "of the one before; Mon, 1 Jan 2001 00:00:00 +0000"...), knows
	r.reset()
	_, _ = io.WriteString(r, text)
	return r.when()
}

// The date of the first Received line counts, wherever it is folded, and nothing else does.
func TestReceived(t *testing.T) {
	const date = "Mon, 23 Nov 2026 10:00:01 +0100"
	is := time.Date(2026, 11, 23, 9, 0, 1, 0, time.UTC)
	for name, c := range map[string]struct {
		text string
		want time.Time
	}{
		"plain":          {"Return-Path: <a@x>\r\nReceived: from a by b; " + date + "\r\nReceived: from c by a; Tue, 24 Nov 2026 10:00:00 +0000\r\n\r\n", is},
		"folded":         {"received:\r\n from a (a; b)\r\n\tby b for <x@y>;\r\n  " + date + " (CET)\r\nDate: " + date + "\r\n\r\n", is},
		"no seconds":     {"Received: by b; 23 Nov 2026 10:00 +0100\n\n", is.Add(-time.Second)},
		"blank in name":  {"Received : by b; " + date + "\n\n", is},
		"last":           {"X: y\nReceived: by b; " + date + "\n\n", is},
		"none":           {"Date: " + date + "\r\n\r\nReceived: by b; " + date + "\r\n\r\n", time.Time{}},
		"no date":        {"Received: from a by b\r\nReceived: by c; " + date + "\r\n\r\n", time.Time{}},
		"no zone":        {"Received: by b; Mon, 23 Nov 2026 10:00:01\r\n\r\n", time.Time{}},
		"nonsense":       {"Received: by b; yesterday\r\n\r\n", time.Time{}},
		"cut in it":      {"Received: by b; " + date, time.Time{}},
		"cut behind it":  {"Received: by b; " + date + "\r\n", time.Time{}}, // it may go on
		"folded in name": {"X: y\r\n Received: by b; " + date + "\r\n\r\n", time.Time{}},
		"too long":       {"Received: " + strings.Repeat("x", receivedMost) + "; " + date + "\r\n\r\n", time.Time{}},
		"too many lines": {"Received: a\r\n" + strings.Repeat(" "+strings.Repeat("x", 100)+"\r\n", 100) + " ; " + date + "\r\n\r\n", time.Time{}},
		"long before":    {"X: " + strings.Repeat("y", 3*receivedMost) + "\r\nReceived: by b; " + date + "\r\n\r\n", is},
		"empty":          {"", time.Time{}},
	} {
		if got := readReceived(c.text); !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// However a header comes apart, it says the same, and little of it is kept.
func FuzzReceived(f *testing.F) {
	f.Add("Received: from a\r\n by b; Mon, 23 Nov 2026 10:00:01 +0100\r\nDate: x\r\n\r\n", 7)
	f.Add("X: y\nReceived:;;\n\n", 1)
	f.Add("Received: ; Mon, 23 Nov 2026 10:00:01 +0100 (a (b)\n\t;\n\n", 3)
	f.Fuzz(func(t *testing.T, text string, n int) {
		want := readReceived(text)
		r := &received{}
		for rest := text; rest != ""; {
			part := rest[:min(len(rest), max(n&31, 1))]
			rest = rest[len(part):]
			if m, err := r.Write([]byte(part)); m != len(part) || err != nil {
				t.Fatal(m, err)
			}
		}
		if got := r.when(); !got.Equal(want) {
			t.Errorf("in parts %v, whole %v", got, want)
		}
		if len(r.line)+len(r.field) > 3*receivedMost {
			t.Errorf("%d octets are kept", len(r.line)+len(r.field))
		}
	})
}
