package imap

import "errors"

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
		if err = c.create(); err == nil {
			s, err = ask()
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

// missing tells whether a refusal means that the folder is not there.
func missing(err error) bool {
	var refused *replyError
	return errors.As(err, &refused) && judged(refused, atFolder).missing
}
