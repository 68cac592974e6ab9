package pop3

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func collect(uidl, list []string) (*Listing, error) {
	l := &Listing{Complete: true, NoUIDL: uidl == nil}
	p := &collector{l: l, maxUID: 512}
	for _, line := range uidl {
		p.uidLine([]byte(line))
	}
	for _, line := range list {
		p.listLine([]byte(line))
	}
	return l, p.join()
}

func show(l *Listing) string {
	var b strings.Builder
	for e := range l.All() {
		fmt.Fprintf(&b, "%d:%d:%s", e.Num, e.Size, e.UID)
		if !e.HasUID {
			b.WriteByte('-')
		}
		b.WriteByte(' ')
	}
	if !l.Complete {
		b.WriteString("incomplete")
	}
	return strings.TrimSpace(b.String())
}

func TestJoin(t *testing.T) {
	type lines = []string
	for _, tt := range []struct {
		name       string
		uidl, list lines
		want       string
	}{
		{"empty", lines{}, lines{}, ""},
		{"plain", lines{"1 a", "2 b"}, lines{"1 10", "2 20"}, "1:10:a 2:20:b"},
		{"gaps", lines{"1 a", "4 d"}, lines{"1 10", "4 40"}, "1:10:a 4:40:d"},
		{"unsorted", lines{"3 c", "1 a", "2 b"}, lines{"2 20", "3 30", "1 10"}, "1:10:a 2:20:b 3:30:c"},
		{"both unsorted", lines{"1 a", "3 c", "2 b"}, lines{"1 10", "3 30", "2 20"}, "1:10:a 2:20:b 3:30:c"},
		{"both falling", lines{"3 c", "1 a"}, lines{"3 30", "1 10"}, "1:10:a 3:30:c"},
		{"parted late", lines{"1 a", "2 b", "3 c"}, lines{"1 10", "2 20", "4 40", "3 30"}, "1:10:a 2:20:b 3:30:c incomplete"},
		{"no UIDL", nil, lines{"1 10", "2 20"}, "1:10:- 2:20:-"},
		{"spaces, 8-bit, equal", lines{"1  a b ", "2 \xff\xfe", "3 \xff\xfe"}, lines{"1 1", "2 2", "3 3"}, "1:1:a b  2:2:\xff\xfe 3:3:\xff\xfe"},
		{"empty UID", lines{"1", "2 ", "3    ", "4 d"}, lines{"1 1", "2 2", "3 3", "4 4"}, "1:1:- 2:2:- 3:3:- 4:4:d"},
		// Whether it arrived between, or UIDL was cut short, nobody can tell.
		{"arrived between", lines{"1 a"}, lines{"1 1", "2 2"}, "1:1:a incomplete"},
		{"arrived in an empty mailbox", lines{}, lines{"1 1"}, "incomplete"},
		{"UIDL empty", lines{}, lines{"1 1", "2 2"}, "incomplete"},
		{"LIST empty", lines{"1 a", "2 b"}, lines{}, "incomplete"},
		{"UIDL cut", lines{"1 a", "2 b"}, lines{"1 1", "2 2", "3 3", "4 4"}, "1:1:a 2:2:b incomplete"},
		{"LIST cut", lines{"1 a", "2 b", "3 c"}, lines{"1 1"}, "1:1:a incomplete"},
		{"first expunged between", lines{"1 a", "2 b"}, lines{"2 2"}, "2:2:b incomplete"},
		{"leading blanks", lines{" 1 a", "\t2 b", " \t 3 c"}, lines{"  1 1", "2 2", "\t3 3"}, "1:1:a 2:2:b 3:3:c"},
		{"padded to the width", lines{"   9 i", "  10 j"}, lines{"   9 9", "  10 10"}, "9:9:i 10:10:j"},
		{"tabs", lines{"1\ta", "2\t b\t", "3 \tc", "4\t"}, lines{"1\t1", "2 \t2", "3\t 3\tx", "4\t4\t"}, "1:1:a 2:2:b\t 3:3:\tc 4:4:-"},
		{"trailing blanks", lines{"1 a ", "2 b\t"}, lines{"1 1 ", "2 2\t "}, "1:1:a  2:2:b\t"},
		{"blank lines", lines{"", "1 a", " \t", "2 b", ""}, lines{"1 1", "", "2 2"}, "1:1:a 2:2:b"},
		{"blank lines only", lines{""}, lines{" "}, ""},
		{"blank lines for messages", lines{"", ""}, lines{"", ""}, "incomplete"},
		{"a blank line for a message", lines{"1 a", "", "3 c"}, lines{"1 1", "", "3 3"}, "1:1:a 3:3:c incomplete"},
		{"a blank line for the size", lines{"1 a", "2 b"}, lines{"1 1", ""}, "1:1:a incomplete"},
		{"no UIDL, a blank line for a message", nil, lines{"", "2 2"}, "2:2:- incomplete"},
		{"no UIDL, a blank line", nil, lines{"1 1", "2 2", ""}, "1:1:- 2:2:-"},
		{"gone between", lines{"1 a", "2 b"}, lines{"1 1"}, "1:1:a incomplete"},
		{"hole in LIST", lines{"1 a", "2 b", "3 c"}, lines{"1 1", "3 3"}, "1:1:a 3:3:c incomplete"},
		{"hole in UIDL", lines{"1 a", "3 c"}, lines{"1 1", "2 2", "3 3"}, "1:1:a 3:3:c incomplete"},
		{"number 0", lines{"0 z", "1 a"}, lines{"0 5", "1 1"}, "1:1:a incomplete"},
		{"number 2^31-1", lines{"2147483647 a"}, lines{"2147483647 1"}, "2147483647:1:a"},
		{"number 2^31", lines{"2147483648 a"}, lines{"2147483648 1"}, "incomplete"},
		{"number 2^63", lines{"9223372036854775808 a", "1 b"}, lines{"1 1"}, "1:1:b incomplete"},
		{"number 2^64+1", lines{"18446744073709551617 a"}, lines{"1 1"}, "incomplete"},
		{"negative", lines{"-1 a", "1 b"}, lines{"1 1"}, "1:1:b incomplete"},
		{"not a number", lines{"a b", "1x a", "1 b"}, lines{"1 1"}, "1:1:b incomplete"},
		{"leading zeros", lines{"001 a"}, lines{"01 1"}, "1:1:a"},
		{"odd sizes", lines{"1 a", "2 b", "3 c", "4 d", "5 e"}, lines{"1 x", "2 -5", "3", "4 99999999999999999999", "5 7 extra"}, "1:0:a 2:0:b 3:0:c 4:0:d 5:7:e"},
		{"size 2^48", lines{"1 a", "2 b"}, lines{"1 281474976710655", "2 281474976710656"}, "1:281474976710655:a 2:0:b"},
	} {
		l, err := collect(tt.uidl, tt.list)
		if err != nil || show(l) != strings.TrimSpace(tt.want) {
			t.Errorf("%s: got %q, %v; want %q", tt.name, show(l), err, tt.want)
		}
	}
}

func TestJoinRepeated(t *testing.T) {
	for _, tt := range [][2][]string{
		{{"1 a", "1 b"}, {"1 1"}},
		{{"1 a", "2 b", "1 c"}, {"1 1", "2 2"}},
		{{"1 a"}, {"1 1", "1 1"}},
		{{"1 a", "1 b"}, {"1 1", "1 2"}},
		{{"1 a", "2 b", "2 c"}, {"1 1", "2 2", "2 3"}},
		{nil, {"7 1", "5 1", "7 1"}},
	} {
		if l, err := collect(tt[0], tt[1]); !errors.Is(err, errRepeated) {
			t.Errorf("%q: %q, %v", tt, show(l), err)
		}
	}
}

func TestLongUIDs(t *testing.T) {
	for _, n := range []int{1, 70, 71, 512, 513, 5000} {
		uid := strings.Repeat("u", n)
		want := uid
		if n > 512 {
			sum := sha256.Sum256([]byte(uid))
			want = "popsync-sha256:" + hex.EncodeToString(sum[:])
		}
		l, err := collect([]string{"1 " + uid}, []string{"1 1"})
		if err != nil || l.At(0).UID != want {
			t.Errorf("%d octets: %.100q, %v", n, l.At(0).UID, err)
		}
	}
}

func TestProblemsAreFew(t *testing.T) {
	var bad []string
	for i := range 100 {
		bad = append(bad, fmt.Sprintf("x%d \x1b[31m", i))
	}
	l, err := collect(bad, nil)
	if err != nil || l.Bad != 100 || len(l.Problems) != maxProblems || strings.Contains(l.Problems[0], "\x1b") {
		t.Fatal(l.Bad, l.Problems, err)
	}
}

func TestMismatchesAreCounted(t *testing.T) {
	l, err := collect([]string{"1 a", "2 b", "4 d"}, []string{"2 2", "3 3", "4 4", "5 5", "6 6"})
	if err != nil || l.OnlyUIDL != 1 || l.OnlyLIST != 3 || l.Bad != 0 || show(l) != "2:2:b 4:4:d incomplete" {
		t.Fatalf("%+v, %v", l, err)
	}
}

// acceptedBefore is how a line of UIDL was read before blanks were put up with. What it accepted must keep its unique-id, or
// known mail would look new.
func acceptedBefore(line []byte) (num int64, uid []byte, ok bool) {
	digits, uid, _ := bytes.Cut(line, []byte(" "))
	num, ok = parseNumber(digits, maxNumber)
	return num, bytes.TrimLeft(uid, " "), ok && num > 0
}

// FuzzUIDLine compares a line with how it was read before, and wants the same unique-id with other blanks before the number.
func FuzzUIDLine(f *testing.F) {
	f.Fuzz(func(t *testing.T, line []byte, pad uint8) {
		read := func(line []byte) (entry, string) {
			p := &collector{l: &Listing{}, maxUID: maxListingLine}
			if p.uidLine(line); p.uidl.len() == 0 {
				return entry{}, ""
			}
			return *p.uidl.at(0), p.uids.String()
		}
		if len(line) > maxListingLine/2 {
			return
		}
		e, uid := read(line)
		if num, before, ok := acceptedBefore(line); ok && (int64(e.num) != num || uid != string(before) || (e.len > 0) != (uid != "")) {
			t.Fatalf("%q was %d %q, is %d %q", line, num, before, e.num, uid)
		}
		padded := append([]byte("  \t  \t\t "[:pad%9]), line...)
		if e2, uid2 := read(padded); e2 != e || uid2 != uid {
			t.Fatalf("%q is %d %q, %q is %d %q", line, e.num, uid, padded, e2.num, uid2)
		}
	})
}

// FuzzListing feeds two listings and wants order, uniqueness, UIDs that are really there, and that a listing is complete only
// if every line of both that is not blank is in it.
func FuzzListing(f *testing.F) {
	f.Fuzz(func(t *testing.T, uidl, list []byte) {
		l, err := collect(strings.Split(string(uidl), "\n"), strings.Split(string(list), "\n"))
		if err != nil {
			return
		}
		last := 0
		for e := range l.All() {
			if e.Num <= last || e.Size < 0 || e.HasUID != (e.UID != "") {
				t.Fatalf("%+v after %d", e, last)
			}
			if !strings.HasPrefix(e.UID, "popsync-sha256:") && !bytes.Contains(uidl, []byte(e.UID)) {
				t.Fatalf("made up %q", e.UID)
			}
			last = e.Num
		}
		if l.Complete {
			for name, answer := range map[string][]byte{"UIDL": uidl, "LIST": list} {
				n := 0
				for line := range bytes.SplitSeq(answer, []byte("\n")) {
					n += min(1, len(bytes.Trim(line, blanks)))
				}
				if n != l.Len() {
					t.Fatalf("complete with %d messages, and %s has %d lines", l.Len(), name, n)
				}
			}
		}
		if l.Complete != (l.Bad+l.OnlyUIDL+l.OnlyLIST == 0) {
			t.Fatalf("complete: %v; %d bad, %d and %d in one alone", l.Complete, l.Bad, l.OnlyUIDL, l.OnlyLIST)
		}
		if l.Bytes() < 0 {
			t.Fatal("sum of sizes overflowed")
		}
	})
}

func BenchmarkListing(b *testing.B) {
	const n = 100_000
	var uidl, list bytes.Buffer
	for i := range n {
		fmt.Fprintf(&uidl, "%d 0000%08x5f3c9a11\r\n", i+1, i)
		fmt.Fprintf(&list, "%d %d\r\n", i+1, 2000+i)
	}
	uidl.WriteString(".\r\n")
	list.WriteString(".\r\n")
	all := append(uidl.Bytes(), list.Bytes()...)
	b.SetBytes(int64(len(all)))
	b.ReportAllocs()
	for b.Loop() {
		o := Options{}.withDefaults()
		c := &Client{t: talk{w: wireOf(all, 1, bufferSize), opt: &o}, opt: &o}
		c.t.w.idle = time.Minute
		p := &collector{l: &Listing{Complete: true}, maxUID: 512}
		if err := errors.Join(p.lines(&c.t, "UIDL", p.uidLine), p.lines(&c.t, "LIST", p.listLine), p.join()); err != nil {
			b.Fatal(err)
		}
		if p.l.Len() != n {
			b.Fatal(p.l.Len())
		}
	}
}
