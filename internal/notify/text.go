package notify

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

const textWidth = 72

// Subject is the notice in one line of printable ASCII.
func (n Notice) Subject() string {
	s := "[popsync] " + n.Account + ": "
	switch {
	case n.Kind == Test:
		return s + "test alarm, nothing is wrong"
	case n.About == groupNames[parkedGroup] && n.Kind == Recovered:
		return s + "no message is set aside any more"
	case n.About == groupNames[parkedGroup]:
		return s + some(n.Parked, "a message", "messages") + " could not be delivered"
	case n.About == groupNames[skippedGroup] && n.Kind == Recovered:
		return s + "no message is left out for its size any more"
	case n.About == groupNames[skippedGroup]:
		return s + "a message is too large to be fetched"
	case n.About == groupNames[endingGroup] && n.Kind == Recovered:
		return s + "the login ends no more"
	case n.About == groupNames[endingGroup]:
		return s + "a login will end soon"
	case n.Kind == Recovered:
		return s + "mail is fetched again"
	case n.Person:
		return s + "your help is needed (" + n.Cause + ")"
	}
	return s + "trouble for " + lasted(n.At.Sub(n.Since)) + " (" + n.Cause + ")"
}

// Text is the whole notice for a person: printable characters in UTF-8 and LF, at most 4,096 octets.
func (n Notice) Text() string {
	var t text
	t.paragraph(n.opening())
	if n.Kind == Test {
		t.paragraph("Somebody there said \"popsync check --alarm\" on " + moment(n.At) + ", to see whether alarms arrive. This one did: a real one comes the same way.")
		t.section("What you can do:", n.Next)
		return t.String()
	}
	if n.Kind == Recovered {
		t.paragraph(fmt.Sprintf("It lasted from %s to %s (%s).", moment(n.Since), moment(n.At), lasted(n.At.Sub(n.Since))))
		t.section("What it was ("+n.Cause+"):", n.What)
		t.section("What it means for your mail:", n.Means)
		t.paragraph("You need to do nothing. Should it come and go from now on, you will be told only now and then.")
		return t.String()
	}
	began := "It began on " + moment(n.Since)
	if n.About == groupNames[troubleGroup] && n.Failed > 1 {
		began += fmt.Sprintf("; all %d attempts since then have failed", n.Failed)
	}
	t.paragraph(began + ".")
	t.section("What is wrong ("+n.Cause+"):", n.What)
	t.section("What it means for your mail:", n.Means)
	t.section("What you can do:", cmp.Or(n.Next, n.advice()))
	t.section("How it goes on:", n.outlook()+` This message is not repeated; "popsync status `+n.Account+`" shows how things stand.`)
	return t.String()
}

func (n Notice) opening() string {
	whose := `the mail of account "` + n.Account + `"`
	switch {
	case n.Kind == Test:
		return "This is a test alarm of popsync on " + n.Host + ` for account "` + n.Account + `". Nothing is wrong.`
	case n.About == groupNames[parkedGroup] && n.Kind == Recovered:
		return "popsync on " + n.Host + ` has no message of account "` + n.Account + `" set aside any more.`
	case n.About == groupNames[parkedGroup]:
		return "popsync on " + n.Host + ` could not deliver ` + some(n.Parked, "a message", "some messages") + ` of account "` + n.Account + `" and has set ` + some(n.Parked, "it", "them") + ` aside.`
	case n.About == groupNames[skippedGroup] && n.Kind == Recovered:
		return "popsync on " + n.Host + ` leaves no message of account "` + n.Account + `" on the server for its size any more.`
	case n.About == groupNames[skippedGroup]:
		return "popsync on " + n.Host + ` leaves mail of account "` + n.Account + `" on the server that is larger than max_size in the configuration.`
	case n.About == groupNames[endingGroup] && n.Kind == Recovered:
		return "popsync on " + n.Host + ` knows of no login of account "` + n.Account + `" any more that ends soon.`
	case n.About == groupNames[endingGroup]:
		return "popsync on " + n.Host + ` tells you ahead: a login of account "` + n.Account + `" will end.`
	case n.Kind == Recovered:
		return "popsync on " + n.Host + " has no more trouble with " + whose + "."
	case n.Person && n.Follows != "":
		return "popsync on " + n.Host + " still has trouble with " + whose + ", and now it needs your help."
	case n.Person:
		return "popsync on " + n.Host + " has trouble with " + whose + " and needs your help."
	}
	return "popsync on " + n.Host + " has had trouble with " + whose + " for " + lasted(n.At.Sub(n.Since)) + "."
}

// means is the field Means.
func (n Notice) means() string {
	switch {
	case n.About == groupNames[parkedGroup] && n.Kind == Recovered:
		return "Each of these messages was delivered after all, was given up, or is no longer on the server. popsync has deleted none that it had not delivered."
	case n.About == groupNames[parkedGroup] && n.Parked == 1:
		return "Nothing was lost: the message is still on the server, or a copy of it waits on this machine. It holds up no others."
	case n.About == groupNames[parkedGroup]:
		return "Nothing was lost: each of these messages is still on the server, or a copy of it waits on this machine. They hold up no others."
	case n.About == groupNames[skippedGroup] && n.Kind == Recovered:
		return "Each of these messages was fetched after all, or is no longer on the server. popsync has deleted none that it had not delivered."
	case n.About == groupNames[endingGroup] && n.Kind == Recovered:
		return "Mail goes on as before."
	case n.About == groupNames[endingGroup]:
		return "Mail goes on as before until then. After that, no new mail comes until somebody has done something."
	case n.About == groupNames[skippedGroup]:
		return "Nothing was deleted or lost; what is so large stays on the server, and all other mail is fetched."
	case n.Kind == Recovered:
		return "Nothing was deleted or lost. What waited on the server is fetched now."
	}
	return "Nothing was deleted or lost; your mail waits on the server. New mail may not arrive until this is over."
}

// advice is for want of anything better.
func (n Notice) advice() string {
	switch {
	case n.About == groupNames[parkedGroup]:
		return parkedNext(n.Account)
	case n.About == groupNames[skippedGroup]:
		return "Read it in the web mail of your provider, or raise max_size of this account."
	case n.Person:
		return `Run "popsync check ` + n.Account + `": it tries each step and shows what is wrong.`
	}
	return "Often nothing: it may pass by itself. Else see that this machine is online, and whether your provider reports an outage."
}

func (n Notice) outlook() string {
	switch {
	case n.About == groupNames[parkedGroup]:
		return "popsync tries " + some(n.Parked, "the message", "each of these messages") + " again by itself: after an hour, after six hours, then once a day. You will be told when none is set aside any more."
	case n.About == groupNames[endingGroup]:
		return "You will be told when that is done."
	case n.About == groupNames[skippedGroup]:
		return "It stays there until somebody deletes it. You will be told when none is left out any more."
	case n.Person && n.Cause == "login":
		text := "Until then popsync tries a refused login seldom or not at all: your provider might lock the account. You will be told when all is well again."
		if again := `popsync run ` + n.Account; !strings.Contains(n.Next, again) {
			text = `Once that is done, say "` + again + `", which tries at once. ` + text
		}
		return text
	case n.Person && n.Cause == "internal": // it may have ended
		return "You will be told when all is well again."
	case n.Person:
		return "Once that is done, popsync goes on by itself. You will be told when all is well again."
	}
	return "popsync keeps trying by itself. You will be told when all is well again, or when it needs your help."
}

func moment(t time.Time) string { return t.Format("Mon, 2 Jan 2006 15:04 -0700") }

// parkedWhat tells how many messages are parked, and why one of them is; "": that is not known.
func parkedWhat(n int, why string) string {
	switch {
	case n == 1 && why == "":
		return "1 message is set aside"
	case n == 1:
		return "1 message is set aside, " + why
	case why == "":
		return fmt.Sprintf("%d messages are set aside", n)
	}
	return fmt.Sprintf("%d messages are set aside, one of them %s", n, why)
}

func parkedNext(account string) string {
	return "Say: popsync parked " + account + ". It shows what waits where, and why, and how to try it again or give it up."
}

// some is the word for one message or for several.
func some(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

func skippedWhat(n int) string {
	if n == 1 {
		return "1 message is larger than max_size"
	}
	return fmt.Sprintf("%d messages are larger than max_size", n)
}

// lasted is a duration in words, roughly.
func lasted(d time.Duration) string {
	n, unit := int64(d/time.Minute), "minute"
	switch {
	case d >= 48*time.Hour:
		n, unit = int64(d/(24*time.Hour)), "day"
	case d >= time.Hour:
		n, unit = int64(d/time.Hour), "hour"
	case n < 1:
		return "less than a minute"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", n, unit)
}

// text is built of paragraphs, wrapped between words.
type text struct{ strings.Builder }

func (t *text) paragraph(body string) {
	if t.Len() > 0 {
		t.WriteString("\n")
	}
	t.wrap("", body)
}

func (t *text) section(title, body string) {
	if strings.TrimSpace(body) == "" { // a file that somebody wrote into may say so
		body = "Nothing more is known."
	}
	t.paragraph(title)
	t.wrap("  ", body)
}

func (t *text) wrap(indent, body string) {
	column := 0
	for word := range strings.FieldsSeq(body) {
		switch {
		case column == 0:
			t.WriteString(indent)
			column = len(indent)
		case column+1+len(word) > textWidth:
			t.WriteString("\n" + indent)
			column = len(indent)
		default:
			t.WriteString(" ")
			column++
		}
		t.WriteString(word)
		column += len(word)
	}
	t.WriteString("\n")
}
