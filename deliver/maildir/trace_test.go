package maildir

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver"
)

// A Maildir gets a Received line only when asked, and never one that the message's first line would continue.
func TestTrace(t *testing.T) {
	for body, traced := range map[string]bool{"Subject: x\r\n\r\nbody\r\n": true, " folded\r\n": false, "": false} {
		for _, on := range []bool{false, true} {
			path := filepath.Join(t.TempDir(), "mail")
			m := New(Options{Path: path, Host: "here.example", Trace: on})
			if _, err := m.Identify(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
			s, err := m.Create(t.Context(), deliver.Message{Account: "a", UID: "u"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Write([]byte(body)); err != nil {
				t.Fatal(err)
			}
			ticket, err := s.Ticket()
			if err == nil {
				err = m.Prepare(t.Context(), []deliver.Ticket{ticket})
			}
			if err == nil {
				err = m.Publish(t.Context(), []deliver.Ticket{ticket})[0]
			}
			if err != nil {
				t.Fatal(err)
			}
			files, _ := filepath.Glob(filepath.Join(path, "new", "*"))
			got, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			want := strings.ReplaceAll(body, "\r\n", "\n")
			if !strings.HasSuffix(string(got), want) || strings.HasPrefix(string(got), "Received: from popsync\n (account a)\n by here.example") != (on && traced) ||
				strings.Contains(string(got), "\r") || !on && string(got) != want {
				t.Errorf("%q", got)
			}
			m.Close()
		}
	}
}
