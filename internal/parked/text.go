package parked

import (
	"fmt"
	"strings"
	"time"

	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// Text is what people read of an account, of which something waits. headers: they were asked for. width 0: lines are not broken.
func (p *Account) Text(headers bool, now time.Time, width int) string {
	var b strings.Builder
	line := func(indent, text string) {
		b.WriteString(indent + screen.Wrap(text, indent+"  ", width-len(indent)) + "\n")
	}
	n := map[string]int{}
	unread, listed, gone := 0, map[string]int{}, 0
	for _, m := range p.Messages {
		n[m.State]++
		switch {
		case m.Listed && m.State == stateGivenUp:
			listed[stateGivenUp]++
		case m.Listed:
			listed[stateParked]++
		case m.State != stateGivenUp:
			gone++
		}
		if !m.read && m.Listed {
			unread++
		}
	}
	b.WriteString(p.Name + ": " + countStates(n) + "\n")
	if p.Waits != "" {
		line("  ", words.Clip(p.Waits))
	}
	for i := range p.Messages {
		b.WriteByte('\n')
		p.Messages[i].write(&b, line, now, width)
	}
	b.WriteByte('\n')
	switch {
	case unread > 0 && p.Unread != "":
		line("", "From, date and subject could not be had from the server: "+words.Clip(p.Unread))
	case unread > 0 && !headers:
		line("", fmt.Sprintf("The server alone knows from, date and subject of %s. To get them: popsync parked --headers %s", words.Number(unread, "message"), p.Name))
	}
	if n[stateParked]+n[statePutOff] > 0 {
		line("", fmt.Sprintf("To try all of them now: popsync run %s", p.Name))
		line("", fmt.Sprintf("To make one due: popsync retry %s UID", p.Name))
	}
	if listed[stateParked] > 0 {
		line("", fmt.Sprintf("To give one up: popsync give-up %s UID", p.Name))
	}
	if gone > 0 {
		line("", fmt.Sprintf("To give one up that is not on the server any more: popsync give-up --save FILE %s UID", p.Name))
	}
	if listed[stateGivenUp] > 0 {
		line("", fmt.Sprintf("To take back what was given up: popsync give-up --undo %s UID", p.Name))
	}
	return b.String()
}

// countStates tells how many messages are in which state.
func countStates(n map[string]int) string {
	text := ""
	for _, s := range []struct{ state, word string }{{stateParked, "parked"}, {statePutOff, "put off"}, {stateGivenUp, "given up"}} {
		switch k := n[s.state]; {
		case k == 0:
		case text == "":
			text = words.Number(k, "message") + " " + s.word
		default:
			text += fmt.Sprintf(", %d %s", k, s.word)
		}
	}
	return text
}

// write prints the block of one message.
func (m *Message) write(b *strings.Builder, line func(indent, text string), now time.Time, width int) {
	about := []string{"given up"}
	if m.State != stateGivenUp {
		about = []string{strings.ReplaceAll(m.State, "_", " ")}
	}
	if m.Octets > 0 {
		about = append(about, words.Octets(m.Octets))
	}
	switch {
	case !m.Listed:
		about = append(about, "not on the server any more")
	case !m.FirstListed.IsZero():
		about = append(about, "on the server since "+words.Stamp(m.FirstListed.Unix()))
	}
	b.WriteString("  " + m.word + "\n")
	line("    ", strings.Join(about, ", "))
	if m.read {
		for _, f := range [][2]string{{"From:    ", m.header.from}, {"Date:    ", m.header.when()}, {"Subject: ", m.header.subject}} {
			if f[1] != "" {
				text := f[0] + f[1]
				if width > 0 {
					text = screen.Shorten(text, max(width-4, 12))
				}
				b.WriteString("    " + text + "\n")
			}
		}
	}
	if m.State == stateGivenUp && m.Listed {
		line("    ", "it stays on the server, and goes to no destination that does not have it yet")
	}
	for _, at := range m.Stuck {
		line("    ", at.where()+after(": ", words.Clip(at.Reason)))
		line("    ", at.next(now))
		if at.Copy && !m.Listed {
			line("    ", "The copy that waits here is the last one for "+at.Destination)
		}
	}
}

// where tells what does not go on.
func (at StuckAt) where() string {
	switch {
	case at.At == "server":
		return "The server does not give it"
	case at.Gone:
		return "Stuck on the way to " + at.Destination + ", which is not configured any more"
	}
	return "Stuck on the way to " + at.Destination
}

// next tells how often it was tried, and when it is again.
func (at StuckAt) next(now time.Time) string {
	var tries []string
	switch {
	case at.Attempts == 1:
		tries = append(tries, "failed once")
	case at.Attempts >= uidl.ParkedAfter: // a refusal for good counts as so many failures
		tries = append(tries, fmt.Sprintf("failed %d times or refused for good", at.Attempts))
	case at.Attempts > 0:
		tries = append(tries, fmt.Sprintf("failed %d times", at.Attempts))
	}
	if at.InDoubt > 0 {
		tries = append(tries, words.Number(at.InDoubt, "attempt")+" in doubt")
	}
	if len(tries) == 0 {
		tries = append(tries, "the message itself did not fail")
	}
	text := strings.Join(tries, ", ")
	if !at.LastTry.IsZero() {
		text += ", the last try " + words.Ago(at.LastTry, now)
	}
	switch {
	case at.Gone:
		return text + "; no further try"
	case at.NextTry.IsZero():
		text += "; next try: due now"
	default:
		text += fmt.Sprintf("; next try %s (%s)", words.Until(at.NextTry, now), words.Stamp(at.NextTry.Unix()))
	}
	if !at.DownSince.IsZero() {
		text += "; the destination is down since " + words.Stamp(at.DownSince.Unix())
	}
	return text
}

// after is what follows if there is something to say.
func after(sep, s string) string {
	if s == "" {
		return ""
	}
	return sep + s
}
