package remarks

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/popsync/popsync/internal/words"
)

// sharedMailboxes finds accounts that are one mailbox: the same host and user, by whichever of the two ports for POP3.
func sharedMailboxes(accounts []Account) (all []Remark) {
	of := map[string][]Account{}
	for _, c := range accounts {
		key := oneMailbox(c)
		of[key] = append(of[key], c)
	}
	for _, c := range accounts {
		if same := of[oneMailbox(c)]; len(same) > 1 && same[0].Name == c.Name {
			all = append(all, sharedMailbox(same))
		}
	}
	return all
}

// oneMailbox is the same for accounts that a server has one mailbox for, as far as the configuration tells.
func oneMailbox(c Account) string {
	port := strconv.Itoa(c.Port)
	if c.Port == 110 || c.Port == 995 {
		port = "pop3"
	}
	return strings.ToLower(strings.TrimSuffix(c.Host, ".")) + "\x00" + port + "\x00" + c.Username
}

// sharedMailbox words what becomes of the mail of a mailbox that several accounts fetch.
func sharedMailbox(same []Account) Remark {
	r := Remark{Next: "keep one account, with a [[account.NAME.deliver]] for each place that its mail is to go to"}
	var deleting []string
	places := map[string]bool{}
	twice := ""
	for _, c := range same {
		r.Accounts = append(r.Accounts, c.Name)
		if c.Deletes {
			deleting = append(deleting, c.Name)
		}
		for _, d := range c.Places {
			if d.Fallback {
				continue
			}
			if places[d.Same] && twice == "" {
				twice = d.Text
			}
			places[d.Same] = true
		}
	}
	c := same[0]
	r.Text = fmt.Sprintf("accounts %s are one mailbox, %s at %s port %d", words.Few(r.Accounts), c.Username, c.Host, c.Port)
	switch {
	case len(deleting) > 0:
		r.Wrong = true
		r.Text += fmt.Sprintf(": what %s on the server is missing for the others, so that a message comes to one of them only", whoDoes(deleting, "deletes", "delete"))
		if twice != "" {
			r.Text += ", or twice to " + twice
		}
	case twice != "":
		r.Wrong = true
		r.Text += ": all mail comes twice to " + twice
	default:
		r.Text += ": each fetches the same mail"
		r.Next += ", unless that is what you want"
	}
	return r
}

// whoDoes is who does something, and that.
func whoDoes(names []string, one, many string) string {
	if len(names) == 1 {
		return names[0] + " " + one
	}
	return words.Few(names) + " " + many
}
