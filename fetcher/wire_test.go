package fetcher

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/deliver/maildir"
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

// wireCase is a mailbox behind a server whose replies go wrong.
type wireCase struct {
	bad     badWire
	options pop3test.Options
	policy  plan.Policy
	hides   bool
	box     []pop3test.Message
	learned bool // a first pass without faults has taught what sizes are worth
	// each changes replies on a day, from 0; nil: as bad says.
	each func(day int, verb string, m pop3test.Message, reply []byte) []byte
	// apart is the time between two passes; 0: 25 hours.
	apart time.Duration
	// after looks at the account after each pass; nil: nobody does.
	after func(day int, rep report.Report, arrived map[string]int, f health.Facts)
	// stays: popsync may leave these messages on the server.
	stays map[string]bool
	// stumps may be delivered too.
	stumps bool
	least  time.Duration // Account.MinInterval
	adds   bool          // the server adds lines
	ignore bool          // Account.IgnoreSizes
	// patient is how many passes in which nothing happens are enough; 0: 5.
	patient int
}

var wireID = regexp.MustCompile(`(?m)^Message-ID: <(.*)>\r?$`)

// play makes passes, a day apart, until nothing changes any more, and says what is wrong then: each message must be there once,
// under its own unique-id, octet for octet but for lines that the server added; nothing may be deleted before.
func (c *wireCase) play(t *testing.T) (problems []string) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		complain := func(format string, args ...any) {
			mu.Lock()
			defer mu.Unlock()
			problems = append(problems, fmt.Sprintf(format, args...))
		}
		dir := inMemory(t)
		mail := filepath.Join(dir, "mail")
		server := pop3test.NewServer(pop3test.Options{})
		defer server.Close()
		byID := map[string]pop3test.Message{}
		for _, m := range c.box {
			byID[m.UID] = m
		}
		// arrived counts what is in the Maildir, by unique-id.
		arrived := func() map[string]int {
			got, stumps := map[string]int{}, map[string]int{}
			files, _ := filepath.Glob(filepath.Join(mail, "[nc][eu][wr]", "*"))
			for _, file := range files {
				b, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				b = bytes.ReplaceAll(b, []byte("X-More: of this server\n"), nil)
				id := wireID.FindSubmatch(b)
				if c.stumps && id != nil && len(b) < len(stored8(byID[string(id[1])].Data)) {
					if stumps[string(b)]++; stumps[string(b)] > 1 || !bytes.HasPrefix(stored8(byID[string(id[1])].Data), bytes.TrimSuffix(b, []byte("\n"))) {
						complain("a beginning was delivered twice, or is none: %.100q", b)
					}
					continue
				}
				if id == nil || !bytes.Equal(b, stored8(byID[string(id[1])].Data)) {
					complain("a message was delivered that nobody sent: %.100q", b)
					continue
				}
				got[string(id[1])]++
			}
			return got
		}
		server.AddUser("u", "p", c.box...)
		server.Change(func(o *pop3test.Options) {
			*o = c.options
			o.OnDelete = func(_, uid string) {
				if arrived()[uid] == 0 {
					complain("%s is to be deleted and was not delivered", uid)
				}
			}
		})
		ledger := uidltest.NewMemory().Open()
		var serving sync.WaitGroup
		defer serving.Wait()
		dial := func(context.Context, string, string) (net.Conn, error) {
			client, conn := fault.Pipe()
			serving.Go(func() { server.ServeConn(conn) })
			return client, nil
		}
		pass := func() report.Report {
			rep := Run(t.Context(), ledger, Account{
				Name: "a", Policy: c.policy, RetrHides: c.hides, IgnoreSizes: c.ignore, MinInterval: c.least,
				Server: pop3.Options{Host: "test", TLS: pop3.NoTLS, Dial: dial},
				Login:  pop3.Login{Username: "u", Password: func(context.Context) (string, error) { return "p", nil }},
				Destinations: []settle.Destination{{Name: "maildir",
					Target: maildir.New(maildir.Options{Path: mail, Host: "h", Now: time.Now})}},
			}, Options{Now: time.Now, FreeFloor: -1, BatchMessages: 4})
			if rep.Verdict.Class == verdict.Internal {
				complain("%+v", rep.Verdict)
			}
			return rep
		}
		if c.learned {
			var first []pop3test.Message
			for i := range 20 {
				first = append(first, message(fmt.Sprintf("first%d", i), strings.Repeat("y", i)))
				byID[first[i].UID] = first[i]
			}
			server.AddUser("u", "p", first...)
			pass()
			for range 2 {
				server.AddUser("u", "p")
				pass()
			}
			server.AddUser("u", "p", c.box...)
		}
		day := 0
		server.Change(func(o *pop3test.Options) {
			o.OnReply = c.bad.reply
			if c.each != nil {
				o.OnReply = func(s *pop3test.Session, verb, arg string, reply []byte) pop3test.Reply {
					num, _, _ := strings.Cut(arg, " ")
					n, _ := strconv.Atoi(num)
					m, _ := s.Message(n)
					return pop3test.Reply{Raw: c.each(day, verb, m, reply)}
				}
			}
		})
		for still, n := 0, 0; still < cmp.Or(c.patient, 5); n++ {
			if n == 40+2*c.patient {
				complain("no end")
				break
			}
			time.Sleep(cmp.Or(c.apart, 25*time.Hour))
			before := len(c.bad.hit)
			rep := pass()
			if c.after != nil {
				if l, err := ledger.Acquire(t.Context(), "a"); err == nil {
					c.after(day, rep, arrived(), health.Decode(l.Info().Facts))
					l.Close()
				}
			}
			day++
			if still++; rep.New+rep.Deleted > 0 || rep.Failed+rep.Parked > 0 && c.stays == nil || len(c.bad.hit) > before {
				still = 0
			}
		}
		got := arrived()
		for uid, m := range byID {
			if c.stays[uid] {
				if got[uid] != 0 {
					complain("%s was delivered", uid)
				}
				continue
			}
			if got[uid] != 1 {
				complain("%s came %d times", uid, got[uid])
			}
			if l, err := ledger.Acquire(t.Context(), "a"); err == nil {
				rows, _ := l.Find(t.Context(), []uidl.Key{{UID: uid}})
				if len(rows) == 1 && rows[0].SHA256 != sha256.Sum256(m.Data) && !c.adds && !strings.Contains(fmt.Sprint(c.bad.hit), moreLines.String()) {
					complain("under %s the ledger has another message", uid)
				}
				l.Close()
			}
		}
		if left := server.Messages("u"); c.policy.Delete == plan.DeleteAfterDelivery && len(left) != len(c.stays) && !c.hides {
			complain("%d are left on the server", len(left))
		}
	})
	return problems
}

// wireBox is a mailbox of messages with different sizes, or of groups with equal ones, one of which looks like the end of a
// message to whoever does not stuff dots.
func wireBox(n int, equal bool) []pop3test.Message {
	var box []pop3test.Message
	for i := range n {
		size := 40 + i*3
		if equal {
			size = 47
		}
		box = append(box, message(fmt.Sprintf("uid%03d", i), strings.Repeat("x", size)))
	}
	box[n/2] = hostile(box[n/2].UID, n/2+1)
	return box
}

// One reply goes wrong, whichever and however: each message comes once, under its own unique-id, and is deleted only then.
func TestOneReplyGoesWrong(t *testing.T) {
	t.Parallel()
	step := 7
	switch {
	case os.Getenv("POPSYNC_LARGE") != "":
		step = 1
	case raceDetector:
		step = 29
	}
	for kind := range wireFaults {
		for variant := range 16 {
			pipelining, equal, learned, deletes := variant&1 > 0, variant&2 > 0, variant&4 > 0, variant&8 > 0
			name := fmt.Sprintf("%v, pipelining %v, equal %v, learned %v, deletes %v", kind, pipelining, equal, learned, deletes)
			if step > 1 && sampledOut(name, 2) {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for at := variant % step; at < 30; at += step {
					for _, cut := range []int{0, 21, 47, 100} {
						if cut > 0 && kind != cutClean && kind != cutOff {
							continue
						}
						c := &wireCase{box: wireBox(12, equal), learned: learned}
						c.options.NoPipelining = !pipelining
						c.bad.faults, c.bad.at = map[int]wireFault{at: kind}, cut
						if deletes {
							c.policy.Delete = plan.DeleteAfterDelivery
						}
						if problems := c.play(t); len(problems) > 0 {
							t.Fatalf("command %d, cut at %d, %v: %s", at, cut, c.bad.hit, strings.Join(problems, "; "))
						}
					}
				}
			})
		}
	}
}
