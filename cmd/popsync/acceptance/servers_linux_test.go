package acceptance_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// realServer is a POP3 server that Debian ships, and what was measured of it.
type realServer struct {
	name       string
	start      func(t *testing.T) mailServer
	pipelining bool
	trips      [4]int         // round trips of the passes of TestAcceptServers: no more, and no login more
	first      int            // TOP n 0 in the first
	tops       int            // and in the third; of LIST n as many
	scans      int            // LIST n in the first
	adds       *regexp.Regexp // to messages, after the session in which they came
	watched    int            // messages longer than listed by no rule, which are looked at on another day
	unsure     string         // number of the message of which LIST n gives another size than LIST
}

var realServers = []realServer{
	// A last line without CRLF is sent with one, and listed without.
	{name: "Dovecot", start: startDovecot, pipelining: true, trips: [4]int{5, 4, 5, 6}, first: 25, tops: 10, scans: 61},
	// The same; and LOGIN-DELAY 10. No SASL without settings, so a login takes a round trip more. A message with octets above
	// 127 in its header comes as an attachment of another one, which is longer than listed, with a boundary that is new each time.
	{
		name: "Courier", start: startCourier, pipelining: true, trips: [4]int{6, 5, 6, 7}, first: 25, tops: 10, scans: 61, watched: 1,
		adds: regexp.MustCompile(`=_[0-9]+-[0-9]+`),
	},
	// No CAPA. Messages of the same content have the same unique-id, which takes LIST n and TOP at each pass.
	{
		name: "popa3d", start: func(t *testing.T) mailServer { return startMbox(t, "popa3d", "popa3d/usr/sbin/popa3d") },
		trips: [4]int{73, 18, 58, 225}, tops: 6, scans: 5,
	},
	// The first session adds fields to messages once it ends: all sizes are others then, so the second pass looks at them.
	// LIST n counts a message with a line that begins with ">From " in another way than LIST. What it adds leaves two
	// more messages with one size.
	{
		name: "mailutils", start: func(t *testing.T) mailServer {
			return startMbox(t, "mailutils", "mailutils-pop3d/usr/sbin/pop3d", "--no-config", "--inetd")
		},
		pipelining: true, trips: [4]int{6, 6, 6, 7}, first: 24, tops: 12, scans: 61,
		adds: regexp.MustCompile(`(?m)^(X-UIDL|X-IMAPbase|X-UID|Status): .*\r\n`), unsure: "9",
	},
	{name: "Cyrus", start: startCyrus, pipelining: true, trips: [4]int{5, 4, 5, 6}, first: 25, tops: 10, scans: 61},
}

// TestAcceptServers fetches from real servers: each message arrives once, as it is sent; what is asked in between to prove
// that is answered; nothing of it costs a round trip, and no session is taken for one that lost step.
func TestAcceptServers(t *testing.T) {
	for _, s := range realServers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f := &fetched{t: t, realServer: s, server: s.start(t), bodies: map[string][]byte{}}
			f.recorder = overhear(t, f.server.addr)
			if s.pipelining {
				f.recorder.setHold(150 * time.Millisecond)
			}
			f.house = newHouse(t)
			f.account("a", f.recorder.addr, f.server.user, f.server.password, "Mail", `delete = "never"`)
			f.server.put(sixty())
			f.pass(0, 61)
			f.pass(1, 0)
			f.server.put(forty())
			f.pass(2, 40)
			conf := strings.Replace(f.conf.String(), `"never"`, `"after-delivery"`, 1)
			f.conf.Reset()
			f.conf.WriteString(conf)
			f.pass(3, 0)
		})
	}
}

// fetched is an account on a real server.
type fetched struct {
	realServer
	*house
	t        *testing.T
	server   mailServer
	recorder *recorder
	bodies   map[string][]byte // as the server sent them to popsync, by number
	sizes    map[string]string // as LIST gave them, by number
}

// pass fetches what is new and looks at what was said.
func (f *fetched) pass(n, fresh int) {
	f.t.Helper()
	f.run(0)
	sessions, err := f.recorder.sessions()
	if err != nil {
		f.t.Fatalf("pass %d: %v", n+1, err)
	}
	if len(sessions) != 1 || count(sessions[0], "PASS", true)+count(sessions[0], "AUTH", true) != 1 {
		f.t.Fatalf("pass %d: %d connections", n+1, len(sessions))
	}
	s := sessions[0]
	if got := trips(s); got != f.trips[n] {
		f.t.Errorf("pass %d: %d round trips, want %d", n+1, got, f.trips[n])
	}
	ahead := 0
	for i := range s {
		f.look(n, &s[i])
		if !s[i].waited && s[i].verb == "RETR" {
			ahead++
		}
	}
	if got := count(s, "RETR", true); got != fresh {
		f.t.Errorf("pass %d: %d times RETR, want %d", n+1, got, fresh)
	}
	if f.pipelining && ahead < fresh-1 || !f.pipelining && ahead > 0 {
		f.t.Errorf("pass %d: %d of %d times RETR was sent ahead", n+1, ahead, fresh)
	}
	if got := count(s, "LIST", true); n == 0 && got != f.scans || n == 2 && f.pipelining && got != f.tops {
		f.t.Errorf("pass %d: %d times LIST n", n+1, got)
	}
	if got := count(s, "TOP", true); n == 0 && got != f.first || n == 2 && got != f.tops {
		f.t.Errorf("pass %d: %d times TOP", n+1, got)
	}
	f.learned(n)
	f.compare(n)
}

// look judges an answer.
func (f *fetched) look(n int, e *exchange) {
	f.t.Helper()
	_, arg, _ := strings.Cut(e.command, " ")
	num, _, _ := strings.Cut(arg, " ")
	ok := strings.HasPrefix(e.status, "+OK")
	switch e.verb {
	case "CAPA":
		ok = ok == (f.name != "popa3d") && bytes.Contains(e.body, []byte("PIPELINING\r\n")) == f.pipelining
	case "LIST":
		if arg == "" {
			f.sizes = map[string]string{}
			for line := range strings.Lines(string(e.body)) {
				num, size, _ := strings.Cut(strings.TrimSpace(line), " ")
				f.sizes[num] = size
			}
		} else {
			got := strings.Fields(e.status)
			ok = len(got) == 3 && got[1] == num && (got[2] == f.sizes[num] || num == f.unsure)
		}
	case "RETR":
		if f.bodies[num] != nil {
			f.t.Errorf("pass %d: %s again", n+1, e.command)
		}
		f.bodies[num] = e.body
	case "TOP":
		ok = ok && arg == num+" 0" && bytes.Equal(header(f.asSent(e.body)), header(f.asSent(f.bodies[num])))
	}
	if !ok {
		f.t.Errorf("pass %d: %q was answered %q", n+1, e.command, e.status)
	}
}

func header(m []byte) []byte {
	head, _, _ := bytes.Cut(m, []byte("\r\n\r\n"))
	return bytes.TrimRight(head, "\r\n")
}

// asSent is a message without what the server adds to it later.
func (f *fetched) asSent(m []byte) []byte {
	if f.adds == nil {
		return m
	}
	return bytes.TrimRight(f.adds.ReplaceAll(m, nil), "\r\n") // and an empty line to an empty body
}

// learned looks at what popsync keeps about the server.
func (f *fetched) learned(n int) {
	f.t.Helper()
	row := f.query(`SELECT hex(facts) FROM account`)
	b, err := hex.DecodeString(strings.Trim(row[0], ` ["]`))
	must(f.t, err)
	var facts struct {
		Until int64 `json:"no_pipelining_until"`
		Wire  struct {
			Scan, Lost, Unstuffed int
			Sizes                 struct{ Fits []int }
			Short                 []json.RawMessage
		}
	}
	must(f.t, json.Unmarshal(b, &facts))
	w := &facts.Wire
	if facts.Until != 0 || w.Lost != 0 || w.Unstuffed != 0 || len(w.Short) != f.watched || w.Scan != 1 || len(w.Sizes.Fits) == 0 || w.Sizes.Fits[0] < 10 {
		f.t.Errorf("pass %d taught it %s", n+1, b)
	}
}

// compare asks the server itself, which must have sent popsync the same; all of that was delivered once.
func (f *fetched) compare(n int) {
	f.t.Helper()
	there, err := converse(f.server)
	must(f.t, err)
	want := len(f.bodies)
	if n == 3 {
		want = f.watched
	}
	if len(there) != want {
		f.t.Fatalf("pass %d: the server has %d messages, want %d", n+1, len(there), want)
	}
	for i, m := range there {
		if n == 3 {
			break // they have other numbers now
		}
		if got := f.bodies[fmt.Sprint(i+1)]; !bytes.Equal(f.asSent(m), f.asSent(got)) {
			f.t.Errorf("pass %d: message %d is %.200q, and popsync was sent %.200q", n+1, i+1, m, got)
		}
	}
	var all [][]byte
	for _, m := range f.bodies {
		all = append(all, m)
	}
	same(f.t, wanted(all...), arrived(f.t, f.mail("Mail")))
}
