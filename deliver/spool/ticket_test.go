package spool

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/spelling"
)

func TestTickets(t *testing.T) {
	name := newName()
	largest := ticket{name: name, size: math.MaxInt64, crc: math.MaxUint32, dup: math.MaxInt,
		uid: strings.Repeat("\xff", maxUID), rest: strings.Repeat("\xff", maxRest)}
	for _, want := range []ticket{
		largest, {name: name}, {name: name, uid: " \x00\n/..", rest: " "}, {name: name, size: 5, crc: 0xab, dup: 1, uid: "u"},
	} {
		if got, err := parseTicket(deliver.Ticket(want.String())); err != nil || got != want {
			t.Errorf("%q is %+v, %v", want.String(), got, err)
		}
	}
	good := ticket{name: name, size: 5, crc: 0xab, dup: 1, uid: "uid", rest: "r"}.String()
	if _, err := parseTicket(deliver.Ticket(good)); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"", "spool1", strings.Replace(good, "spool1", "spool2", 1), strings.Replace(good, name, "../"+name, 1),
		strings.Replace(good, name, name[1:]+"/", 1), strings.Replace(good, name, strings.ToUpper(name), 1), strings.Replace(good, name, name+sentSuffix, 1),
		strings.Replace(good, " 5 ", " -5 ", 1), strings.Replace(good, " 5 ", " 05 ", 1), strings.Replace(good, " 5 ", " +5 ", 1),
		strings.Replace(good, " 5 ", "  5 ", 1), strings.Replace(good, "000000ab", "000000AB", 1), strings.Replace(good, "000000ab", "ab", 1),
		strings.Replace(good, " 1 ", " -1 ", 1), strings.Replace(good, " U", " ", 1), strings.Replace(good, " R", " ", 1), good + " ",
		good + "\n", good + " Rcg", strings.Replace(good, " Rcg", " R", 1), strings.Replace(good, " Rcg", " Rch", 1), strings.Replace(good, " Rcg", " Rcg==", 1),
		ticket{name: name, uid: strings.Repeat("u", maxUID+1)}.String(), ticket{name: name, rest: strings.Repeat("u", maxRest+1)}.String(),
		"1 1800000000.Raaaaaaaaaaaaaaaa 5 000000ab abcdefghijklmnopqrstuvwxyz /var/mail",
	} {
		if got, err := parseTicket(deliver.Ticket(bad)); err == nil {
			t.Errorf("%q is taken for %+v", bad, got)
		}
	}
}

func FuzzParseTicket(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parseTicket(deliver.Ticket(s))
		if err != nil {
			if got != (ticket{}) {
				t.Errorf("not a ticket, yet %+v", got)
			}
			return
		}
		if len(s) > deliver.MaxTicket || got.String() != s {
			t.Errorf("%q is %+v", s, got)
		}
		if !spelling.Only(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_ ") {
			t.Errorf("%q is not printable ASCII", s)
		}
		if filepath.Base(got.name) != got.name || strings.ContainsAny(got.name, "./\\\x00") || len(got.name) != spelling.IDLen {
			t.Errorf("%q names %q", s, got.name)
		}
		if got.size < 0 || got.dup < 0 || len(got.uid) > maxUID || len(got.rest) > maxRest {
			t.Errorf("%q is %+v", s, got)
		}
	})
}

func TestSeedsArePresent(t *testing.T) {
	if seeds, err := filepath.Glob("testdata/fuzz/FuzzParseTicket/*"); err != nil || len(seeds) < 4 {
		t.Errorf("FuzzParseTicket has %d seeds: %v", len(seeds), err)
	}
}
