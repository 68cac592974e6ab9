package health

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// What was learned of a server is told as it is now, and nothing is told of a server that was never fetched from.
func TestLearned(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local)
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	const day = 24 * time.Hour
	const (
		ahead    = "commands are sent ahead, if the server announces PIPELINING"
		noScan   = "whether LIST with the number of a message is answered is not known yet"
		noSizes  = "what the sizes in its listing are worth is not known yet"
		apart    = "commands are sent one at a time until 2026-03-03 12:00: "
		mailbox  = "box"
		fitsFrom = "2026-02-27 12:00"
	)
	fits := func(rule int) (s sizes) {
		s.Fits[rule], s.Since = enoughFits, at(-2*day)
		return s
	}
	offset := func(n int64) sizes {
		s := fits(ruleOffset)
		s.Offset = n
		return s
	}
	for _, tt := range []struct {
		name string
		f    Facts
		a    Spoken
		want []string
		odd  int // how many of them
	}{
		{"nothing learned", Facts{}, Spoken{}, []string{ahead, noScan, noSizes}, 0},
		{"the same mailbox", Facts{Mailbox: mailbox, LoggedInAt: at(-day)}, Spoken{Mailbox: mailbox}, []string{ahead, noScan, noSizes}, 0},
		{"another mailbox", Facts{Mailbox: "other"}, Spoken{Mailbox: mailbox}, nil, 0},
		{"as configured", Facts{NoPipeliningUntil: at(2 * day), Wire: WireFacts{Lost: 2, Sizes: fits(RuleExact)}},
			Spoken{IgnoreSizes: true, NoPipelining: true},
			[]string{"commands are sent one at a time, as the configuration says", noScan, "sizes in its listing are ignored, as the configuration says"}, 0},
		{"step was lost once", Facts{NoPipeliningUntil: at(2 * day), Wire: WireFacts{Lost: 1, LostAt: at(-day)}}, Spoken{},
			[]string{apart + "the server lost step or fell silent, last 2026-02-28 12:00", noScan, noSizes}, 1},
		{"and thrice", Facts{NoPipeliningUntil: at(2 * day), Wire: WireFacts{Lost: 3, LostAt: at(-day)}}, Spoken{},
			[]string{apart + "the server lost step or fell silent 3 times, last 2026-02-28 12:00", noScan, noSizes}, 1},
		{"not lost, as after messages that nothing proved", Facts{NoPipeliningUntil: at(2 * day)}, Spoken{}, []string{apart + "when they were sent ahead, not all replies could be told apart", noScan, noSizes}, 1},
		{"and that is over", Facts{NoPipeliningUntil: at(-1), Wire: WireFacts{Lost: 1, LostAt: at(-day)}}, Spoken{},
			[]string{"commands are sent ahead again, if the server announces PIPELINING; before, the server lost step or fell silent, last 2026-02-28 12:00", noScan, noSizes}, 0},
		{"LIST is answered, sizes are right", Facts{Wire: WireFacts{Scan: 1, ScanAt: at(-day), Sizes: fits(RuleExact)}}, Spoken{},
			[]string{ahead, "LIST with the number of a message is answered as it should be", "sizes in its listing are right, since " + fitsFrom}, 0},
		{"LIST is not", Facts{Wire: WireFacts{Scan: -1, ScanAt: at(-day), Sizes: fits(ruleStuffed)}}, Spoken{},
			[]string{ahead, "LIST with the number of a message is not answered as it should be, seen 2026-02-28 12:00; it is tried again after 2026-03-30 12:00",
				"sizes in its listing follow a rule, since " + fitsFrom + ": stuffed dots counted"}, 1},
		{"long ago", Facts{Wire: WireFacts{Scan: -1, ScanAt: at(-31 * day), Sizes: offset(2)}}, Spoken{},
			[]string{ahead, noScan, "sizes in its listing follow a rule, since " + fitsFrom + ": always 2 octets too small"}, 0},
		{"too large", Facts{Wire: WireFacts{Sizes: offset(-7)}}, Spoken{},
			[]string{ahead, noScan, "sizes in its listing follow a rule, since " + fitsFrom + ": always 7 octets too large"}, 0},
		{"no evidence, no stuffing", Facts{Wire: WireFacts{Unstuffed: at(-day), Sizes: sizes{None: true, Lies: 20, Since: at(-2 * day)}}}, Spoken{},
			[]string{ahead, noScan, "sizes in its listing are no evidence, since " + fitsFrom + ": 20 messages were shorter on two days",
				"lines that begin with a dot are sent without a second one, which ends messages too early: last seen 2026-02-28 12:00"}, 2},
		{"short ones", Facts{Wire: WireFacts{Short: []ShortReading{{Begun: at(-day)}, {Begun: at(-2 * day)}, {Begun: at(-time.Hour), Done: true}}}}, Spoken{},
			[]string{ahead, noScan, noSizes, "messages that came shorter than listed and are read again before they are delivered: 2, since " + fitsFrom,
				"messages that were delivered with another length than listed and are looked at once more on another day: 1, since 2026-03-01 11:00"}, 2},
	} {
		if tt.name == "nothing learned" {
			if got := Learned(tt.f.Encode(), tt.a, now); got != nil {
				t.Errorf("never fetched: %+v", got)
			}
			tt.f.LoggedInAt = at(-day)
		}
		var got, odd []string
		for _, trait := range Learned(tt.f.Encode(), tt.a, now) {
			if got = append(got, trait.Text); trait.Odd {
				odd = append(odd, trait.Text)
			}
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s\ngot  %q\nwant %q", tt.name, got, tt.want)
		}
		for _, text := range odd {
			for _, fine := range []string{ahead, noScan, noSizes, "sizes in its listing are right", "as the configuration says", "sizes in its listing follow a rule"} {
				if strings.Contains(text, fine) {
					t.Errorf("%s: odd is said to be %q", tt.name, text)
				}
			}
		}
		if tt.odd != len(odd) {
			t.Errorf("%s: %d are said to be odd, want %d: %q", tt.name, len(odd), tt.odd, odd)
		}
	}
	if got := Learned(nil, Spoken{}, now); got != nil {
		t.Errorf("of no account: %+v", got)
	}
}
