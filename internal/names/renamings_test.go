package names

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/popsync/popsync/uidl"
)

// rememberedIn reads accounts written as "name=mailbox", where mailbox "" is not known, "!name=mailbox" belongs to another
// configuration, and "name" alone is one that was only paused.
func rememberedIn(text string) (all []remembered) {
	for _, word := range strings.Fields(text) {
		r := remembered{listings: 1}
		word, r.other = strings.CutPrefix(word, "!")
		var listed bool
		if r.name, r.mailbox, listed = strings.Cut(word, "="); !listed {
			r.listings = 0
		}
		all = append(all, r)
	}
	return all
}

func wantedIn(text string) (all []wanted) {
	for _, r := range rememberedIn(text) {
		all = append(all, wanted{r.name, r.mailbox})
	}
	return all
}

func movesText(moves []uidl.Renaming) string {
	var all []string
	for _, m := range moves {
		all = append(all, m.From+">"+m.To)
	}
	return strings.Join(all, " ")
}

func TestRenamings(t *testing.T) {
	for name, tc := range map[string]struct{ ledger, config, want string }{
		"nothing changed":                {"a=1 b=2", "a=1 b=2", ""},
		"a new account":                  {"a=1", "a=1 b=2", ""},
		"removed":                        {"a=1 b=2", "a=1", ""},
		"renamed":                        {"a=1 b=2", "c=1 b=2", "a>c"},
		"swapped":                        {"a=1 b=2", "a=2 b=1", "a>b b>a"},
		"turned round":                   {"a=1 b=2 c=3", "a=3 b=1 c=2", "a>b b>c c>a"},
		"a chain":                        {"a=1 b=2", "b=1 c=2", "a>b b>c"},
		"a chain whose end goes":         {"a=1 b=2", "b=1", "a>b b>b-was-x"},
		"the old name to a new account":  {"a=1", "b=1 a=2", "a>b"},
		"moved to another provider":      {"a=1", "a=2", ""},
		"and beside one that is renamed": {"a=1 b=2", "a=3 c=2", "b>c"},
		"renamed back":                   {"b=1 b-was-x=2", "a=1 b=2", "b>a b-was-x>b"},
		"put aside and wanted again":     {"b=1 b-was-x=2", "b=1 c=2", "b-was-x>c"},
		"two new for one mailbox":        {"a=1", "b=1 c=1", ""},
		"one of two has it still":        {"a=1", "a=1 b=1", ""},
		"both of two renamed":            {"a=1 b=1", "c=1 d=1", ""},
		"one of two renamed":             {"a=1 b=1", "a=1 c=1", "b>c"},
		"two in the ledger for one":      {"a=1 b=1", "c=1", ""},
		"the name of one of two":         {"a=1 b=1 x=2", "x=1", ""},
		"its name was given away":        {"a=1", "b=1 c=1 a=2", "a>a-was-x"},
		"a pause under the new name":     {"a=1 b", "b=1", "a>b"},
		"a pause alone":                  {"b", "b=1", ""},
		"nobody knows whose it is":       {"a=", "b=1", ""},
		"and it has the new name":        {"a=1 b=", "b=1", ""},
		"and a chain stops there":        {"a=1 b= c=3", "b=1 a=3", "a>a-was-x c>a"},
		"another configuration's":        {"!a=1", "b=1", ""},
		"which has the new name":         {"a=1 !b=2", "b=1", ""},
		"which has the same mailbox":     {"!a=1 b=2", "a=1 c=2", "b>c"},
	} {
		t.Run(name, func(t *testing.T) {
			moves := renamings(rememberedIn(tc.ledger), wantedIn(tc.config), func(was string) string { return was + "-was-x" })
			if got := movesText(moves); got != tc.want {
				t.Errorf("%s, configured %s: %q, want %q", tc.ledger, tc.config, got, tc.want)
			}
		})
	}
}

// applied is what the ledger has after a renaming, by its rules.
func applied(ledger []remembered, moves []uidl.Renaming) (map[string]remembered, error) {
	at, moved := map[string]remembered{}, map[string]remembered{}
	for _, r := range ledger {
		at[r.name] = r
	}
	for _, m := range moves {
		r, ok := at[m.From]
		if !ok {
			return nil, fmt.Errorf("%s is not there", m.From)
		}
		delete(at, m.From)
		if _, twice := moved[m.To]; twice {
			return nil, fmt.Errorf("two become %s", m.To)
		}
		moved[m.To] = r
	}
	for name, r := range moved {
		if old, ok := at[name]; ok && (old.listings > 0 || old.mailbox != "") {
			return nil, fmt.Errorf("%s is taken by %+v", name, old)
		}
		at[name] = r
	}
	return at, nil
}

// Whatever a person does to names: the ledger can do it, no memory is lost, none goes to a name that the configuration has
// for another mailbox, what belongs to others is not touched, and once is enough.
func TestRenamingsLoseNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 0))
	names := []string{"a", "b", "c", "d", "e"}
	for n := range 200_000 {
		var ledger []remembered
		for _, i := range r.Perm(len(names))[:r.IntN(len(names)+1)] {
			k := remembered{name: names[i], mailbox: fmt.Sprint(1 + r.IntN(5)), listings: int64(r.IntN(2)), other: r.IntN(8) == 0}
			if r.IntN(6) == 0 {
				k.mailbox = ""
			}
			ledger = append(ledger, k)
		}
		var config []wanted
		for _, i := range r.Perm(len(names))[:r.IntN(len(names)+1)] {
			config = append(config, wanted{names[i], fmt.Sprint(1 + r.IntN(5))})
		}
		taken := map[string]bool{}
		for _, k := range ledger {
			taken[k.name] = true
		}
		mailboxes := map[string]string{}
		for _, c := range config {
			taken[c.name] = true
			mailboxes[c.name] = c.mailbox
		}
		aside := asideName(taken)
		moves := renamings(ledger, config, aside)
		at, err := applied(ledger, moves)
		fail := func(format string, args ...any) {
			t.Fatalf("%d: ledger %+v, configured %+v, moves %s: %s", n, ledger, config, movesText(moves), fmt.Sprintf(format, args...))
		}
		if err != nil {
			fail("%v", err)
		}
		left := slices.Collect(maps.Values(at))
		for _, k := range ledger {
			if !slices.Contains(left, k) && (k.mailbox != "" || k.listings > 0) {
				fail("%+v is lost", k)
			}
		}
		for name, k := range at {
			if name == k.name {
				continue
			}
			if k.other {
				fail("%+v belongs to others", k)
			}
			if c, ok := mailboxes[name]; ok && c != k.mailbox {
				fail("%s gets the memory of another mailbox", name)
			}
		}
		var after []remembered
		for name, k := range at {
			k.name = name
			after = append(after, k)
		}
		if again := renamings(after, config, aside); len(again) > 0 {
			fail("not at rest: %s", movesText(again))
		}
	}
}

func TestAsideName(t *testing.T) {
	taken := map[string]bool{}
	for _, was := range []string{"a", strings.Repeat("x", 64)} {
		one, two := asideName(taken)(was), asideName(taken)(was)
		if one == two || len(one) > 64 || strings.Trim(one, "abcdefghijklmnopqrstuvwxyz0123456789._-") != "" || !strings.HasPrefix(one, was[:1]) {
			t.Errorf("%q, %q", one, two)
		}
	}
}
