package imap

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver/imap/imaptest"
)

// octets are those of an APPEND at which a test cuts it: all with POPSYNC_LARGE=1, else some and those at the ends.
func octets(n int) (all []int) {
	for i := range n + 40 {
		if os.Getenv("POPSYNC_LARGE") != "" || i < 3 || i > n-4 && i < n+6 || i%83 == 0 {
			all = append(all, i)
		}
	}
	return all
}

// The answer is lost at an octet of the APPEND, or of what the server says to it: then there is exactly one copy, whoever looks for it.
func TestCutAtOctets(t *testing.T) {
	t.Parallel()
	text := ordinary(1)
	for name, o := range map[string]imaptest.Options{
		"LITERAL+":       {},
		"asked first":    {Caps: "IMAP4rev1 UIDPLUS"},
		"no UIDPLUS":     {Caps: "IMAP4rev1 LITERAL+"},
		"DIGEST":         {Caps: "IMAP4rev1 LITERAL+ UIDPLUS DIGEST=SHA1"},
		"early":          {Caps: "IMAP4rev1 UIDPLUS", Early: true},
		"lies about UID": {Lie: func(v, u uint32) (uint32, uint32) { return v, u + 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			for _, silent := range []bool{false, true} {
				for _, restart := range []bool{false, true} {
					if restart != silent && os.Getenv("POPSYNC_LARGE") == "" {
						continue
					}
					for _, n := range octets(len(text) + len(`p5 APPEND INBOX "28-Nov-2026 09:00:01 +0000" {999+}`) + 4) {
						w := newWorld(t, o)
						w.server.Put("INBOX", ordinary(0))
						answer := 0
						if n > len(text)+60 {
							answer = n - len(text) - 60
						}
						w.set = cutting(n, answer, silent)
						s := w.open(false)
						err := w.send(s, "one", text, false)
						if restart {
							s.Close()
							s = w.open(true)
						}
						for try := 0; err != nil && try < 3; try++ {
							err = w.send(s, "one", text, true)
						}
						w.must(err)
						w.has(fmt.Sprintf("cut at %d, silent %v, restart %v", n, silent, restart), ordinary(0), text)
						w.must(w.send(s, "two", ordinary(2), false))
						w.has("after another", ordinary(0), text, ordinary(2))
						if t.Failed() {
							t.Log(strings.Join(w.server.Commands(""), "\n"))
							return
						}
					}
				}
			}
		})
	}
}
