package imports

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func ids(texts ...string) (all []ID) {
	for _, t := range texts {
		all = append(all, ID{Text: t})
	}
	return all
}

// Each tool's file is read as the tool itself reads it, odd unique-ids included; what was not written to its end is left out.
func TestStateOf(t *testing.T) {
	for _, c := range []struct {
		tool Tool
		data string
		want []State
		odd  int
	}{
		{
			Fetchmail, "me@x.org@pop.example.net uid-1<x@y>\nanna@other.example uid-2\nme@x.org@pop.example.net 3\nbroken\n\na b@h u\nanna@other.example half",
			[]State{{"pop.example.net", "me@x.org", ids("uid-1<x@y>", "3")}, {"other.example", "anna", ids("uid-2")}, {"h", "a b", ids("u")}}, 2,
		},
		{Fetchmail, "a@h u\r\n@h u\na@h@ u\nu@h a b\n\xe9@h \xff/\xfe\n", []State{{"h", "a", ids("u")}, {"h", "\xe9", ids("\xff/\xfe")}}, 3},
		{
			Mpop, "# comment\n 3 pop.example.net anna\nUID-1 1764000000\nUID with blank\nUID-2 0\n 1 other bert\n#X\n 2 cut short\nY\nhal",
			[]State{
				{"pop.example.net", "anna", []ID{{"UID-1", "UID-1 1764000000"}, {Text: "UID with blank"}, {"UID-2", "UID-2 0"}}},
				{"other", "bert", ids("#X")},
				{"cut", "short", ids("Y")},
			}, 1,
		},
		{Mpop, " 99999999999999999999 h u\nX\n 5 h u\nX\nY\n", []State{{"h", "u", ids("X", "Y")}}, 3},
		{Getmail, "UID1\x001764000000\nUID-2\x0017\nbroken\na/9/b\x00x\nb c\x001\r\nhalf", []State{{"", "", ids("UID1", "UID-2", "a/b", "b c")}}, 2},
		{Fdm, "5 UID-1\n9 UID 2 odd\n4 a\nbc\n9 short\n", []State{{"", "", ids("UID-1", "UID 2 odd", "a\nbc")}}, 1},
		{Fdm, "2 abc\n", nil, 0},
		{Fdm, "1 a\n1 b", []State{{"", "", ids("a", "b")}}, 0},
		{
			Thunderbird, "# POP3 State File\r\n\r\n*pop.example.net anna@example.net\r\nk UID-1 1764000000\r\nd UID-2 1764000100\r\nb UID-3 1\r\nf UID-4 1\r\nz UID-5 1",
			[]State{{"pop.example.net", "anna@example.net", ids("UID-1", "UID-2")}}, 1,
		},
		{Thunderbird, "*h u\nk U 1\nk V 176400", []State{{"h", "u", ids("U", "V")}}, 0},
		{Thunderbird, "*h u\nk U 1\nk hal", []State{{"h", "u", ids("U")}}, 1},
	} {
		got, odd, err := StateOf(c.tool, []byte(c.data))
		if (err == nil) != (c.want != nil) || odd != c.odd || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q: %+v, %d odd, %v; want %+v, %d odd", c.tool, c.data, got, odd, err, c.want, c.odd)
		}
	}
}

// A file of another kind is refused, and nothing of it is repeated: it may be a password. So is one that is too large.
func TestStateOfOther(t *testing.T) {
	for _, tool := range Tools() {
		for _, data := range []string{
			"", "\x00\x01\x02", "hello world", strings.Repeat("x", LargestState+1), strings.Repeat("@", 100000),
			"poll h proto pop3\nuser \"me@x.org\" pass \"Secret@word x\"\n", "account a\nhost h\nuser u@x\npassword Secret word\n",
			"[retriever]\nusername = u@x\npassword = Secret word\n", `account "a" pop3 server "h" user "u@x" pass "Secret x"`,
			"user_pref(\"mail.server.server1.userName\", \"u@x Secret\");\n",
		} {
			if got, _, err := StateOf(tool, []byte(data)); err == nil || strings.Contains(err.Error(), "Secret") {
				t.Errorf("%s takes %.40q for %+v, %v", tool, data, got, err)
			}
		}
	}
	if _, _, err := StateOf(Fdm, []byte(strings.Repeat("1 a\n", MostIDs+1))); err == nil {
		t.Error("more unique-ids than there may be are taken")
	}
	if states, _, err := StateOf(Fdm, []byte(strings.Repeat("1 a\n", MostIDs))); err != nil || len(states[0].IDs) != MostIDs {
		t.Error(err)
	}
}

// What is listed is known if the tool would have written it so, and nothing else that is listed.
func TestOverlap(t *testing.T) {
	for _, c := range []struct {
		tool      Tool
		ids       []ID
		listed    string // separated by |
		known     string
		common    int
		ambiguous int
	}{
		{Fdm, ids("a", "b", "a", "gone"), "a|b|c", "a|b", 2, 0},
		{Fdm, ids("a b", "a/b", "<x@y>", "\xff"), "a b|a-b|a/b|<x@y>|\xff", "a b|a/b|<x@y>|\xff", 4, 0},
		{Fdm, ids("a"), "a|a|b", "", 1, 2},
		{Getmail, ids("a-b", "c-d", "e-f", "g/h"), "a/b|c/d|c-d|e-f|g/h|-", "a/b|e-f|g/h", 4, 2},
		{Fetchmail, ids("a", "c"), "a b|c d|c e|c", "a b", 2, 3},
		{Thunderbird, ids("a"), "a b|b", "a b", 1, 0},
		{Mpop, []ID{{"U", "U 1"}, {"V", "V 2"}, {"W", "W 3"}}, "U|V 2|W|W 3", "U|V 2", 3, 2},
		{Mpop, nil, "U", "", 0, 0},
	} {
		s := State{IDs: c.ids}
		listed := strings.Split(c.listed, "|")
		o := s.Overlap(c.tool, slices.Values(listed))
		var known []string
		for _, uid := range listed {
			if o.Known(uid) {
				known = append(known, uid)
			}
		}
		if strings.Join(known, "|") != c.known || o.Common != c.common || o.Ambiguous != c.ambiguous || o.Listed != len(listed) {
			t.Errorf("%s %+v of %q: %q, %+v", c.tool, c.ids, c.listed, known, o)
		}
	}
}

// Whatever the file: what comes of it is bounded, and never empty.
func FuzzStateOf(f *testing.F) {
	f.Add(uint8(0), []byte("a@b u\n"))
	f.Add(uint8(1), []byte(" 1 h u\nX 1\n"))
	f.Add(uint8(2), []byte("U\x001\n"))
	f.Add(uint8(3), []byte("2 ab\n"))
	f.Add(uint8(4), []byte("*h u\nk U 1\n"))
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		tool := Tools()[int(which)%len(Tools())]
		states, odd, err := StateOf(tool, data)
		if err != nil {
			if states != nil {
				t.Fatal("an error, and states")
			}
			return
		}
		n := 0
		for i, s := range states {
			for _, e := range s.IDs {
				if n++; e.Text == "" {
					t.Fatal("an empty unique-id")
				}
			}
			for _, other := range states[:min(i, 20)] {
				if other.Host == s.Host && other.User == s.User {
					t.Fatalf("%q at %q twice", s.User, s.Host)
				}
			}
			o := s.Overlap(tool, func(yield func(string) bool) {
				for _, e := range s.IDs {
					if !yield(e.Text) {
						return
					}
				}
			})
			if o.Common > o.Remembered || o.Remembered > len(s.IDs) {
				t.Fatal(fmt.Sprint(o.Common, o.Remembered, len(s.IDs)))
			}
		}
		if n+odd > len(data) {
			t.Fatalf("%d unique-ids in %d octets", n, len(data))
		}
	})
}
