package deliver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestReceivedIsBounded(t *testing.T) {
	long := strings.Repeat("x", 200)
	for _, host := range []string{"", "a b", "a\r\nBcc: x", long, long[:64], long[:65], "h\xff", "-", "a..b", "ok.example"} {
		got := Received(host, "a)\r\nX: "+long, long+"\r\n", time.Unix(0, 0))
		lines := strings.Split(got, "\r\n")
		if len(lines) != 6 || lines[5] != "" || strings.ContainsAny(strings.Join(lines, ""), "\r\n") {
			t.Fatalf("%q", got)
		}
		for i, l := range lines[:5] {
			if len(l) > 78 || i > 0 && l[0] != ' ' {
				t.Errorf("%q", l)
			}
		}
		if by := lines[2]; host != "ok.example" && host != long[:64] && by != " by localhost with POP3" {
			t.Errorf("%q for %q", by, host)
		}
	}
}

// A Maildir gets a Received line only when asked, and never one that the message's first line would continue.
func TestMaildirTrace(t *testing.T) {
	for body, traced := range map[string]bool{"Subject: x\r\n\r\nbody\r\n": true, " folded\r\n": false, "": false} {
		for _, on := range []bool{false, true} {
			path := filepath.Join(t.TempDir(), "mail")
			m := OpenMaildir(MaildirOptions{Path: path, Host: "here.example", Trace: on})
			if _, err := m.Identify(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
			s, err := m.Create(t.Context(), Message{Account: "a", UID: "u"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Write([]byte(body)); err != nil {
				t.Fatal(err)
			}
			ticket, err := s.Ticket()
			if err == nil {
				err = m.Prepare(t.Context(), []Ticket{ticket})
			}
			if err == nil {
				err = m.Publish(t.Context(), []Ticket{ticket})[0]
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
