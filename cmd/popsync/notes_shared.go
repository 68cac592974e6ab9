package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/popsync/popsync/config"
)

// sharedMailboxes finds accounts that are one mailbox: the same host and user, by whichever of the two ports for POP3.
func sharedMailboxes(cfg *config.Config) (all []remark) {
	of := map[string][]config.Account{}
	for _, c := range cfg.Accounts {
		key := oneMailbox(c)
		of[key] = append(of[key], c)
	}
	for _, c := range cfg.Accounts {
		if same := of[oneMailbox(c)]; len(same) > 1 && same[0].Name == c.Name {
			all = append(all, sharedMailbox(same))
		}
	}
	return all
}

// oneMailbox is the same for accounts that a server has one mailbox for, as far as the configuration tells.
func oneMailbox(c config.Account) string {
	port := strconv.Itoa(c.Port)
	if c.Port == 110 || c.Port == 995 {
		port = "pop3"
	}
	return strings.ToLower(strings.TrimSuffix(c.Host, ".")) + "\x00" + port + "\x00" + c.Username
}

// sharedMailbox words what becomes of the mail of a mailbox that several accounts fetch.
func sharedMailbox(same []config.Account) remark {
	r := remark{next: "keep one account, with a [[account.NAME.deliver]] for each place that its mail is to go to"}
	var deleting []string
	places := map[string]bool{}
	twice := ""
	for _, c := range same {
		r.accounts = append(r.accounts, c.Name)
		if c.Delete.Kind != config.DeleteNever {
			deleting = append(deleting, c.Name)
		}
		for _, d := range c.Deliver {
			if d.Fallback {
				continue
			}
			key := typeOf(d).same(d)
			if places[key] && twice == "" {
				twice = place(d)
			}
			places[key] = true
		}
	}
	c := same[0]
	r.text = fmt.Sprintf("accounts %s are one mailbox, %s at %s port %d", few(r.accounts), c.Username, c.Host, c.Port)
	switch {
	case len(deleting) > 0:
		r.wrong = true
		r.text += fmt.Sprintf(": what %s on the server is missing for the others, so that a message comes to one of them only", whoDoes(deleting, "deletes", "delete"))
		if twice != "" {
			r.text += ", or twice to " + twice
		}
	case twice != "":
		r.wrong = true
		r.text += ": all mail comes twice to " + twice
	default:
		r.text += ": each fetches the same mail"
		r.next += ", unless that is what you want"
	}
	return r
}

// whoDoes is who does something, and that.
func whoDoes(names []string, one, many string) string {
	if len(names) == 1 {
		return names[0] + " " + one
	}
	return few(names) + " " + many
}
