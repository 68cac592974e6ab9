package fetcher

import (
	"context"
	"fmt"
	"hash/crc32"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/deliver/maildir"
	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/fault"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/uidltest"
)

// stumbleCase is an account with known mail, some of which breaks the session when a verb asks for it.
type stumbleCase struct {
	verb   string
	way    string
	policy plan.Delete
	bad    []int // of eight known messages
	single bool  // commands are not sent ahead
	apart  time.Duration
}

// wrong is what the server sends instead of a reply.
func (c *stumbleCase) wrong(ended chan struct{}) pop3test.Reply {
	switch c.way {
	case "close":
		return pop3test.Reply{Close: true}
	case "empty line":
		return pop3test.Reply{Raw: []byte("\r\n")}
	case "garbage":
		return pop3test.Reply{Raw: []byte("%PDF what?\r\n")}
	case "-ERR and close":
		return pop3test.Reply{Raw: []byte("-ERR internal\r\n"), Close: true}
	case "+OK and close":
		return pop3test.Reply{Raw: []byte("+OK\r\n"), Close: true}
	case "silence":
		<-ended
	}
	return pop3test.Reply{Close: true}
}

const stumbleBox = 8

var scanLine = regexp.MustCompile(`(?m)^(\+OK )?(\d+) (\d+)\r`)

func (c *stumbleCase) play(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mail := filepath.Join(inMemory(t), "mail")
		server := pop3test.NewServer(pop3test.Options{})
		defer server.Close()
		var serving sync.WaitGroup
		defer serving.Wait()
		ended := make(chan struct{})
		defer close(ended)

		bad := map[string]bool{}
		for _, n := range c.bad {
			bad[fmt.Sprint("old", n)] = true
		}
		failing, larger, logins := false, false, 0
		var mu sync.Mutex
		server.Change(func(o *pop3test.Options) {
			o.NoPipelining = c.single
			o.NoTOP = c.verb == "RETR"
			o.OnReply = func(s *pop3test.Session, verb, arg string, reply []byte) pop3test.Reply {
				num, _, _ := strings.Cut(arg, " ")
				n, _ := strconv.Atoi(num)
				mu.Lock()
				wrong := failing && verb == c.verb && bad[s.UID(n)]
				grown := larger
				mu.Unlock()
				switch {
				case wrong:
					return c.wrong(ended)
				case verb == "LIST" && grown: // every known message is in question
					reply = scanLine.ReplaceAllFunc(reply, func(line []byte) []byte {
						p := scanLine.FindSubmatch(line)
						if n, _ := strconv.Atoi(string(p[2])); strings.HasPrefix(s.UID(n), "old") {
							return fmt.Appendf(nil, "%s%s 1%s\r", p[1], p[2], p[3])
						}
						return line
					})
				}
				return pop3test.Reply{Raw: reply}
			}
		})
		var old []pop3test.Message
		for i := range stumbleBox {
			old = append(old, message(fmt.Sprint("old", i), strings.Repeat("x", 7*i)))
		}
		server.AddUser("u", "p", old...)
		arrived := func() map[string]int {
			got := map[string]int{}
			files, _ := filepath.Glob(filepath.Join(mail, "[nc][eu][wr]", "*"))
			for _, file := range files {
				b, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if id := wireID.FindSubmatch(b); id != nil {
					got[string(id[1])]++
				}
			}
			return got
		}
		ledger := uidltest.NewMemory().Open()
		pass := func() report.Report {
			t.Helper()
			before := logins
			rep := Run(t.Context(), ledger, Account{
				Name: "a", Policy: plan.Policy{Delete: c.policy, Age: 30 * 24 * time.Hour}, MinInterval: c.apart,
				Server: pop3.Options{Host: "test", TLS: pop3.NoTLS, Dial: func(context.Context, string, string) (net.Conn, error) {
					logins++
					client, conn := fault.Pipe()
					serving.Go(func() { server.ServeConn(conn) })
					return client, nil
				}},
				Login: pop3.Login{Username: "u", Password: func(context.Context) (string, error) { return "p", nil }},
				Destinations: []settle.Destination{{Name: "maildir",
					Target: maildir.New(maildir.Options{Path: mail, Host: "h", Now: time.Now})}},
			}, Options{Now: time.Now, FreeFloor: -1})
			if n := logins - before; n > 12 {
				t.Errorf("%d sessions in a pass", n)
			}
			return rep
		}
		left := func() (uids []string) {
			for _, m := range server.Messages("u") {
				uids = append(uids, m.UID)
			}
			return uids
		}
		fails := func(on bool) { mu.Lock(); failing = on; mu.Unlock() }
		deleted := 0
		if c.policy != plan.DeleteAfterDelivery {
			for range 2 {
				if rep := pass(); rep.Verdict.Class != verdict.OK {
					t.Fatalf("%+v", rep)
				}
				time.Sleep(31 * 24 * time.Hour)
			}
			mu.Lock()
			larger = c.policy == plan.DeleteNever || c.verb == "RETR"
			mu.Unlock()
		}
		fails(true)
		whole := len(c.bad) == stumbleBox // it is the server
		bothered := 0
		for day := range 20 {
			server.Deliver("u", message(fmt.Sprint("new", day), strings.Repeat("y", day)))
			rep := pass()
			deleted += rep.Deleted
			came := day
			if c.apart > 0 {
				came -= 3 // known mail and new mail take turns
			}
			if got := arrived(); came >= 0 && got[fmt.Sprint("new", came)] != 1 {
				t.Errorf("pass %d: new mail did not come: %+v", day, rep)
			}
			if rep.Verdict.Class != verdict.OK {
				bothered++
			}
			if (c.verb != "DELE" || c.way != "-ERR and close") && rep.Failed+rep.NewlyParked > 0 {
				t.Errorf("pass %d: charged as if it was to be delivered: %+v", day, rep)
			}
			time.Sleep(2 * time.Hour)
		}
		if bothered == 0 || bothered > 9 && c.apart == 0 {
			t.Errorf("%d passes of 20 complain", bothered)
		}
		gone := stumbleBox + 20 - len(left())
		// Where the replies made no sense, QUIT had been sent with the rest.
		if known := c.way != "garbage" && c.way != "empty line"; deleted > gone || known && deleted < gone {
			t.Errorf("%d reported as deleted, %d were", deleted, gone)
		}
		if c.policy != plan.DeleteNever && !whole {
			for _, uid := range left() {
				if strings.HasPrefix(uid, "old") && !bad[uid] {
					t.Errorf("%s is still there", uid)
				}
			}
		}
		f := factsIn(t, ledger)
		stay := 0
		for _, uid := range left() {
			stay += desk.Count(bad[uid])
		}
		if !whole && len(f.Stumbles.Marks) != stay {
			t.Errorf("marks: %+v", f.Stumbles)
		}
		fails(false)
		for range 4 * 10 {
			deleted += pass().Deleted
			time.Sleep(6 * time.Hour)
		}
		for uid, n := range arrived() {
			if n != 1 {
				t.Errorf("%s came %d times", uid, n)
			}
		}
		if n := len(arrived()); n != stumbleBox+20 {
			t.Errorf("%d messages came", n)
		}
		if c.policy != plan.DeleteNever && slices.ContainsFunc(left(), func(uid string) bool { return strings.HasPrefix(uid, "old") }) {
			t.Errorf("the server is well again, and these are still there: %v", left())
		}
		if f := factsIn(t, ledger); !f.Stumbles.None() {
			t.Errorf("still remembered: %+v", f.Stumbles)
		}
	})
}

// Whatever a server does at a known message, new mail comes in every pass, all else goes on, and nothing is reported as deleted
// that the server took back.
func TestStumbles(t *testing.T) {
	ways := []string{"close", "empty line", "garbage", "silence", "-ERR and close"}
	kinds := []struct {
		verb   string
		policy plan.Delete
	}{{"DELE", plan.DeleteAfterDelivery}, {"DELE", plan.DeleteAfterAge}, {"TOP", plan.DeleteAfterAge}, {"TOP", plan.DeleteNever}, {"RETR", plan.DeleteNever}, {"RETR", plan.DeleteAfterAge}}
	places := map[string][]int{"first": {0}, "middle": {4}, "last": {7}, "two": {2, 5}, "all": {0, 1, 2, 3, 4, 5, 6, 7}}
	for _, k := range kinds {
		ways := ways
		if k.verb == "DELE" {
			ways = append(ways[:len(ways):len(ways)], "+OK and close")
		}
		for _, way := range ways {
			for place, bad := range places {
				for _, single := range []bool{false, true} {
					name := fmt.Sprintf("%s/%d/%s/%s/single=%v", k.verb, k.policy, way, place, single)
					if sampledOut(name, 12) {
						continue
					}
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						(&stumbleCase{verb: k.verb, policy: k.policy, way: way, bad: bad, single: single}).play(t)
					})
				}
			}
		}
	}
}

// Where the server wants time between logins, a pass has one session: then every other pass is for new mail.
func TestStumblesOneSession(t *testing.T) {
	for _, verb := range []string{"DELE", "TOP"} {
		for _, way := range []string{"close", "silence", "-ERR and close", "garbage"} {
			t.Run(verb+"/"+way, func(t *testing.T) {
				(&stumbleCase{verb: verb, policy: plan.DeleteAfterAge, way: way, bad: []int{2, 5}, apart: time.Hour}).play(t)
			})
		}
	}
}

// sampledOut tells of all but one in n cases of a table, under the race detector, which takes several times as long.
func sampledOut(name string, n uint32) bool {
	return raceDetector && crc32.ChecksumIEEE([]byte(name))%n != 0
}

func factsIn(t *testing.T, ledger uidl.Ledger) health.Facts {
	t.Helper()
	all, err := ledger.Summaries(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	return health.Decode(all[0].Facts)
}
