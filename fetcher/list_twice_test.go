package fetcher

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
)

// listsAs has a server give its listings in another form: each of UIDL and LIST gets the lines that it would send.
func (r *rig) listsAs(box []pop3test.Message, form func(verb string, call int, lines []string) []string) (calls map[string]int) {
	calls = map[string]int{}
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
			if verb != "UIDL" && verb != "LIST" || arg != "" {
				return nil
			}
			calls[verb]++
			var lines []string
			for i, m := range box {
				if verb == "UIDL" {
					lines = append(lines, fmt.Sprintf("%d %s", i+1, m.UID))
				} else {
					lines = append(lines, fmt.Sprintf("%d %d", i+1, len(m.Data)))
				}
			}
			lines = append(form(verb, calls[verb], lines), ".", "")
			return &pop3test.Reply{Raw: []byte("+OK\r\n" + strings.Join(lines, "\r\n"))}
		}
	})
	return calls
}

// Listings in an odd form whose meaning is clear: the mail is fetched, the pass is well, and what was known under the same
// octets of a unique-id stays known.
func TestOddListings(t *testing.T) {
	for name, form := range map[string]func(line string) []string{
		"leading spaces":  func(l string) []string { return []string{"   " + l} },
		"leading tab":     func(l string) []string { return []string{"\t" + l} },
		"several spaces":  func(l string) []string { return []string{strings.Replace(l, " ", "    ", 1)} },
		"tab":             func(l string) []string { return []string{strings.Replace(l, " ", "\t", 1)} },
		"tabs and spaces": func(l string) []string { return []string{strings.Replace(l, " ", "\t \t", 1)} },
		"blank lines":     func(l string) []string { return []string{"", l, " \t"} },
	} {
		t.Run(name, func(t *testing.T) {
			box := mailbox(12)
			r := newRig(t, box...)
			if rep := r.ok(); rep.New != 12 {
				t.Fatalf("%+v", rep)
			}
			more := append(box, mailbox(14)[12:]...)
			r.server.AddUser("u", "p", more...)
			r.listsAs(more, func(_ string, _ int, lines []string) (out []string) {
				for _, l := range lines {
					out = append(out, form(l)...)
				}
				return out
			})
			if rep := r.ok(); rep.New != 2 || rep.Kept != 14 || rep.Adopted+rep.Questioned != 0 {
				t.Errorf("%+v", rep)
			}
			r.wantMail(more...)
		})
	}
}

// Trailing blanks belong to the unique-id, as they always did: the same listing as yesterday brings nothing new.
func TestBlanksInUniqueIDs(t *testing.T) {
	box := mailbox(6)
	r := newRig(t, box...)
	r.listsAs(box, func(verb string, _ int, lines []string) (out []string) {
		for i, l := range lines {
			out = append(out, l+strings.Repeat(" x"[i%2:i%2+1], i%3)+[]string{"", " ", "\t"}[i%3])
		}
		return out
	})
	if rep := r.ok(); rep.New != 6 {
		t.Errorf("%+v", rep)
	}
	if rep := r.ok(); rep.New != 0 || rep.Kept != 6 {
		t.Errorf("%+v", rep)
	}
	var uids []string
	rows, err := r.sql().Query("SELECT CAST(uid AS TEXT) FROM message")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var uid string
		if err := rows.Scan(&uid); err != nil {
			t.Fatal(err)
		}
		uids = append(uids, uid)
	}
	for i, m := range box {
		if want := m.UID + strings.Repeat(" x"[i%2:i%2+1], i%3) + []string{"", " ", "\t"}[i%3]; !slices.Contains(uids, want) {
			t.Errorf("%q is not in the ledger: %q", want, uids)
		}
	}
}

// Listings that cannot be whole: what they lack is neither gone nor silently left.
func TestListingsThatCannotBeWhole(t *testing.T) {
	cut := func(of string, keep func(lines []string) []string) func(string, int, []string) []string {
		return func(verb string, _ int, lines []string) []string {
			if verb == of {
				return keep(lines)
			}
			return lines
		}
	}
	half := func(lines []string) []string { return lines[:len(lines)/2] }
	none := func([]string) []string { return nil }
	hole := func(lines []string) []string { return append(append([]string{}, lines[:2]...), lines[3:]...) }
	blank := func(lines []string) []string {
		lines[2] = ""
		return lines
	}
	for name, form := range map[string]func(string, int, []string) []string{
		"UIDL cut":             cut("UIDL", half),
		"LIST cut":             cut("LIST", half),
		"UIDL empty":           cut("UIDL", none),
		"LIST empty":           cut("LIST", none),
		"hole in UIDL":         cut("UIDL", hole),
		"hole in LIST":         cut("LIST", hole),
		"last one out of UIDL": cut("UIDL", func(l []string) []string { return l[:len(l)-1] }),
		"blank for a line":     cut("UIDL", blank),
		"blanks for a message": func(_ string, _ int, lines []string) []string { return blank(lines) },
	} {
		t.Run(name, func(t *testing.T) {
			box := mailbox(6)
			r := newRig(t, box...)
			r.ok()
			r.listsAs(box, form)
			for range 2 {
				rep := r.run()
				wantReason(t, rep, "not complete")
				if rep.Verdict.Class != verdict.Temporary || rep.New != 0 || !strings.Contains(rep.Verdict.Hint, "ask the provider") {
					t.Errorf("%+v", rep)
				}
			}
			var gone int
			if err := r.sql().QueryRow("SELECT count(*) FROM message WHERE gone_at IS NOT NULL").Scan(&gone); err != nil || gone != 0 {
				t.Errorf("%d rows are gone, %v", gone, err)
			}
			r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
			if rep := r.ok(); rep.New != 0 || rep.Questioned != 0 || rep.Kept != 6 {
				t.Errorf("%+v", rep)
			}
			r.wantMail(box...)
		})
	}
}

// Mail that comes or goes between UIDL and LIST: they are asked for once more in the same session, and the pass is well.
func TestListingsTakenApart(t *testing.T) {
	for name, form := range map[string]func(verb string, call int, lines []string) []string{
		"arrived": func(verb string, call int, lines []string) []string {
			if verb == "UIDL" && call == 1 {
				return lines[:len(lines)-1]
			}
			return lines
		},
		"expunged": func(verb string, call int, lines []string) []string {
			if verb == "UIDL" && call == 1 {
				return append(lines, "8 u-gone")
			}
			return lines
		},
	} {
		t.Run(name, func(t *testing.T) {
			box := mailbox(7)
			r := newRig(t, box[:6]...)
			r.ok()
			r.server.AddUser("u", "p", box...)
			calls := r.listsAs(box, form)
			if rep := r.ok(); rep.New != 1 || rep.Kept != 7 {
				t.Errorf("%+v", rep)
			}
			if calls["UIDL"] != 2 || calls["LIST"] != 2 {
				t.Errorf("%v", calls)
			}
			r.wantMail(box...)
		})
	}
}
