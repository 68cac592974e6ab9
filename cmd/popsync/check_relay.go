package main

import (
	"context"
	"fmt"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver/smtp"
	"github.com/popsync/popsync/pop3"
)

// mailServer looks at a destination by SMTP or LMTP: first where its copies wait, then the server itself.
func (l *looker) mailServer(ctx context.Context, s *sheet, account string, d sighted, identity string, say func(level, string)) error {
	sender, where, err := mailServer(l.cfg, d.Deliver, l.overheard(s, d.Name+": "))
	if err != nil {
		return fmt.Errorf("destination %s: %w", d.Name, err)
	}
	defer sender.Close()
	spool := spoolOf(l.cfg, account, d.Deliver, withoutCheck{sender}, where)
	if err := spool.Check(ctx, identity); err != nil {
		return err
	}
	if err := l.secretOf(ctx, s, d.SMTP.Secret, d.Name+": ", false); err != nil {
		say(levelInfo, fmt.Sprintf("%s %s was not asked: there is no password for it", label(d.Deliver), place(d.Deliver)))
		return &pop3.SecretError{Err: err}
	}
	if l.offline {
		say(levelInfo, fmt.Sprintf("%s %s was not asked (--offline)", label(d.Deliver), place(d.Deliver)))
		return nil
	}
	leave, err := l.enter(ctx, place(d.Deliver))
	if err != nil {
		return err
	}
	saw, err := sender.Look(ctx)
	leave()
	if saw.Connected {
		say(levelOK, fmt.Sprintf("%s %s: %s", label(d.Deliver), place(d.Deliver), sightText(saw, d.SMTP, err)))
	}
	return err
}

// relayLooks is how many look at one mail server at once: many accounts may send to one, and such servers count connections.
const relayLooks = 4

// enter waits for a place at a mail server; leave gives it back.
func (l *looker) enter(ctx context.Context, address string) (leave func(), err error) {
	l.mu.Lock()
	if l.relays == nil {
		l.relays = map[string]chan struct{}{}
	}
	places := l.relays[address]
	if places == nil {
		places = make(chan struct{}, relayLooks)
		l.relays[address] = places
	}
	l.mu.Unlock()
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// sightText says what was seen of a mail server, and what was not asked.
func sightText(saw smtp.Sight, c *config.SMTP, err error) string {
	text := "connected"
	switch {
	case saw.Secure && c.TLS == config.TLSStartTLS:
		text += ", encrypted (STARTTLS), certificate verified"
	case saw.Secure:
		text += ", encrypted (TLS), certificate verified"
	default:
		text += ", NOT encrypted"
	}
	if saw.LoggedIn {
		text += ", logged in as " + c.Username
	}
	switch {
	case err != nil:
		return text
	case !saw.Asked:
		return text + "; sender and recipients were not tried, as each message names its own"
	case c.From == "original":
		text += "; it accepts the sender <>, where each message will have its own,"
	default:
		text += "; it accepts the sender <" + saw.From + ">"
	}
	return text + " and " + count(len(c.To), "recipient") + "; no message was sent"
}
