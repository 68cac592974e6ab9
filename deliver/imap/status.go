package imap

import (
	"errors"
	"strings"
)

// state is what STATUS says of the folder.
type state struct{ validity, next uint32 }

var errNoState = errors.New("the server does not tell UIDVALIDITY and UIDNEXT, without which nothing can be found again")

// status asks for the state of the folder. A folder that is missing is made and subscribed to, if that is wanted.
func (c *session) status() (s state, err error) {
	ask := func() (state, error) {
		var s state
		_, err := c.command("STATUS", func(a *response) error {
			if a.name != "STATUS" || len(a.values) < 2 {
				return nil
			}
			list := a.values[len(a.values)-1].list
			for i := 0; i+1 < len(list); i += 2 {
				switch list[i].word() {
				case "UIDVALIDITY":
					s.validity = list[i+1].uint32()
				case "UIDNEXT":
					s.next = list[i+1].uint32()
				}
			}
			return nil
		}, "STATUS "+c.mailbox+" (UIDNEXT UIDVALIDITY)")
		return s, err
	}
	s, err = ask()
	if c.o.Create && missing(err) {
		if made := c.create(); made == nil {
			s, err = ask()
		} else if !unclear(err) || !errors.As(made, new(*replyError)) { // else it may be there: what STATUS said is more to the point
			err = made
		}
	}
	if err == nil && (s.validity == 0 || s.next == 0) {
		err = &connError{verb: "STATUS", err: errNoState}
	}
	return s, err
}

// create makes the folder, and subscribes to it: most programs show no other. Another one may have been faster.
func (c *session) create() error {
	_, err := c.command("CREATE", nil, "CREATE "+c.mailbox)
	var refused *replyError
	if err != nil && (!errors.As(err, &refused) || refused.code != "ALREADYEXISTS") {
		return err
	}
	if _, err = c.command("SUBSCRIBE", nil, "SUBSCRIBE "+c.mailbox); errors.As(err, &refused) {
		return nil
	}
	return err
}

// missing tells whether a refusal means that the folder is not there, or may mean that.
func missing(err error) bool {
	var refused *replyError
	return errors.As(err, &refused) && judged(refused, atFolder).missing || unclear(err)
}

// unclear tells of a refusal that may mean that the folder is not there, and other things as well (mailutils).
func unclear(err error) bool {
	var refused *replyError
	return errors.As(err, &refused) && refused.verb == "STATUS" && refused.code == "" && strings.Contains(refused.words, cannotOpen)
}

// cannotOpen is what mailutils says.
const cannotOpen = "error opening mailbox"
