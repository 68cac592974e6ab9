package pop3test_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

// talk sends commands and returns all that the server said, split at CRLF.
func talk(t *testing.T, s *pop3test.Server, commands ...string) []string {
	t.Helper()
	conn, err := s.Dial(context.Background(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go io.WriteString(conn, strings.Join(commands, "\r\n")+"\r\n")
	all, _ := io.ReadAll(conn)
	return strings.Split(strings.TrimSuffix(string(all), "\r\n"), "\r\n")
}

func server(t *testing.T, o pop3test.Options) *pop3test.Server {
	s := pop3test.NewServer(o)
	t.Cleanup(s.Close)
	s.AddUser("me", "pw", pop3test.Message{UID: "a", Data: []byte("H: 1\r\n\r\n.one\r\ntwo\r\nthree")}, pop3test.Message{UID: "b", ListSize: 99})
	return s
}

// TestTranscript pins down what the server says, with all commands in one flight.
func TestTranscript(t *testing.T) {
	s := server(t, pop3test.Options{BareReplies: true})
	got := talk(t, s, "STAT", "USER me", "PASS no", "USER me", "PASS pw", "STAT", "LIST", "LIST 2", "UIDL", "UIDL 1", "UIDL 9",
		"RETR 1", "RETR 2", "RETR 3", "TOP 1 0", "TOP 1 1", "TOP 1 -1", "DELE 1", "DELE 1", "LIST", "RSET", "LIST 1", "DELE 2", "NOOP", "BOO", "QUIT")
	want := []string{"+OK", "-ERR", "+OK", "-ERR", "+OK", "+OK", "+OK 2 125", "+OK", "1 26", "2 99", ".", "+OK 2 99",
		"+OK", "1 a", "2 b", ".", "+OK 1 a", "-ERR", "+OK", "H: 1", "", "..one", "two", "three", ".", "+OK", ".", "-ERR",
		"+OK", "H: 1", "", ".", "+OK", "H: 1", "", "..one", ".", "-ERR", "+OK", "-ERR", "+OK", "2 99", ".", "+OK", "+OK 1 26",
		"+OK", "+OK", "-ERR", "+OK"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	st := s.Stats()
	if st.Sessions != 1 || st.Logins != 1 || st.Refused != 1 || st.Quits != 1 || st.Retrieved["a"] != 1 || st.Deleted["a"] != 1 || st.Commands["LIST"] != 4 {
		t.Errorf("%+v", st)
	}
	if left := s.Messages("me"); len(left) != 1 || left[0].UID != "a" {
		t.Errorf("left: %v", left)
	}
}

// TestUpdate: what was deleted goes at QUIT and only then, by the switches.
func TestUpdate(t *testing.T) {
	login := []string{"USER me", "PASS pw"}
	for _, tt := range []struct {
		opt  pop3test.Options
		cmds []string
		left int
	}{
		{pop3test.Options{}, []string{"DELE 1", "QUIT"}, 1},
		{pop3test.Options{}, []string{"DELE 1", "DELE 2", "RSET", "QUIT"}, 2},
		{pop3test.Options{QuitKeeps: true}, []string{"DELE 1", "QUIT"}, 2},
		{pop3test.Options{HideRetr: true}, []string{"RETR 2", "QUIT"}, 1},
		{pop3test.Options{HideRetr: true}, []string{"TOP 2 0", "QUIT"}, 2},
	} {
		var deleted []string
		tt.opt.OnDelete = func(user, uid string) { deleted = append(deleted, user+uid) }
		s := server(t, tt.opt)
		talk(t, s, append(login, tt.cmds...)...)
		if left := len(s.Messages("me")); left != tt.left || slices.Contains(tt.cmds, "DELE 1") != slices.Contains(deleted, "mea") {
			t.Errorf("%v: %d left, want %d; %v", tt.cmds, left, tt.left, deleted)
		}
	}
	s := server(t, pop3test.Options{OnCommand: func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
		if verb == "QUIT" {
			return &pop3test.Reply{Close: true}
		}
		return nil
	}})
	if talk(t, s, append(login, "DELE 1", "QUIT")...); len(s.Messages("me")) != 2 {
		t.Error("deleted without QUIT")
	}
}

func TestSwitches(t *testing.T) {
	s := server(t, pop3test.Options{Exclusive: true, NoTOP: true, NoUIDL: true, NoAUTH: true, NoPipelining: true})
	first, err := s.Dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(first)
	for _, cmd := range []string{"", "USER me\r\n", "PASS pw\r\n"} {
		if cmd != "" { // an empty write waits for a reader
			if _, err := io.WriteString(first, cmd); err != nil {
				t.Fatal(err)
			}
		}
		if line, err := r.ReadString('\n'); !strings.HasPrefix(line, "+OK") {
			t.Fatal(line, err)
		}
	}
	got := strings.Join(talk(t, s, "CAPA", "AUTH PLAIN AG1lAHB3", "USER me", "PASS pw", "QUIT"), "\n")
	for _, not := range []string{"TOP", "UIDL", "SASL", "PIPELINING", "logged in"} {
		if strings.Contains(got, not) {
			t.Errorf("%s in %s", not, got)
		}
	}
	if !strings.Contains(got, "[IN-USE]") {
		t.Error(got)
	}
	first.Close()
}

// TestStuffing compares lazily made data in every segmentation with data in memory.
func TestStuffing(t *testing.T) {
	data := []byte(".\r\n..\r\n\n.\n\r.\r\r\n.x\x00\r\n\r\n.")
	s := pop3test.NewServer(pop3test.Options{})
	t.Cleanup(s.Close)
	s.AddUser("me", "pw", pop3test.Message{Data: data}, pop3test.Message{
		Open: func() io.Reader { return iotest.OneByteReader(bytes.NewReader(data)) }, Size: int64(len(data)),
	})
	got := strings.Join(talk(t, s, "USER me", "PASS pw", "RETR 1", "RETR 2", "QUIT"), "\r\n")
	message := "..\r\n...\r\n\n.\n\r.\r\r\n..x\x00\r\n\r\n..\r\n.\r\n"
	if n := strings.Count(got, "+OK message follows\r\n"+message); n != 2 {
		t.Errorf("%d of 2 in %q", n, got)
	}
}

// TestFaults: each kind does what it says at the octet it says.
func TestFaults(t *testing.T) {
	for _, chunk := range []int{0, 1, 7} {
		for _, tt := range []struct {
			plan fault.Plan
			want string
		}{
			{fault.Plan{}, "0123456789"},
			{fault.Plan{Kind: fault.Close, After: 4}, "0123"},
			{fault.Plan{Kind: fault.Reset, After: 0}, ""},
			{fault.Plan{Kind: fault.Garbage, After: 4, Garbage: []byte("##")}, "0123##456789"},
			{fault.Plan{Kind: fault.Stall, After: 4}, "0123"},
		} {
			tt.plan.Chunk = chunk
			client, inner := net.Pipe()
			conn := fault.Wrap(inner, tt.plan)
			done := make(chan struct{})
			go func() {
				defer close(done)
				conn.Write([]byte("0123456789"))
				conn.Close()
			}()
			got := make([]byte, len(tt.want))
			if _, err := io.ReadFull(client, got); err != nil || string(got) != tt.want {
				t.Errorf("%+v: %q, %v", tt.plan, got, err)
			}
			if tt.plan.Kind == fault.Stall {
				conn.Close()
			}
			if n, err := client.Read(got[:cap(got)]); n != 0 || err == nil && cap(got) > 0 {
				t.Errorf("%+v: %d more octets, %v", tt.plan, n, err)
			}
			<-done
		}
	}
}

// TestListen: loopback, many at once, and Close leaves nobody behind.
func TestListen(t *testing.T) {
	s := server(t, pop3test.Options{})
	addr, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	for range 20 {
		c, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if line, err := bufio.NewReader(c).ReadString('\n'); !strings.HasPrefix(line, "+OK") {
			t.Fatal(line, err)
		}
		conns = append(conns, c)
	}
	s.Close()
	for _, c := range conns {
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("still open")
		}
	}
	if _, err := s.Dial(t.Context(), "", ""); err == nil {
		t.Error(fmt.Errorf("closed server takes connections"))
	}
}
