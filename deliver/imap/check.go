package imap

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/popsync/popsync/deliver"
)

// Sight is what Look saw of a server, as far as it came.
type Sight struct {
	Connected bool // the server greeted
	// TLS is how the connection is protected; nil: it is not.
	TLS       *tls.ConnectionState
	LoggedIn  bool
	Method    string   // by which it did, in lower case: see sasl.Methods
	Server    string   // what it calls itself (RFC 2971); "": it does not say
	Alters    string   // what servers of its kind are known to change in messages, a sentence; "": not known
	Alert     string   // what it wants people to see
	Can       []string // of what is of use here: LITERAL+, UIDPLUS and the like
	Limit     int64    // the most octets of a message (APPENDLIMIT); 0: it does not say
	Folder    string   // as the server spells it
	Missing   bool     // the folder is not there, and is to be made
	Used      int64    // octets of the quota; with QuotaSize
	QuotaSize int64    // 0: it does not say
}

// checkReply bounds the wait for each answer while nothing but a look is taken: a person may be waiting for it.
const checkReply = time.Minute

// Check implements deliver.Checker: it is Look without what was seen.
func (s *Sender) Check(ctx context.Context, _ string) error {
	_, err := s.Look(ctx)
	return err
}

// Look connects, logs in, and asks for the folder and what it may hold. Nothing is made and no message is sent. Its errors are those of Send,
// about the whole destination. A server that does not greet is looked at for whether it expects TLS at once.
func (s *Sender) Look(ctx context.Context) (saw Sight, err error) {
	o := s.o
	o.Timeouts.Reply = min(o.Timeouts.Reply, checkReply)
	o.secured = func(state tls.ConnectionState) { saw.TLS = &state }
	c, greeted, err := dialLooking(ctx, &o)
	saw.Connected = greeted
	if err != nil {
		return saw, s.unreachable(ctx, err)
	}
	defer c.quit(ctx)
	saw.TLS, saw.LoggedIn, saw.Server, saw.Alert = c.tls, true, c.name, c.alert
	saw.Method = c.method
	saw.Alters = alters(c.name, c.greeting)
	saw.Limit, saw.Folder = c.limit(), strings.Trim(c.mailbox, `"`)
	for _, word := range []string{"LITERAL+", "LITERAL-", "UIDPLUS", "APPENDLIMIT", "DIGEST=SHA1", "QUOTA"} {
		if c.caps[word] || slices.ContainsFunc(c.words(), func(w string) bool { return strings.HasPrefix(w, word+"=") }) {
			saw.Can = append(saw.Can, word)
		}
	}
	defer c.bind(ctx)()
	c.o.Create = false // nothing is made here
	if _, err = c.status(); missing(err) && s.o.Create {
		saw.Missing, err = true, nil
	}
	if err == nil && !saw.Missing {
		err = c.quota(&saw)
	}
	var refused *replyError
	switch {
	case err == nil:
		return saw, nil
	case ctx.Err() != nil:
		return saw, ctx.Err()
	case errors.As(err, &refused):
		f := judged(refused, atFolder)
		return saw, &deliver.Error{Op: "check", Place: s.Place(), Scope: deliver.WholeTarget, Permanent: f.permanent, Hint: f.hint, Wait: f.wait, Err: err}
	}
	return saw, &deliver.Error{Op: "check", Place: s.Place(), Scope: deliver.WholeTarget, Err: err}
}

// quota asks for the tightest quota of the folder (RFC 9208). How the server takes that changes nothing.
func (c *session) quota(saw *Sight) error {
	if !c.caps["QUOTA"] {
		return nil
	}
	_, err := c.command("GETQUOTAROOT", func(a *response) error {
		if a.name != "QUOTA" || len(a.values) < 2 {
			return nil
		}
		list := a.values[1].list
		for i := 0; i+2 < len(list); i += 3 {
			used, err1 := strconv.ParseInt(string(list[i+1].text), 10, 64)
			size, err2 := strconv.ParseInt(string(list[i+2].text), 10, 64)
			if list[i].word() != "STORAGE" || err1 != nil || err2 != nil || size <= 0 || used < 0 || size > 1<<50 || used > 1<<50 {
				continue
			}
			if saw.QuotaSize == 0 || (size-used)*1024 < saw.QuotaSize-saw.Used {
				saw.Used, saw.QuotaSize = used*1024, size*1024
			}
		}
		return nil
	}, "GETQUOTAROOT "+c.mailbox)
	var refused *replyError
	if errors.As(err, &refused) {
		return nil
	}
	return err
}

// words are the capabilities.
func (c *session) words() (all []string) {
	for word := range c.caps {
		all = append(all, word)
	}
	return all
}

// alters is what servers of a kind do to messages. Found by trying Dovecot 2.3, Cyrus 3.6, Courier 5.0 and mailutils 3.15.
func alters(name, greeting string) string {
	said := strings.ToLower(name + " " + greeting)
	for _, known := range []struct{ word, text string }{
		{"dovecot", "Dovecot changes nothing, but that line ends become CRLF"},
		{"cyrus", "Cyrus makes each octet beyond ASCII in a header an X, and refuses messages with a bare LF or a broken header line"},
		{"courier", "Courier drops CRs that end no line, and adds a missing line end"},
		{"mailutils", "mailutils drops header fields such as Status and X-UID, and refuses messages with a broken header line"},
		{"imap4d", "mailutils drops header fields such as Status and X-UID, and refuses messages with a broken header line"},
	} {
		if strings.Contains(said, known.word) {
			return known.text
		}
	}
	return ""
}
