//go:build amd64 || arm64

package acceptance_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/popsync/popsync/bench/mailgen"
)

// balance is what a mailbox holds, compared with what was sent.
type balance struct {
	sent, lost, twice, changed int
	notices                    map[string]int // popsync's own, by Message-ID
}

func (c balance) String() string {
	return fmt.Sprintf("%d sent, %d lost, %d twice, %d changed, %d notices", c.sent, c.lost, c.twice, c.changed, len(c.notices))
}

var (
	fedID    = regexp.MustCompile(`(?m)^Message-ID: <(\d+)\.[0-9a-f]{16}@sender\.example>$`)
	noticeID = regexp.MustCompile(`(?m)^Message-ID: (<popsync\..*>)$`)
	// addedLine is what servers and popsync put on top of a message.
	addedLine = regexp.MustCompile(`^(Return-Path:|Delivered-To:|Received:|[ \t])`)
)

// compare knows messages by their numbers, and their octets by what must be at the end: servers add lines on top.
func (f *feeder) compare(user string, stored [][]byte) balance {
	f.mu.Lock()
	defer f.mu.Unlock()
	missing := maps.Clone(f.sent[user])
	c := balance{sent: len(missing), notices: map[string]int{}}
	for _, b := range stored {
		id := fedID.FindSubmatch(b)
		if id == nil {
			if id = noticeID.FindSubmatch(b); id != nil {
				c.notices[string(id[1])]++
			} else {
				c.changed++
			}
			continue
		}
		number, _ := strconv.Atoi(string(id[1]))
		want, ok := f.sent[user][number]
		top := len(b) - want.size
		if !ok || top < 0 || sha256.Sum256(b[top:]) != want.sum || !addedOnly(b[:max(top, 0)]) {
			f.t.Logf("%s: message %d is not as it was sent, %d octets: %.400q ... %q", user, number, want.size, b, b[max(0, len(b)-100):])
			c.changed++
			continue
		}
		if _, first := missing[number]; !first {
			c.twice++
		}
		delete(missing, number)
	}
	c.lost = len(missing)
	return c
}

func addedOnly(top []byte) bool {
	for line := range bytes.Lines(top) {
		if !addedLine.Match(line) {
			return false
		}
	}
	return true
}

// The comparison sees what it is there for.
func TestSoakBalance(t *testing.T) {
	f := newFeeder(t, "", 1, []soakAccount{{name: "u"}})
	box := make([][]byte, 9)
	for i := range box {
		stored := mailgen.Stored(mailgen.Message(f.r, i, 900))
		f.sent["u"][i] = fed{len(stored), sha256.Sum256(stored)}
		box[i] = slices.Concat([]byte("Return-Path: <a@b>\nReceived: from x\n\tby y\n"), stored)
	}
	want := func(stored [][]byte, text string) {
		t.Helper()
		if got := f.compare("u", stored).String(); got != text {
			t.Errorf("%s, want %s", got, text)
		}
	}
	want(box, "9 sent, 0 lost, 0 twice, 0 changed, 0 notices")
	want(box[1:], "9 sent, 1 lost, 0 twice, 0 changed, 0 notices")
	want(append(box[:9:9], box[3], box[3]), "9 sent, 0 lost, 2 twice, 0 changed, 0 notices")
	for _, pair := range [][2]string{{"Return-Path", "X-Foreign"}, {"MIME-Version", "MIME-version"}, {"Message-ID", "Message-Id"}, {"Message-ID: <4.", "Message-ID: <44."}} {
		other := slices.Clone(box)
		other[4] = []byte(strings.Replace(string(box[4]), pair[0], pair[1], 1))
		want(other, "9 sent, 1 lost, 0 twice, 1 changed, 0 notices")
	}
	want(append(box[:9:9], box[2][:len(box[2])-1]), "9 sent, 0 lost, 0 twice, 1 changed, 0 notices")
	want(append(box[:9:9], []byte("Message-ID: <popsync.1@x>\n\n")), "9 sent, 0 lost, 0 twice, 0 changed, 1 notices")
}

func (k *soak) balances() map[string]balance {
	k.t.Helper()
	all := map[string]balance{"relay": k.feed.compare("both", maildirMessages(k.t, k.server.Maildir(relayUser)))}
	for _, a := range k.accounts {
		all[a.name] = k.feed.compare(a.name, maildirMessages(k.t, k.maildir(a.name)))
	}
	return all
}

// nothingLost compares all mailboxes with what was sent, and alarms with what happened.
func (k *soak) nothingLost() {
	k.t.Helper()
	k.t.Logf("%d kills, %d while connected to a server; they left %d deliveries open, %d in doubt", k.kills, k.caught, k.open, k.doubt)
	if k.doubt > k.kills {
		k.t.Errorf("%d kills left %d deliveries in doubt", k.kills, k.doubt)
	}
	if k.caught < k.kills/5 {
		k.t.Errorf("only %d of %d kills hit a pass", k.caught, k.kills)
	}
	for name, c := range k.balances() {
		k.t.Logf("%s: %v", name, c)
		allowed := 0
		if name == "relay" {
			allowed = k.doubt // which are at most as many as kills: it has one connection
		}
		if c.lost > 0 || c.changed > 0 || c.twice > allowed || c.sent == 0 {
			k.t.Errorf("%s: %v", name, c)
		}
		want, cut, waiting := 0, 0, 0
		if name == "gone" {
			want = 2 // the provider was away, and it was over
			cut, waiting = k.unsent()
		}
		copies := 0
		for _, n := range c.notices {
			copies += n - 1
		}
		if n := len(c.notices); n > want || n+waiting < want || n < want && cut == 0 || copies > k.kills {
			k.t.Errorf("%s: %d notices and %d copies of them, %d wait, %d cut short by a kill; want %d", name, n, copies, waiting, cut, want)
		}
	}
	// The account that keeps all has the server's octets, those that the server added included.
	got := sums{}
	for _, m := range maildirMessages(k.t, k.maildir("keep")) {
		got[sha256.Sum256(m)]++
	}
	same(k.t, k.server.List("keep"), got)
	told := map[string]bool{}
	for _, d := range k.all {
		for _, a := range k.accounts {
			for _, r := range records(k.t, d.lines("delivered"), a.name) {
				if key := a.name + " " + r.UID; r.Msg == "delivered" {
					if told[key] {
						k.t.Errorf("%s was told as delivered twice", key)
					}
					told[key] = true
				}
			}
		}
	}
	if r := k.h.finishIn(k.sandbox, "verify"); r.code != 0 {
		k.t.Errorf("verify: %d %s%s", r.code, r.out, r.err)
	}
	k.t.Logf("%d messages were told as delivered, %d files were left in tmp", len(told), k.leftovers())
}

// unsent counts notices that wait. One whose sending was cut short by a kill is sent again after two minutes, and so after
// the end of a short run; others wait for it.
func (k *soak) unsent() (cut, waiting int) {
	k.t.Helper()
	files, err := filepath.Glob(filepath.Join(k.h.state(), "alarms", "*"))
	if err != nil {
		k.t.Fatal(err)
	}
	for _, file := range files {
		var incident struct {
			Queue []struct {
				To map[string]struct{ State string }
			}
		}
		b, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(b, &incident)
		}
		if err != nil {
			k.t.Fatalf("%s: %v", file, err)
		}
		for _, q := range incident.Queue {
			for _, to := range q.To {
				if to.State == "begun" {
					cut++
				}
				if to.State == "begun" || to.State == "due" {
					waiting++
				}
			}
		}
	}
	if waiting > 0 {
		k.t.Logf("%d notices wait, %d of them were cut short by a kill", waiting, cut)
	}
	return cut, waiting
}

// leftovers are files in tmp of all Maildirs: what kills leave there is removed after 36 hours.
func (k *soak) leftovers() (n int) {
	for _, a := range k.accounts {
		files, _ := filepath.Glob(filepath.Join(k.maildir(a.name), "tmp", "*"))
		n += len(files)
	}
	return n
}

// maildirFiles are the messages of a Maildir, by their paths.
func maildirFiles(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "[nc][eu][wr]", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}
