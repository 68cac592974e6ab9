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
)

// Token is the access token that the Gmail of this room takes: nobody logs in to it.
const Token = "demo"

// GmailUser is whose mailbox it is.
const GmailUser = "you@gmail.com"

const gmailConfig = `state_dir = %q

[oauth.google]
provider      = "google"
client_id     = "demo"
client_secret = "demo"

[account.demo]
host     = "127.0.0.1"
port     = %d
tls      = "none"     # on loopback only: without this key it is encrypted
username = "demo"
password = "demo"

[[account.demo.deliver]]
type     = "gmail"
username = "you@gmail.com"
oauth    = "google"
address  = %q   # for this demonstration only,
ca_file  = %q
labels   = ["INBOX", "UNREAD", "From the old mailbox"]

[[account.demo.deliver]]
type     = "maildir"  # takes what Gmail refuses
path     = %q
fallback = true
`

// serveGmail adds a server that does as Gmail does, and the configuration that delivers to it.
func (b *Mailbox) serveGmail(dir string) error {
	b.box = gmailtest.New(gmailtest.Options{Token: func(token string) ([]string, bool) {
		return []string{"https://mail.google.com/"}, token == Token
	}})
	addr, err := b.box.Listen()
	if err != nil {
		return err
	}
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, b.box.CA, 0o600); err != nil {
		return err
	}
	b.Config = fmt.Sprintf(gmailConfig, filepath.Join(dir, "state"), b.Port, addr, ca, b.maildir)
	b.Beside = fmt.Sprintf(", and a server that does as Gmail does on %s", addr)
	return nil
}

// compareGmail compares what Gmail has, and the fallback, with what was sent.
func (b *Mailbox) compareGmail(w io.Writer) error {
	refused, _, err := b.arrived()
	if err != nil {
		return err
	}
	there, times := map[string]int{}, map[string]int{}
	for _, m := range b.box.Messages() {
		there[m.Raw]++
		times[m.Raw] = m.Times
	}
	var rows [][]string
	for i, s := range b.sent {
		stored := strings.ReplaceAll(s.data, "\r\n", "\n")
		state := "every byte the same"
		switch {
		case there[s.data] > 0:
			there[s.data]--
		case times[s.data] > 1:
			state = "merged by Gmail with the first; it stays on the POP3 server"
		case refused[stored] > 0:
			refused[stored]--
			state = "refused by Gmail; in the fallback, every byte the same"
		default:
			state = "NOT as it was sent"
			err = exit.Errorf(exit.Internal, "message %d did not arrive as it was sent", i+1)
		}
		rows = append(rows, []string{"  " + fmt.Sprint(i+1), s.about, words.Octets(int64(len(s.data))), state})
	}
	if terr := screen.Table(w, []string{"  #", "MESSAGE", "SIZE", "IN GMAIL"}, rows); terr != nil {
		return terr
	}
	return err
}
