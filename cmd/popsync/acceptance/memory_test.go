package acceptance_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
)

// crowd is a server whose every user has n messages under unique-ids of 70 octets. It costs next to nothing.
type crowd struct {
	n          int
	uidl, list []byte
}

func newCrowd(t *testing.T, n int) (*crowd, net.Addr) {
	t.Helper()
	var uidl, list bytes.Buffer
	for i := range n {
		fmt.Fprintf(&uidl, "%d %070d\r\n", i+1, i)
		fmt.Fprintf(&list, "%d %d\r\n", i+1, len(crowdMail(i+1)))
	}
	uidl.WriteString(".\r\n")
	list.WriteString(".\r\n")
	c := &crowd{n: n, uidl: uidl.Bytes(), list: list.Bytes()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go c.serve(conn)
		}
	}()
	return c, l.Addr()
}

func crowdMail(n int) string {
	return fmt.Sprintf("Message-ID: <%07d@x>\r\n\r\n%s\r\n", n, strings.Repeat("x", n%50))
}

func (c *crowd) serve(conn net.Conn) {
	defer conn.Close()
	out := bufio.NewWriter(conn)
	fmt.Fprint(out, "+OK\r\n")
	in := bufio.NewReader(conn)
	for {
		if in.Buffered() == 0 {
			if out.Flush() != nil {
				return
			}
		}
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		verb, arg, _ := strings.Cut(strings.TrimSpace(line), " ")
		n := 0
		fmt.Sscan(arg, &n)
		switch {
		case verb == "CAPA":
			fmt.Fprint(out, "+OK\r\nUSER\r\nUIDL\r\nPIPELINING\r\n.\r\n")
		case verb == "UIDL":
			fmt.Fprint(out, "+OK\r\n")
			out.Write(c.uidl)
		case verb == "LIST" && n == 0:
			fmt.Fprint(out, "+OK\r\n")
			out.Write(c.list)
		case verb == "LIST":
			fmt.Fprintf(out, "+OK %d %d\r\n", n, len(crowdMail(n)))
		case verb == "RETR":
			fmt.Fprintf(out, "+OK\r\n%s.\r\n", crowdMail(n))
		case verb == "TOP":
			fmt.Fprint(out, "-ERR no\r\n")
		default:
			fmt.Fprint(out, "+OK\r\n")
		}
		if verb == "QUIT" {
			out.Flush()
			return
		}
	}
}

// Six mailboxes with a million messages each under unique-ids of 70 octets, all at once: the program stays below what the
// shipped unit lets it have. The first pass takes them as new; then all is known, and the ledger's rows are read.
func TestAcceptCrowd(t *testing.T) {
	const unit = 1 << 30 // MemoryMax
	n, accounts := 100_000, 6
	if large() {
		n = 1_000_000
	}
	unitFile, err := os.ReadFile("../../../systemd/popsync.service")
	if err != nil || !strings.Contains(string(unitFile), "\nMemoryMax=1G\n") {
		t.Fatalf("the unit has another limit: %v", err)
	}
	limit := int64(unit) / 1_000_000 * int64(n)
	_, addr := newCrowd(t, n)
	h := newHouse(t)
	h.conf.WriteString("[limits]\n")
	fmt.Fprintf(&h.conf, "memory = %d\n", limit/2) // which is what popsync takes below such a limit
	for i := range accounts {
		name := fmt.Sprintf("a%d", i)
		h.account(name, addr, name, "p", "Mail"+name, "limit = 3", `delete = "30d"`)
	}
	run := func(kind string) {
		t.Helper()
		r, most := peak(t, h.command("run", "--json"))
		if r.code != 0 || strings.Count(r.out, fmt.Sprintf(`"listed":%d,`, n)) != accounts {
			t.Fatalf("%s: exit code %d\n%s%s", kind, r.code, r.out, r.err)
		}
		t.Logf("%d accounts of %d, %s: peak %d MiB", accounts, n, kind, most>>20)
		// What the process takes anyway comes to a share of the limit.
		if most > limit+40<<20 || most > unit || most == 0 {
			t.Errorf("%s: peak resident memory %d MiB of %d", kind, most>>20, limit>>20)
		}
	}
	run("all new")
	for i := range accounts {
		if r, _ := peak(t, h.command("baseline", fmt.Sprintf("a%d", i))); r.code != 0 {
			t.Fatalf("exit code %d\n%s", r.code, r.err)
		}
	}
	run("all known")
	run("again")
}
