package status

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/popsync/popsync/fetcher/identity"
	"github.com/popsync/popsync/internal/words"
)

// story is all that is to be told of the account: sentences, and the next step or "".
func (st *Account) story(now time.Time) (what []string, step string) {
	if st.Trouble != "" {
		if what = append(what, st.Trouble); !st.LastPass.IsZero() {
			what = append(what, st.since(now))
		}
		if step = strings.TrimPrefix(st.NextStep, "none: "); step == "see below" {
			step = ""
		}
	}
	if st.missing {
		what = append(what, "the running daemon does not have this account yet")
		step = cmp.Or(step, "make it read the configuration again: popsync reload")
	}
	if st.Held > 0 {
		what = append(what, HeldText(st.Account, st.Held))
	}
	if st.Parked > 0 {
		what = append(what, fmt.Sprintf("%s parked: failed too often or refused for good, tried again seldom; to see why say: popsync parked %s",
			words.Number(st.Parked, "message"), st.Account))
	}
	for _, w := range st.Waiting {
		if w.DownReason != "" && strings.HasPrefix(st.Trouble, w.DownReason) {
			w.DownReason, w.told = "", st.Trouble
		}
		if w.Gone && st.Trouble == identity.AwayText(w.Destination, w.Deliveries) {
			continue // it is told already
		}
		what = append(what, w.words(now)...)
	}
	what = append(what, st.CameShort.words(now, st.onlyShort)...)
	what = append(append(what, st.aloneWords...), st.missedWords...)
	switch {
	case st.Paused:
		what = append(what, "paused, until you say: popsync resume "+st.Account)
	case st.NotBefore.After(now):
		text := "not tried before " + st.NotBefore.Local().Format(time.DateTime)
		if st.Reason != "" && st.Reason != st.Trouble {
			text += ": " + st.Reason
		}
		what = append(what, text)
	}
	if st.PassTime && st.Trouble == "" {
		what = append(what, "the last pass was ended after the longest time that a pass may take (limits.pass_time); the next one goes on")
	}
	if st.Slow {
		what = append(what, "in the slow lane: its passes were slow, or took long, while others waited; after one that goes well and fast it is among the others again")
	}
	if st.Skipped > 0 {
		what = append(what, fmt.Sprintf("%s left on the server: larger than max_size", words.Number(st.Skipped, "message")))
	}
	if st.Unsure > 0 {
		what = append(what, UnsureText(st.Account, st.Unsure))
	}
	if st.GivenUp > 0 {
		what = append(what, givenUpText(st.Account, st.GivenUp))
	}
	if st.LeftOut > 0 {
		what = append(what, leftOutText(st.Account, st.LeftOut))
	}
	for _, risk := range st.Risks {
		what = append(what, "a risk that you accepted: "+risk)
	}
	return what, step
}

// HeldText is about messages that wait for a person's word.
func HeldText(account string, n int) string {
	return fmt.Sprintf("%s held back: to have them delivered say: popsync accept %s; if all were seen before: popsync baseline %[2]s", words.Number(n, "message"), account)
}

// UnsureText is about messages that policy may not delete before a person has said that they are safe.
func UnsureText(account string, n int) string {
	return fmt.Sprintf("%s kept because nobody saw them safe at their destination: if you know that they are, say: popsync vouch %s", words.Number(n, "message"), account)
}

// givenUpText is about messages that a person gave up and that the server still lists.
func givenUpText(account string, n int) string {
	text := "%[1]d message given up: stays on the server; popsync parked %[2]s shows it, popsync give-up --undo %[2]s UID takes it back"
	if n != 1 {
		text = "%[1]d messages given up: they stay on the server; popsync parked %[2]s shows them, popsync give-up --undo %[2]s UID takes one back"
	}
	return fmt.Sprintf(text, n, account)
}

// leftOutText is about messages that were there before the first run, and were not wanted.
func leftOutText(account string, n int) string {
	return fmt.Sprintf("%s left out by the first run, as first_fetch says: %s on the server; to have %s fetched all the same say: popsync baseline --undo %s",
		words.Number(n, "message"), words.Plural(n, "it stays", "they stay"), words.Plural(n, "it", "them"), account)
}

// since tells how long it has been failing.
func (st *Account) since(now time.Time) string {
	text := "the last pass failed"
	if st.Failures > 1 {
		text = fmt.Sprintf("%d passes in a row failed", st.Failures)
	}
	if !st.TroubleSince.IsZero() {
		text += ", since " + st.TroubleSince.Local().Format(time.DateTime)
	}
	if st.LastSuccess.IsZero() {
		return text + "; none ever succeeded"
	}
	return text + "; the last success was " + words.Ago(st.LastSuccess, now)
}
