package maildir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
)

// TestSeedsArePresent fails when a corpus was moved or lost: a fuzz test without seeds passes silently.
func TestSeedsArePresent(t *testing.T) {
	for _, name := range []string{"FuzzParseName", "FuzzParseNote", "FuzzParseTicket", "FuzzRecovery"} {
		seeds, err := filepath.Glob(filepath.Join("testdata", "fuzz", name, "*"))
		if err != nil || len(seeds) < 3 {
			t.Errorf("%s has %d seeds: %v", name, len(seeds), err)
		}
	}
}

func FuzzParseName(f *testing.F) {
	f.Fuzz(func(t *testing.T, file string) {
		n, ok := ParseName(file)
		if !ok {
			if n != (Name{}) {
				t.Errorf("not a name, yet %+v", n)
			}
			return
		}
		if !strings.HasPrefix(file, n.Base) || strings.ContainsAny(n.Base, "/:,;! \n\x00") || len(n.Base) > 120 {
			t.Errorf("%q has the base name %q", file, n.Base)
		}
		if !strings.Contains(n.Base, "T"+n.Tag+"."+n.Host) || n.Size < -1 || n.Seconds < 0 {
			t.Errorf("%q is %+v", file, n)
		}
		for _, added := range []string{"", ",S=12", ",S=12,W=13:2,S", ":2,RS", ",U=4;2,"} {
			again, ok := ParseName(n.Base + added)
			if again.Base != n.Base || !ok || strings.Contains(added, "S=12") != (again.Size == 12) {
				t.Errorf("%q with %q is %+v", n.Base, added, again)
			}
		}
	})
}

func FuzzParseTicket(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		tk, err := parseTicket(deliver.Ticket(s))
		if err != nil {
			if tk != (ticket{}) {
				t.Errorf("%v, yet %+v", err, tk)
			}
			return
		}
		if tk.String() != s || strings.ContainsAny(tk.name, "/\x00") || len(s) > deliver.MaxTicket {
			t.Errorf("%q is %+v", s, tk)
		}
	})
}

func TestNames(t *testing.T) {
	for host, want := range map[string]string{
		"": "localhost", "mail.example.org": "mail.example.org", "a/b:c": `a\057b\072c`, "a,b;c!d e\\": `a\054b\073c\041d\040e\134`,
		"ü": `\303\274`, strings.Repeat("x", 100): strings.Repeat("x", 64), strings.Repeat("x", 63) + "/": strings.Repeat("x", 63),
	} {
		got := escapeHost(host)
		if got != want {
			t.Errorf("host %q is %q, want %q", host, got, want)
		}
		name, err := newName(1_800_000_000, bytes.NewReader(make([]byte, 10)), deliver.Message{Account: "a", UID: "\x00/:"}, got)
		n, ok := ParseName(publishedName(name, 5) + ":2,S")
		if err != nil || !ok || n.Base != name || n.Seconds != 1_800_000_000 || n.Size != 5 || n.Tag != deliver.Tag("a", "\x00/:", 0) || n.Host != got {
			t.Errorf("%q is %+v, %v, %v", name, n, ok, err)
		}
	}
	if _, err := newName(0, bytes.NewReader(nil), deliver.Message{}, "h"); err == nil {
		t.Errorf("a name without random bits")
	}
}

// FuzzRecovery brings tickets into random states, as crashes, readers, sweepers and people do, and publishes them until
// all is settled. Each byte of the program is one ticket's state; hours is how old they are. Whatever happens, no
// message may be lost: at the end each is visible, or was seen by a reader, or the ledger was told to fetch it again.
func FuzzRecovery(f *testing.F) {
	f.Fuzz(func(t *testing.T, program []byte, hours uint8) {
		if len(program) > 12 {
			program = program[:12]
		}
		x := newFixture(t)
		tickets := x.stage(len(program))
		read := make([]bool, len(program)) // visible once, then removed by its reader
		swept := make([]bool, len(program))
		published := 0 // Publish works in order: what is visible is a prefix
		for published < len(program) && program[published]&0x80 != 0 {
			published++
		}
		for i, op := range program {
			tk, _ := parseTicket(tickets[i])
			tmp := filepath.Join(x.path, "tmp", tk.name)
			name := publishedName(tk.name, tk.size)
			must := func(err error) {
				if err != nil {
					t.Fatal(err)
				}
			}
			if i < published {
				switch op % 6 {
				case 0:
					must(os.Rename(tmp, filepath.Join(x.path, "new", name)))
				case 1:
					must(os.Rename(tmp, filepath.Join(x.path, "cur", name+":2,S")))
				case 2:
					must(os.Link(tmp, filepath.Join(x.path, "new", name)))
				case 3:
					must(os.Link(tmp, filepath.Join(x.path, "cur", tk.name+"!2,")))
				case 4:
					must(os.MkdirAll(filepath.Join(x.path, ".Sub", "cur"), 0o700))
					must(os.Rename(tmp, filepath.Join(x.path, ".Sub", "cur", name+":2,S")))
				case 5:
					must(os.Remove(tmp))
					read[i] = true
				}
				continue
			}
			switch op % 6 {
			case 0:
				must(os.Truncate(tmp, 1))
			case 1: // a sweeper, who takes nothing that is younger than a day
				if hours >= 24 {
					must(os.Remove(tmp))
					swept[i] = true
				}
			}
		}
		x.now = x.now.Add(time.Duration(hours) * time.Hour)
		again := make([]bool, len(program)) // the ledger was told to fetch it again
		open := slices.Clone(tickets)
		for round := 0; len(open) > 0; round++ {
			if round > len(tickets)+1 {
				t.Fatalf("%d tickets are never settled", len(open))
			}
			x.restart()
			errs := x.Publish(context.Background(), open)
			if program[0]&1 != 0 { // a crash before the ledger has the results
				x.restart()
				second := x.Publish(context.Background(), open)
				for i := range errs {
					if errs[i] != nil && second[i] == nil {
						t.Errorf("ticket %d: %v, then settled", i, errs[i])
					}
				}
				errs = second
			}
			var rest []deliver.Ticket
			for i, err := range errs {
				at := slices.Index(tickets, open[i])
				switch {
				case err == nil:
				case errors.Is(err, deliver.ErrInferred):
					if !read[at] {
						t.Errorf("message %d is taken for published, and nobody has seen it", at)
					}
				case errors.Is(err, deliver.ErrDamaged):
					again[at] = true
					if err := x.Discard(open[i : i+1]); err != nil {
						t.Fatal(err)
					}
				case errors.Is(err, deliver.ErrUnknown):
					again[at] = true
				case errors.Is(err, errHeldBack):
					rest = append(rest, open[i])
				default:
					t.Fatal(err)
				}
			}
			open = rest
		}
		var visible []string
		for _, dir := range []string{"new", "cur", ".Sub/cur"} {
			entries, _ := os.ReadDir(filepath.Join(x.path, dir))
			for _, e := range entries {
				text, err := os.ReadFile(filepath.Join(x.path, dir, e.Name()))
				if err != nil {
					t.Fatal(err)
				}
				visible = append(visible, string(text))
			}
		}
		for i := range tickets {
			n := 0
			for _, text := range visible {
				if text == fmt.Sprintf("message %d\n", i) {
					n++
				}
			}
			switch {
			case n > 1:
				t.Errorf("message %d is visible %d times", i, n)
			case n == 0 && !read[i] && !again[i]:
				t.Errorf("message %d is lost (swept: %v)", i, swept[i])
			case n == 1 && again[i]:
				t.Errorf("message %d is visible and fetched again", i)
			}
		}
		if left := x.names("tmp"); len(left) != 0 {
			t.Errorf("tmp still has %d files", len(left))
		}
	})
}
