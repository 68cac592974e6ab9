package floor

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/bench/proxy"
	"github.com/popsync/popsync/pop3/pop3test/dovecot"
)

// stored is a Maildir's new/ as a multiset; tmp/ must be empty.
func stored(t *testing.T, dir string) map[[32]byte]int {
	t.Helper()
	if left, err := os.ReadDir(filepath.Join(dir, "tmp")); err != nil || len(left) > 0 {
		t.Errorf("tmp/ has %d files, %v", len(left), err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "new"))
	if err != nil {
		t.Fatal(err)
	}
	sums := map[[32]byte]int{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, "new", e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		sums[sha256.Sum256(b)]++
	}
	return sums
}

func want(messages [][]byte) map[[32]byte]int {
	sums := map[[32]byte]int{}
	for _, m := range messages {
		sums[sha256.Sum256(mailgen.Stored(m))]++
	}
	return sums
}

func run(t *testing.T, o Options) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	res, err := Run(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// The bytes are kept whatever they are and however TCP splits them: against a server of ten lines that changes nothing.
func TestFidelity(t *testing.T) {
	var messages [][]byte
	for _, a := range mailgen.Zoo(3) {
		messages = append(messages, a.Message)
	}
	for _, chunk := range []int{1 << 20, 65_537} {
		dir := t.TempDir()
		res := run(t, Options{Addr: naive(t, messages, chunk), User: "u", Password: "p", Dir: dir, Delete: true, Batch: 17})
		if res.Messages != len(messages) {
			t.Errorf("%d of %d messages", res.Messages, len(messages))
		}
		if !maps.Equal(stored(t, dir), want(messages)) {
			t.Errorf("chunks of %d: the Maildir does not hold what was sent", chunk)
		}
	}
}

// naive serves messages byte for byte, its output split into chunks.
func naive(t *testing.T, messages [][]byte, chunk int) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		w := bufio.NewWriterSize(conn, chunk)
		fmt.Fprint(w, "+OK\r\n")
		for r := bufio.NewReader(conn); ; {
			if r.Buffered() == 0 {
				w.Flush()
			}
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			fmt.Fprint(w, "+OK\r\n")
			var n int
			switch {
			case strings.HasPrefix(line, "UIDL"), strings.HasPrefix(line, "LIST"):
				for i := range messages {
					fmt.Fprintf(w, "%d %d\r\n", i+1, i+1)
				}
				fmt.Fprint(w, ".\r\n")
			case strings.HasPrefix(line, "RETR"):
				fmt.Sscanf(line, "RETR %d", &n)
				stuffed := bytes.ReplaceAll(append([]byte("\r\n"), mailgen.Wire(messages[n-1])...), []byte("\r\n."), []byte("\r\n.."))
				w.Write(stuffed[2:])
				fmt.Fprint(w, ".\r\n")
			}
		}
	}()
	return l.Addr().String()
}

// Against a real server over a distance: everything arrives, what is asked to be deleted is, and no round trip is
// spent on a single message.
func TestDovecot(t *testing.T) {
	const delay, n = 25 * time.Millisecond, 1_200
	s := dovecot.Start(t, dovecot.Options{Users: 1})
	messages := mailgen.Messages(1, n, 2_000, 8_000)
	s.Fill("u1", messages)
	p, err := proxy.Start(s.Plain, proxy.Options{Delay: delay})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	o := Options{Addr: p.Addr(), User: "u1", Password: dovecot.Password}

	o.ListOnly = true
	if res := run(t, o); res.Listed != n || res.Messages != 0 {
		t.Errorf("list only: %+v", res)
	}
	o.ListOnly = false
	for _, del := range []bool{false, true} {
		o.Delete, o.Dir = del, t.TempDir()
		res := run(t, o)
		t.Logf("delete %v: %+v", del, res)
		if res.Messages != n || !maps.Equal(stored(t, o.Dir), want(messages)) {
			t.Errorf("delete %v: wrong messages, %+v", del, res)
		}
		if res.Took > n*delay/4 {
			t.Errorf("delete %v: %v is not pipelined", del, res.Took)
		}
		if left := s.Count("u1"); left != n && !del || left != 0 && del {
			t.Errorf("delete %v: %d messages left on the server", del, left)
		}
	}
	o.Dir = t.TempDir()
	if res := run(t, o); res.Listed != 0 {
		t.Errorf("an emptied mailbox: %+v", res)
	}
}

func TestErrors(t *testing.T) {
	for name, script := range map[string]string{
		"refused":       "-ERR go away\r\n",
		"wrong login":   "+OK\r\n+OK\r\n-ERR no\r\n",
		"cut listing":   "+OK\r\n+OK\r\n+OK\r\n+OK\r\n1 1\r\n",
		"cut message":   "+OK\r\n+OK\r\n+OK\r\n+OK\r\n1 a\r\n.\r\n+OK\r\n1 9\r\n.\r\n+OK\r\nabc\r\n",
		"bare LF, dot":  "+OK\r\n+OK\r\n+OK\r\n+OK\r\n1 a\r\n.\r\n+OK\r\n1 9\r\n.\r\n+OK\r\nabc\n.\n",
		"refused RETR":  "+OK\r\n+OK\r\n+OK\r\n+OK\r\n1 a\r\n.\r\n+OK\r\n1 9\r\n.\r\n-ERR gone\r\n",
		"cut afterward": "+OK\r\n+OK\r\n+OK\r\n+OK\r\n1 a\r\n.\r\n+OK\r\n1 9\r\n.\r\n+OK\r\nabc\r\n.\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				if conn, err := l.Accept(); err == nil {
					io.WriteString(conn, script)
					conn.(*net.TCPConn).CloseWrite()
					io.Copy(io.Discard, conn)
					conn.Close()
				}
			}()
			defer func() { l.Close(); <-done }()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			res, err := Run(ctx, Options{Addr: l.Addr().String(), User: "u", Password: "p", Dir: t.TempDir(), Delete: true})
			if err == nil || ctx.Err() != nil {
				t.Errorf("%+v, error %v", res, err)
			}
		})
	}
}

// What is known is neither fetched nor deleted; and all of it also works under TLS.
func TestSkipAndTLS(t *testing.T) {
	d := dovecot.Start(t, dovecot.Options{Users: 1})
	messages := mailgen.Messages(9, 20, 500, 900)
	d.Fill("u1", messages)
	dir := filepath.Join(t.TempDir(), "Mail")
	res := run(t, Options{Addr: d.TLS, TLS: &tls.Config{RootCAs: d.CA, ServerName: dovecot.Host}, User: "u1",
		Password: dovecot.Password, Dir: dir, Delete: true, Skip: 15})
	if res.Listed != 20 || res.Messages != 5 {
		t.Errorf("%+v", res)
	}
	if got := stored(t, dir); !maps.Equal(got, want(messages[15:])) {
		t.Errorf("%d messages, or others", len(got))
	}
	if n := d.Count("u1"); n != 15 {
		t.Errorf("%d left on the server", n)
	}
}
