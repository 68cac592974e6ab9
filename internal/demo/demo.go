// Package demo is a small mailbox of awkward mail on a server of its own, on loopback, for a first look at popsync: with a
// configuration that fetches it, and a comparison of what arrived with what was sent.
//
// 'popsync demo' calls it, and makes the passes. It touches nothing but a temporary folder.
package demo

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/popsync/popsync/deliver/gmail/gmailtest"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3/pop3test"
)

// Mailbox is a sample mailbox, and the configuration that fetches it.
type Mailbox struct {
	Config   string // its text
	Port     int    // on loopback
	Messages int
	Beside   string // what else listens, to be put behind that; "": nothing

	server  *pop3test.Server
	box     *gmailtest.Server // nil: mail goes into the Maildir
	maildir string
	sent    []sample
}

// Serve begins to serve the mailbox, and with gmail one at Gmail that the mail goes to. The configuration keeps all that it makes in dir.
func Serve(dir string, gmail bool) (*Mailbox, error) {
	b := &Mailbox{server: pop3test.NewServer(pop3test.Options{}), maildir: filepath.Join(dir, "Mail"), sent: samples()}
	b.Messages = len(b.sent)
	var all []pop3test.Message
	for i, s := range b.sent {
		all = append(all, pop3test.Message{UID: fmt.Sprintf("demo-%02d", i+1), Data: []byte(s.data)})
	}
	b.server.AddUser("demo", "demo", all...)
	addr, err := b.server.Listen()
	if err != nil {
		b.server.Close()
		return nil, err
	}
	b.Port = addr.Port
	b.Config = fmt.Sprintf(config, filepath.Join(dir, "state"), b.Port, b.maildir)
	if gmail {
		if err := b.serveGmail(dir); err != nil {
			b.Close()
			return nil, err
		}
	}
	return b, nil
}

// Close ends the servers.
func (b *Mailbox) Close() {
	b.server.Close()
	if b.box != nil {
		b.box.Close()
	}
}

const config = `state_dir = %q

[account.demo]
host     = "127.0.0.1"
port     = %d
tls      = "none"     # on loopback only: without this key it is encrypted
username = "demo"
password = "demo"

[[account.demo.deliver]]
type = "maildir"
path = %q
`

// Indented is the configuration as it is shown.
func (b *Mailbox) Indented() string {
	var out strings.Builder
	for line := range strings.Lines(b.Config) {
		if line != "\n" {
			out.WriteString("    ")
		}
		out.WriteString(line)
	}
	return out.String()
}

// arrived is what the Maildir holds, and how many messages that are.
func (b *Mailbox) arrived() (arrived map[string]int, n int, err error) {
	arrived = map[string]int{}
	files, err := os.ReadDir(filepath.Join(b.maildir, "new"))
	if err != nil {
		return nil, 0, exit.With(exit.Internal, err)
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(b.maildir, "new", f.Name()))
		if err != nil {
			return nil, 0, exit.With(exit.Internal, err)
		}
		arrived[string(data)]++
	}
	return arrived, len(files), nil
}

// Compare compares the Maildir, or Gmail, with what was sent and shows it on w, one line per message.
func (b *Mailbox) Compare(w io.Writer) error {
	if b.box != nil {
		return b.compareGmail(w)
	}
	arrived, n, err := b.arrived()
	if err != nil {
		return err
	}
	if n != len(b.sent) {
		return exit.Errorf(exit.Internal, "the Maildir holds %d messages, not %d", n, len(b.sent))
	}
	var rows [][]string
	for i, s := range b.sent {
		want := strings.ReplaceAll(s.data, "\r\n", "\n")
		state := "every byte the same"
		if arrived[want]--; arrived[want] < 0 {
			state = "NOT as it was sent"
			err = exit.Errorf(exit.Internal, "message %d did not arrive as it was sent", i+1)
		}
		rows = append(rows, []string{"  " + fmt.Sprint(i+1), s.about, words.Octets(int64(len(s.data))), state})
	}
	if terr := screen.Table(w, []string{"  #", "MESSAGE", "SIZE", "IN THE MAILDIR"}, rows); terr != nil {
		return terr
	}
	return err
}
