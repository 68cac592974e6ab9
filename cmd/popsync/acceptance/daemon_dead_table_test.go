package acceptance_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

// The limits of the test, instead of 30 s, 60 s, a minute and an hour. A wait after a failure is half of backoff_min at
// least, and backoff_max at most.
const (
	deadLimits = `
[limits]
connect = "2s"
tls_handshake = "3s"
reply = "3s"
list = "3s"
idle = "1s"
listing = 5000
free_space = "512KiB"
backoff_min = "6s"
backoff_max = "10s"
`
	deadWait  = 3 * time.Second
	deadEvery = 2 * time.Second // schedule
)

// dead is an account that cannot be fetched.
type dead struct {
	name     string
	host     string // "": this machine
	port     int
	password string   // "": the right one
	lines    []string // of its table
	lair     *lair    // nil: nobody sees who comes
	server   *pop3test.Server
	class    string
	most     func(d time.Duration) int // connections; passes, if nobody sees who comes
	woken    bool                      // a person says "now" once: it waits for minutes otherwise
	noMail   bool                      // its Maildir cannot take alarms either
	heal     func()                    // nil: it stays as it is
	rewrite  []string                  // and what is to be changed in the configuration
}

// graveyard makes two of each kind.
func (h *house) graveyard(t *testing.T, ca *pop3test.CA, caFile string, box []pop3test.Message) []*dead {
	t.Helper()
	nap := func(d time.Duration) int { return within(d, deadWait) }
	often := func(d time.Duration) int { return within(d, deadEvery) }
	times := func(n int) func(time.Duration) int { return func(time.Duration) int { return n } }
	plain := []string{`tls = "none"`}
	trusting := []string{fmt.Sprintf("ca_file = %q", caFile)}
	server := func(o pop3test.Options) *pop3test.Server {
		s := pop3test.NewServer(o)
		t.Cleanup(s.Close)
		s.AddUser("u", "p", box...)
		return s
	}
	// at makes an account whose server is not as it should be until its options and its lair are mended.
	at := func(name, class string, o pop3test.Options, most func(time.Duration) int, treat func(net.Conn)) *dead {
		d := &dead{name: name, class: class, server: server(o), most: most, lines: plain}
		if treat == nil {
			treat = d.server.ServeConn
		}
		d.lair = newLair(t, treat)
		d.port = d.lair.port()
		d.heal = func() {
			d.server.Change(func(o *pop3test.Options) { *o = pop3test.Options{} })
			d.lair.mend(d.server.ServeConn)
		}
		return d
	}
	overTLS := func(s *pop3test.Server, c *tls.Config) func(net.Conn) {
		return func(conn net.Conn) { s.ServeConn(tls.Server(conn, c)) }
	}
	var all []*dead

	// No DNS: names that never exist (RFC 6761). Healed by another name.
	for i := range 2 {
		d := at(fmt.Sprintf("nodns-%d", i+1), "temporary", pop3test.Options{}, nap, nil)
		d.host, d.lair, d.heal = fmt.Sprintf("nobody-%d.invalid", i+1), nil, nil
		d.lines = append([]string{"insecure_plaintext = true"}, plain...)
		d.rewrite = []string{d.host, "127.0.0.1"}
		all = append(all, d)
	}
	// Refused.
	for i := range 2 {
		port, listen := closedPort(t)
		d := &dead{name: fmt.Sprintf("refused-%d", i+1), class: "temporary", server: server(pop3test.Options{}), port: port, most: nap, lines: plain}
		d.heal = func() { inhabit(t, listen(), d.server.ServeConn) }
		all = append(all, d)
	}
	// Hangs at the greeting: says nothing, or never ends its line.
	all = append(all, at("greeting-1", "temporary", pop3test.Options{}, nap, silent),
		at("greeting-2", "temporary", pop3test.Options{}, nap, func(conn net.Conn) {
			_, _ = io.WriteString(conn, "+OK hello")
			silent(conn)
		}))
	// Hangs in TLS: after STLS, or from the first octet.
	tls2 := at("tls-2", "temporary", pop3test.Options{}, nap, silent)
	tls2.lines, tls2.heal = trusting, nil
	tls1 := at("tls-1", "temporary", pop3test.Options{}, nap, func(conn net.Conn) {
		_ = fault.Script{fault.Send("+OK\r\n"), fault.Chat("CAPA", "+OK\r\nSTLS\r\n.\r\n", "STLS", "+OK\r\n"), fault.Stalled()}.Run(conn)
	})
	cert := func(make func(...string) (*tls.Config, error), name string) *tls.Config {
		c, err := make(name)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	tls1.lines = append([]string{`tls = "starttls"`}, trusting...)
	tls1.heal = func() {
		tls1.server.Change(func(o *pop3test.Options) { o.TLS = cert(ca.Server, "127.0.0.1") })
		tls1.lair.mend(tls1.server.ServeConn)
	}
	all = append(all, tls1, tls2)
	// Wrong password: refused with [AUTH], which ends it after two, or without, which is tried again after ten minutes.
	pass1 := at("password-1", "login", pop3test.Options{}, times(2), nil)
	pass2 := at("password-2", "login", pop3test.Options{NoAUTH: true, OnCommand: answering(map[string]string{"PASS": "-ERR no\r\n"})}, times(1), nil)
	for _, d := range []*dead{pass1, pass2} {
		d.password = "not-" + d.name
		d.rewrite = []string{d.password, "p"}
		all = append(all, d)
	}
	// Wrong certificate: of nobody known, or too old. It is looked at again after an hour.
	cert1 := at("cert-1", "config", pop3test.Options{}, times(1), nil)
	cert1.lair.mend(overTLS(cert1.server, cert(ca.Server, "127.0.0.1")))
	cert1.lines, cert1.heal = []string{"# trust"}, nil
	cert1.rewrite = []string{"# trust", trusting[0]}
	cert2 := at("cert-2", "config", pop3test.Options{}, times(1), nil)
	cert2.lair.mend(overTLS(cert2.server, cert(ca.Expired, "127.0.0.1")))
	cert2.lines, cert2.heal = trusting, nil
	all = append(all, cert1, cert2)
	// Throttled: it says how long it wants to be left alone, or it doesn't.
	all = append(all, at("throttled-1", "temporary", pop3test.Options{OnCommand: answering(map[string]string{
		"CAPA": "+OK\r\nUIDL\r\nUSER\r\nRESP-CODES\r\nLOGIN-DELAY 3\r\n.\r\n", "PASS": "-ERR [LOGIN-DELAY] too soon\r\n",
	})}, nap, nil), at("throttled-2", "temporary", pop3test.Options{}, nap, func(conn net.Conn) {
		_, _ = io.WriteString(conn, "-ERR [SYS/TEMP] too many connections\r\n")
	}))
	// Endless listing: fast, or just fast enough to be no silence.
	endless := func(step ...fault.Step) func(net.Conn) {
		return func(conn net.Conn) {
			_ = append(fault.Script{fault.Send("+OK\r\n"),
				fault.Chat("CAPA", "-ERR\r\n", "USER u", "+OK\r\n", "PASS p", "+OK\r\n", "CAPA", "-ERR\r\n"),
				fault.Expect("UIDL"), fault.Send("+OK\r\n")}, step...).Run(conn)
		}
	}
	trickle := func(p *fault.Peer) error {
		for i := 1; ; i++ {
			if err := fault.Send(fmt.Sprintf("%d uid-%d\r\n", i, i))(p); err != nil {
				return nil
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	all = append(all, at("endless-1", "temporary", pop3test.Options{}, nap, endless(fault.Repeat("1 uid\r\n"))),
		at("endless-2", "temporary", pop3test.Options{}, nap, endless(trickle)))
	// In use: somebody else has the mailbox. It is tried again after minutes.
	for i := range 2 {
		d := at(fmt.Sprintf("inuse-%d", i+1), "temporary", pop3test.Options{Exclusive: true}, times(2), nil)
		other := holder(t, d.lair.Addr().String())
		d.lair.mu.Lock()
		d.lair.visits = 0
		d.lair.mu.Unlock()
		d.woken, d.heal = true, func() { other.Close() }
		all = append(all, d)
	}
	return append(all, h.fullDisks(t, at, often, nap)...)
}

// fullDisks are accounts whose Maildir has its own filesystem: with less room than limits.free_space, so that no mail is
// asked for, or with none, so that the server is not even called.
func (h *house) fullDisks(t *testing.T, at func(string, string, pop3test.Options, func(time.Duration) int, func(net.Conn)) *dead,
	often, never func(time.Duration) int) (all []*dead) {
	t.Helper()
	if !mayMount() {
		if os.Getenv("CI") != "" {
			t.Fatal("no filesystem can be mounted here, and CI must test everything")
		}
		t.Log("NOT TESTED: accounts whose disk is full, for want of a filesystem to fill")
		return nil
	}
	for i, left := range []int{256 << 10, 0} {
		most := []func(time.Duration) int{often, func(time.Duration) int { return 0 }}[i]
		d := at(fmt.Sprintf("disk-%d", i+1), "temporary", pop3test.Options{}, most, nil)
		empty := fillable(t, filepath.Join(h.dir, d.name), left)
		d.noMail, d.heal = left == 0, empty
		all = append(all, d)
	}
	return all
}

// maildir is below the name, which for some is a filesystem of its own.
func (d *dead) maildir() string { return filepath.Join(d.name, "Mail") }

func (d *dead) kind() string { return d.name[:strings.IndexByte(d.name, '-')] }

// holder logs in and stays.
func holder(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, "USER u\r\nPASS p\r\nNOOP\r\n"); err != nil {
		t.Fatal(err)
	}
	var said []byte
	for b := make([]byte, 512); strings.Count(string(said), "+OK") < 4; {
		n, err := conn.Read(b)
		if err != nil {
			t.Fatalf("%v after %q", err, said)
		}
		said = append(said, b[:n]...)
	}
	return conn
}
