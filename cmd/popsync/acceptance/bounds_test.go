package acceptance_test

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
)

// boundsConfig scales what takes minutes and hours to seconds. A pass of a tormentor takes a little more than a second, and
// is known for slow before that.
const boundsConfig = `parallel = %d
schedule = "@every 1s"
jitter = "1s"
[alarm]
after = "1s"
parked = 0
command = %s
[limits]
tls_handshake = "1200ms"
reply = "1200ms"
list = "1200ms"
idle = "10s"
answer = "1s"
least_rate = 100
slow_after = "3s"
slow_rate = 1000
backoff_min = "1s"
backoff_max = "2s"
[log]`

// tormentor is a server that sends an octet now and then, for ever, at one of its replies; the name tells which.
type tormentor struct {
	name, verb, before string
}

var tormentors = []tormentor{
	{"tls", "", "\x16\x03\x03\x40\x00"}, {"greeting", "", ""}, {"auth", "AUTH", ""}, {"uidl", "UIDL", ""}, {"uidl-lines", "UIDL", "+OK\r\n1 a\r\n"},
	{"list", "LIST", ""}, {"list-lines", "LIST", "+OK\r\n1 100\r\n"}, {"retr", "RETR", ""},
	{"retr-header", "RETR", "+OK\r\nSubject: "}, {"retr-body", "RETR", "+OK\r\nSubject: a\r\n\r\nb\r\n"},
	{"beyond", "RETR", "+OK\r\n" + strings.Repeat("0123456789\r\n", 25)},
}

// drip sends what begins a reply, and then an octet now and then.
func drip(conn net.Conn, before string) {
	if _, err := conn.Write([]byte(before)); err != nil {
		return
	}
	go func() { // hangs up when the visitor does
		silent(conn)
		conn.Close()
	}()
	for {
		time.Sleep(100 * time.Millisecond)
		if _, err := conn.Write([]byte("x")); err != nil {
			return
		}
	}
}

// settle adds a tormentor to a house, and returns how often it was visited, and what heals it.
func (c tormentor) settle(t *testing.T, h *house, mail [][]byte) (visits func() int, heal func()) {
	s := pop3test.NewServer(pop3test.Options{})
	t.Cleanup(s.Close)
	s.AddUser("u", "p", boxOf(mail)...)
	l := newLair(t, func(conn net.Conn) {
		if c.verb == "" {
			drip(conn, c.before)
			return
		}
		s.ServeConn(conn)
	})
	s.Change(func(o *pop3test.Options) {
		o.QuitKeeps = true // what was deleted is listed still, and looked at by TOP
		o.OnCommand = func(s *pop3test.Session, verb, _ string) *pop3test.Reply {
			if verb != c.verb {
				return nil
			}
			drip(s.Conn(), c.before)
			return &pop3test.Reply{Close: true}
		}
	})
	more := []string{`tls = "none"`}
	switch c.name {
	case "top":
		more = append(more, `delete = "after-delivery"`)
	case "tls":
		more = []string{`tls = "implicit"`}
	}
	h.add(c.name, "127.0.0.1", l.port(), "u", "p", "mail-"+c.name, append(more, "alarm = true", `jitter = "100ms"`)...)
	return l.visited, func() {
		s.Change(func(o *pop3test.Options) { o.OnCommand = nil })
		l.mend(s.ServeConn)
	}
}

// slowly sends bodies at so many octets a second, of one command at a time.
func slowly(rate int) func(*pop3test.Session, string, string, []byte) pop3test.Reply {
	return func(s *pop3test.Session, verb, _ string, reply []byte) pop3test.Reply {
		if verb != "RETR" {
			return pop3test.Reply{Raw: reply}
		}
		for len(reply) > 0 {
			k := min(len(reply), rate/10)
			if _, err := s.Conn().Write(reply[:k]); err != nil {
				return pop3test.Reply{Close: true}
			}
			reply = reply[k:]
			time.Sleep(100 * time.Millisecond)
		}
		return pop3test.Reply{}
	}
}

// Thirteen accounts whose servers never come to an end, each in another phase, and four honest ones, of which one is slow,
// with four places. The honest ones go on as if the others were not there; each of these is told of once, and goes on in its
// turn; and one whose line is slower than a place is kept for gets its mail, too.
func TestAcceptBounds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.env = append(h.env, "XDG_RUNTIME_DIR=", "RUNTIME_DIRECTORY=")
	h.rewrite("[log]", fmt.Sprintf(boundsConfig, 4, h.alarmCommand()))
	var visits []func() int
	var heal func()
	// Two are not among those that are told of: what TOP asks for is left alone before long, and CAPA is done without.
	top, capa := tormentor{"top", "TOP", "+OK\r\nSubject: "}, tormentor{"capa", "CAPA", ""}
	for _, c := range append(slices.Clone(tormentors), top, capa) {
		mail := mailgen.Messages(31, 8, 100, 200)
		v, mend := c.settle(t, h, mail)
		visits = append(visits, v)
		if c.name == "uidl-lines" {
			heal = mend
		}
	}
	honest := mailgen.Messages(32, 6, 2000, 6000)
	var servers []*pop3test.Server
	for i := range 4 {
		o := pop3test.Options{}
		if i == 3 {
			o.OnReply = slowly(8000)
		}
		s, addr := serve(t, o, boxOf(honest[:1]))
		servers = append(servers, s)
		h.account(fmt.Sprint("honest-", i), addr, "u", "p", fmt.Sprint("honest-", i), `pipelining = false`, `jitter = "100ms"`)
	}
	crawling := []byte("Message-ID: <slow@example.org>\r\n\r\n" + strings.Repeat(strings.Repeat("x", 98)+"\r\n", 9))
	_, addr := serve(t, pop3test.Options{OnReply: slowly(300)}, boxOf([][]byte{crawling}))
	h.account("crawls", addr, "u", "p", "crawls", `pipelining = false`, `schedule = "@every 1h"`)

	began := time.Now()
	d := h.daemon()
	told := func() (n int) {
		all, _ := h.told()
		for _, c := range tormentors {
			n += min(all[c.name]["trouble"], 1)
		}
		return n
	}
	for i := 1; i < len(honest); i++ {
		for k, s := range servers {
			d.holds(fmt.Sprint("honest-", k), honest[:i]...)
			s.Deliver("u", boxOf(honest)[i])
		}
	}
	d.until("an alarm for half of the tormentors", func() bool { return told() >= len(tormentors)/2 })
	d.until("an alarm for each tormentor", func() bool { return told() == len(tormentors) })
	d.holds("crawls", crawling)
	for k := range servers {
		d.holds(fmt.Sprint("honest-", k), honest...)
	}
	// Some may still be among the others, if nobody waits while they run.
	var all []int
	for i, v := range visits {
		all = append(all, v())
		t.Logf("%s: %d visits", append(slices.Clone(tormentors), top, capa)[i].name, v())
	}
	slices.Sort(all)
	most := all[len(all)/2]
	for k, s := range servers {
		if n := s.Stats().Sessions; n < 4*most {
			t.Errorf("%d passes over honest-%d, and %d over most of those that never end", n, k, most)
		} else {
			t.Logf("honest-%d: %d passes in %v", k, n, time.Since(began).Round(time.Second))
		}
	}
	slow := map[string]bool{}
	for line := range strings.Lines(h.popsync("status", "--json").out) {
		var st struct {
			Account string
			Slow    bool
		}
		if err := json.Unmarshal([]byte(line), &st); err != nil {
			t.Fatal(err)
		}
		slow[st.Account] = st.Slow
	}
	named := 0
	for _, c := range tormentors {
		if slow[c.name] {
			named++
		}
	}
	if named < len(tormentors)-3 {
		t.Errorf("status names %d as slow", named)
	}
	for k := range servers {
		if slow[fmt.Sprint("honest-", k)] {
			t.Errorf("status names honest-%d as slow", k)
		}
	}
	if r := h.popsync("status"); !strings.Contains(r.out, "in the slow lane: ") {
		t.Errorf("status:\n%s", r.out)
	}

	heal()
	d.until("the end of one alarm", func() bool { all, _ := h.told(); return all["uidl-lines"]["recovered"] == 1 })
	news, causes := h.told()
	for _, c := range tormentors {
		if news[c.name]["trouble"] != 1 || causes[c.name] != "temporary" && c.name != "uidl-lines" || len(news[c.name]) > 1 && c.name != "uidl-lines" {
			t.Errorf("%s: %v (%s) was told", c.name, news[c.name], causes[c.name])
		}
		delete(news, c.name)
	}
	if delete(news, top.name); len(news) > 0 {
		t.Errorf("of the honest was told: %v", news)
	}
	d.stops(0)
	t.Logf("all of it: %v", time.Since(began).Round(time.Millisecond))
}

// popsync run has the same lanes: with two places and four servers that never end the others are not held up, and the exit
// code and the reports tell.
func TestAcceptBoundsOfRun(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rewrite("[log]", fmt.Sprintf(boundsConfig, 2, h.alarmCommand()))
	mail := mailgen.Messages(33, 3, 300, 6000)
	for _, c := range tormentors[7:] {
		c.settle(t, h, mail)
	}
	for i := range 2 {
		_, addr := serve(t, pop3test.Options{}, boxOf(mail))
		h.account(fmt.Sprint("honest-", i), addr, "u", "p", fmt.Sprint("honest-", i))
	}
	r := h.run(75, "--json")
	reports := map[string]string{}
	for line := range strings.Lines(r.out) {
		var rep struct {
			Account string
			Verdict struct{ Class string }
			Yielded bool
		}
		if err := json.Unmarshal([]byte(line), &rep); err != nil || rep.Yielded {
			t.Fatalf("%v: %s", err, line)
		}
		reports[rep.Account] = rep.Verdict.Class
	}
	for i := range 2 {
		same(t, wanted(mail...), arrived(t, h.mail(fmt.Sprint("honest-", i))))
	}
	names := []string{}
	for name, class := range reports {
		if strings.HasPrefix(name, "honest") != (class == "ok") {
			t.Errorf("%s: %s", name, class)
		}
		names = append(names, name)
	}
	if slices.Sort(names); len(names) != 6 {
		t.Errorf("reports of %v", names)
	}
}
