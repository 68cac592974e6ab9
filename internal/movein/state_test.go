package movein

import (
	"bytes"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/imports"
	"github.com/popsync/popsync/internal/nextstep"
)

// uids are n unique-ids, from the one with that number on.
func uids(from, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("UID-%d", from+i))
	}
	return all
}

// stateOf is the file in which a tool remembers unique-ids of a mailbox.
func stateOf(tool imports.Tool, user, host string, all []string) string {
	var b strings.Builder
	switch tool {
	case imports.Mpop:
		fmt.Fprintf(&b, " %d %s %s\n", len(all), host, user)
	case imports.Thunderbird:
		fmt.Fprintf(&b, "# POP3 State File\n\n*%s %s\n", host, user)
	}
	for _, uid := range all {
		switch tool {
		case imports.Fetchmail:
			fmt.Fprintf(&b, "%s@%s %s\n", user, host, uid)
		case imports.Mpop:
			fmt.Fprintf(&b, "%s 1764000000\n", uid)
		case imports.Getmail:
			fmt.Fprintf(&b, "%s\x001764000000\n", uid)
		case imports.Fdm:
			fmt.Fprintf(&b, "%d %s\n", len(uid), uid)
		case imports.Thunderbird:
			fmt.Fprintf(&b, "k %s 1764000000\n", uid)
		}
	}
	return b.String()
}

var anna = Mailbox{Account: "work", Host: "pop.example.net", User: "anna@example.net"}

// moved is what people see of an import into a mailbox that lists so many messages, of which popsync knows none.
type moved struct {
	t         *testing.T
	out, errs bytes.Buffer
	marked    []string
}

func (m *moved) take(tool imports.Tool, file, of string, anyway bool, listed []string) error {
	m.t.Helper()
	m.out.Reset()
	m.errs.Reset()
	m.marked = nil
	c := &console.Console{Out: &m.out, Err: &m.errs}
	r, err := State(c, tool, file, anna, of)
	if err != nil {
		return err
	}
	return r.Take(c, anyway, func(choose fetcher.Chooser) (fetcher.Marked, error) {
		known, err := choose(slices.Values(listed), iter.Seq[string](slices.Values(listed)))
		if err != nil {
			return fetcher.Marked{}, err
		}
		for _, uid := range listed {
			if known(uid) {
				m.marked = append(m.marked, uid)
			}
		}
		return fetcher.Marked{Listed: len(listed), Marked: len(m.marked), Left: len(listed) - len(m.marked)}, nil
	})
}

func (m *moved) file(name, text string) string {
	m.t.Helper()
	file := filepath.Join(m.t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
	return file
}

var screens = regexp.MustCompile("(?s)```\npopsync import ([a-z]+) --state (\\S+) --into work\n(.*?)```")

// What the page about other fetchers shows of files in which they remember what they fetched is what people see.
func TestComingFromState(t *testing.T) {
	page, err := os.ReadFile("../../docs/coming-from.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := screens.FindAllStringSubmatch(string(page), -1)
	if len(shown) != len(imports.Tools()) {
		t.Fatalf("%d screens", len(shown))
	}
	for _, s := range shown {
		tool, m := imports.Tool(s[1]), &moved{t: t}
		file := m.file(filepath.Base(s[2]), stateOf(tool, anna.User, anna.Host, uids(1, 20)))
		if err := m.take(tool, file, "", false, uids(1, 30)); err != nil {
			t.Errorf("%s: %v", tool, err)
		}
		if got := strings.ReplaceAll(m.out.String(), file, s[2]); got != s[3] {
			t.Errorf("%s: people see\n%s\nthe page says\n%s", tool, got, s[3])
		}
		if !slices.Equal(m.marked, uids(1, 20)) {
			t.Errorf("%s: marked %q", tool, m.marked)
		}
	}
}

// Less than half of what a file remembers is a reason not to believe it; a person may say otherwise. Where there are no unique-ids
// nobody can.
func TestThreshold(t *testing.T) {
	m := &moved{t: t}
	file := m.file("state", stateOf(imports.Fdm, "", "", uids(1, 20)))
	for _, c := range []struct {
		from, n int
		anyway  bool
		marked  int // -1: refused
	}{{1, 30, false, 20}, {11, 30, false, 10}, {12, 30, false, -1}, {12, 30, true, 9}, {100, 5, false, -1}, {100, 5, true, 0}, {1, 0, false, -1}} {
		err := m.take(imports.Fdm, file, "", c.anyway, uids(c.from, c.n))
		if c.marked < 0 {
			if exit.CodeOf(err) != exit.Config || !strings.Contains(nextstep.Of(err), "--anyway") || m.marked != nil {
				t.Errorf("%+v: %v, %q", c, err, m.marked)
			}
		} else if err != nil || len(m.marked) != c.marked {
			t.Errorf("%+v: %v, %q", c, err, m.marked)
		}
		if !strings.Contains(m.out.String(), fmt.Sprintf("the server lists %d\n", c.n)) {
			t.Errorf("%+v: the overlap is not shown:\n%s", c, m.out.String())
		}
	}
}

// Of a file with several mailboxes, the account's own is taken and the others are said. A file of another one is refused.
func TestWhoseState(t *testing.T) {
	m := &moved{t: t}
	listed := uids(1, 6)
	own := stateOf(imports.Fetchmail, "anna@example.net", "POP.example.net", uids(1, 2))
	bert := stateOf(imports.Fetchmail, "bert", "pop.example.net", uids(3, 2))
	alias := stateOf(imports.Fetchmail, "anna@example.net", "mail.example.net", uids(5, 1))
	for _, c := range []struct {
		tool           imports.Tool
		name, text, of string
		marked         []string // nil: refused
		says           string   // in what people see, or in the error and its next step
	}{
		{imports.Fetchmail, ".fetchids", bert + own + "half", "", uids(1, 2), "left out: 2 messages of bert@pop.example.net\n"},
		{imports.Fetchmail, ".fetchids", bert + own + "half", "", uids(1, 2), "left out: 1 line of the file that makes no sense"},
		{imports.Fetchmail, ".fetchids", bert, "", nil, "it is about bert@pop.example.net"},
		{imports.Fetchmail, ".fetchids", alias + bert, "", nil, "--mailbox anna@example.net@mail.example.net"},
		{imports.Fetchmail, ".fetchids", alias + bert, "anna@example.net@mail.example.net", uids(5, 1), "left out: 2 messages of bert"},
		{imports.Fetchmail, ".fetchids", own, "carla@example.net", nil, "remembers nothing of carla@example.net"},
		{imports.Mpop, "uidls", stateOf(imports.Mpop, "bert", "pop.example.net", listed), "", nil, "bert@pop.example.net"},
		{imports.Thunderbird, "popstate.dat", stateOf(imports.Thunderbird, "bert", "x", listed), "", nil, "bert@x"},
		{imports.Getmail, "oldmail-pop.example.net-995-anna@example.net", stateOf(imports.Getmail, "", "", uids(1, 1)), "", uids(1, 1), "remembers 1 message"},
		{imports.Getmail, "oldmail-pop.example.net-110-bert", stateOf(imports.Getmail, "", "", listed), "", nil, "bert@pop.example.net"},
		{imports.Getmail, "oldmail-pop.example.net-110-bert", stateOf(imports.Getmail, "", "", listed), "bert@pop.example.net", listed, ""},
		{imports.Getmail, "copy", stateOf(imports.Getmail, "", "", listed), "", listed, ""},
		{imports.Getmail, "copy", stateOf(imports.Getmail, "", "", listed), "anna@x", nil, "does not say which mailbox it is about, so that --mailbox finds nothing in it: nothing was marked" + "if it is the file of this account, leave --mailbox out"},
		{imports.Fdm, "cache", stateOf(imports.Fdm, "", "", listed), "anna@x", nil, "leave --mailbox out"},
		{imports.Fdm, "cache", "hello", "", nil, "is no cache of fdm"},
	} {
		err := m.take(c.tool, m.file(c.name, c.text), c.of, false, listed)
		says := m.out.String() + m.errs.String()
		if err != nil {
			says = err.Error() + nextstep.Of(err)
		}
		if (err == nil) != (c.marked != nil) || !slices.Equal(m.marked, c.marked) || !strings.Contains(says, c.says) || err != nil && exit.CodeOf(err) != exit.Config {
			t.Errorf("%s %s for %q: %v, marked %q, and says\n%s", c.tool, c.name, c.of, err, m.marked, says)
		}
	}
}

// getmail puts hyphens into the name of its file, where the mailbox has what no file's name should have.
func TestOldmailName(t *testing.T) {
	for _, c := range []struct {
		file, host, user string
		own              bool
	}{
		{"oldmail-pop.example.net-995-anna@example.net", "pop.example.net", "anna@example.net", true},
		{"oldmail-pop-3.example.net-110-anna-b-110", "POP-3.example.net", "anna-b-110", true},
		{"oldmail-h-995-a-b", "h", "a|:b", true},
		{"oldmail-h-995-a-b", "h", "b", false},
		{"oldmail-h-995-", "h", "", true},
		{"oldmail-h-995-anna-INBOX", "h", "anna", false},
		{"oldmail-h-995-anna", "h-995", "anna", false},
	} {
		s := named([]imports.State{{}}, "/x/"+c.file, Mailbox{"work", c.host, c.user})[0]
		if own := s.Host == c.host && s.User == c.user; own != c.own && s.Host != "" {
			t.Errorf("%s of %s at %s: %+v", c.file, c.user, c.host, s)
		}
	}
}

// What a file has two of that look alike is fetched, and said.
func TestAmbiguous(t *testing.T) {
	m := &moved{t: t}
	file := m.file("oldmail", stateOf(imports.Getmail, "", "", []string{"a-b", "c-d"}))
	if err := m.take(imports.Getmail, file, "", false, []string{"a/b", "a-b", "c/d", "e"}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(m.marked, []string{"c/d"}) || !strings.Contains(m.out.String(), "2 messages are fetched though getmail may have it") {
		t.Errorf("%q\n%s", m.marked, m.out.String())
	}
}
