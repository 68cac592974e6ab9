package health

import (
	"fmt"
	"time"

	"github.com/popsync/popsync/internal/sasl"
	"github.com/popsync/popsync/internal/words"
)

// Short is how many messages came shorter than listed and are watched: see short.go. The times are when the first of them was
// first read; zero: there is none.
type Short struct {
	Waiting        int // not delivered: they are read again before
	WaitingSince   time.Time
	Delivered      int // and looked at once more before policy may delete them
	DeliveredSince time.Time
}

func (w *WireFacts) cameShort() (s Short) {
	for _, e := range w.Short {
		n, since := &s.Waiting, &s.WaitingSince
		if e.Done {
			n, since = &s.Delivered, &s.DeliveredSince
		}
		*n++
		if at := time.Unix(e.Begun, 0); since.IsZero() || at.Before(*since) {
			*since = at
		}
	}
	return s
}

// ReadAll makes what came short due, whatever it waits for.
func (w *WireFacts) ReadAll() {
	for i := range w.Short {
		w.Short[i].Next = 0
	}
}

// Trait is something that passes learned of an account's server, in words for people.
type Trait struct {
	Text string
	Odd  bool // it is worth a look: most servers are not like that
}

// usual are traits of a server that does what it should, as far as is known.
func usual(texts ...string) (all []Trait) {
	for _, text := range texts {
		all = append(all, Trait{Text: text})
	}
	return all
}

func odd(texts ...string) (all []Trait) {
	for _, text := range texts {
		all = append(all, Trait{Text: text, Odd: true})
	}
	return all
}

// Spoken is what the configuration says of how a server is to be spoken to.
type Spoken struct {
	Mailbox      string // Account.Mailbox
	NoPipelining bool   // one command at a time
	IgnoreSizes  bool   // its sizes are no evidence of anything
}

// Learned tells how an account's server is spoken to, and what passes have learned of it; stored are the account's facts.
// It is nothing for an account that was never fetched, or that has another mailbox now.
func Learned(stored []byte, a Spoken, now time.Time) []Trait {
	f := Decode(stored)
	// A changed password makes LoggedInAt 0 again.
	w := &f.Wire
	blank := f.Quirks == Quirks{} && f.NoPipeliningUntil == 0 && w.Scan == 0 && w.LostAt == 0 && w.Unstuffed == 0 && w.Sizes == sizes{} && len(w.Short) == 0 && f.Stumbles.None()
	if f.LoggedInAt == 0 && blank || a.Mailbox != "" && f.Mailbox != "" && f.Mailbox != a.Mailbox {
		return nil
	}
	f.Current(now)
	traits := usual(f.pace(a.NoPipelining, now), w.scanText(), w.Sizes.text(a.IgnoreSizes))
	traits[0].Odd = f.NoPipeliningUntil > now.Unix() && !a.NoPipelining
	traits[1].Odd = w.Scan < 0
	traits[2].Odd = w.Sizes.None && !a.IgnoreSizes
	if f.Method != "" && !sasl.SendsPassword(f.Method) {
		traits = append(traits, usual(methodText(f.Method))...)
	}
	traits = append(traits, odd(f.Quirks.texts()...)...)
	if w.Unstuffed != 0 {
		traits = append(traits, odd("lines that begin with a dot are sent without a second one, which ends messages too early: last seen "+words.Stamp(w.Unstuffed))...)
	}
	s := w.cameShort()
	if s.Waiting > 0 {
		traits = append(traits, odd(fmt.Sprintf("messages that came shorter than listed and are read again before they are delivered: %d, since %s",
			s.Waiting, words.Stamp(s.WaitingSince.Unix())))...)
	}
	if s.Delivered > 0 {
		traits = append(traits, odd(fmt.Sprintf("messages that were delivered with another length than listed and are looked at once more on another day: %d, since %s",
			s.Delivered, words.Stamp(s.DeliveredSince.Unix())))...)
	}
	for _, m := range f.missedMails(now) {
		traits = append(traits, odd(m.Words())...)
	}
	return append(traits, odd(f.Stumbles.lines(now)...)...)
}

func (w *WireFacts) scanText() string {
	switch {
	case w.Scan > 0:
		return "LIST with the number of a message is answered as it should be"
	case w.Scan < 0:
		return fmt.Sprintf("LIST with the number of a message is not answered as it should be, seen %s; it is tried again after %s",
			words.Stamp(w.ScanAt), words.Stamp(w.ScanAt+int64(scanAgain/time.Second)))
	}
	return "whether LIST with the number of a message is answered is not known yet"
}

// text tells what sizes are worth.
func (s *sizes) text(ignored bool) string {
	since := ""
	if s.Since != 0 {
		since = ", since " + words.Stamp(s.Since)
	}
	switch rule := s.Rule(); {
	case ignored:
		return "sizes in its listing are ignored, as the configuration says"
	case s.None:
		return fmt.Sprintf("sizes in its listing are no evidence%s: %s shorter on two days", since, words.Number(s.Lies, "message")+words.Plural(s.Lies, " was", " were"))
	case rule == ruleOffset && s.Offset > 0:
		return fmt.Sprintf("sizes in its listing follow a rule%s: always %s too small", since, words.Number(int(s.Offset), "octet"))
	case rule == ruleOffset:
		return fmt.Sprintf("sizes in its listing follow a rule%s: always %s too large", since, words.Number(int(-s.Offset), "octet"))
	case rule > RuleExact:
		return fmt.Sprintf("sizes in its listing follow a rule%s: %s", since, ruleNames[rule])
	case rule == RuleExact:
		return "sizes in its listing are right" + since
	}
	return "what the sizes in its listing are worth is not known yet"
}
