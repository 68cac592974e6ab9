package dialer

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

// socksServer answers as told: the choice of a login, then, if it is 2, the login, then the request.
func socksServer(t *testing.T, choice, login, reply []byte, asked *[]byte) (addr string) {
	return listen(t, func(conn net.Conn) {
		read := func(n int) []byte {
			b := make([]byte, n)
			_, _ = io.ReadFull(conn, b)
			return b
		}
		read(int(read(2)[1]))
		if conn.Write(choice); choice == nil {
			return
		}
		if len(choice) == 2 && choice[1] == 2 {
			read(int(read(2)[1]))
			read(int(read(1)[0]))
			if conn.Write(login); login == nil {
				return
			}
		}
		head := read(5)
		request := append(head, read(int(head[4])+2)...)
		if asked != nil {
			*asked = request
		}
		conn.Write(reply)
	})
}

// Every reply that RFC 1928 and 1929 have, and some that they have not, means something.
func TestSocksReplies(t *testing.T) {
	none, ok := []byte{5, 0}, []byte{1, 0}
	reply := func(code byte) []byte { return []byte{5, code, 0, 1, 0, 0, 0, 0, 0, 0} }
	for name, tt := range map[string]struct {
		choice, login, reply []byte
		want                 Fault
		text                 string
	}{
		"general failure":      {none, nil, reply(1), Refused, "could not connect to pop.example.org:995: general failure"},
		"not allowed":          {none, nil, reply(2), Forbidden, "refuses to connect to pop.example.org:995"},
		"network":              {none, nil, reply(3), Refused, "network unreachable"},
		"host":                 {none, nil, reply(4), Refused, "host unreachable"},
		"refused":              {none, nil, reply(5), Refused, "connection refused"},
		"ttl":                  {none, nil, reply(6), Refused, "timed out"},
		"command":              {none, nil, reply(7), Forbidden, "cannot connect"},
		"address type":         {none, nil, reply(8), Forbidden, "takes no names"},
		"unknown code":         {none, nil, reply(99), Refused, "a code that SOCKS5 does not have"},
		"no method":            {[]byte{5, 0xff}, nil, nil, Login, "wants another login"},
		"unasked method":       {[]byte{5, 7}, nil, nil, NoProxy, "a login that was not offered"},
		"wrong password":       {[]byte{5, 2}, []byte{1, 1}, nil, Login, "user or password is wrong"},
		"version of the login": {[]byte{5, 2}, []byte{9, 0}, nil, NoProxy, "as it should"},
		"HTTP":                 {[]byte("HTTP/1.1 400 Bad\r\n\r\n"), nil, nil, NoProxy, "no SOCKS5"},
		"SOCKS4":               {[]byte{0, 91}, nil, nil, NoProxy, "no SOCKS5"},
		"version later":        {none, nil, []byte{4, 0, 0, 1, 0, 0, 0, 0, 0, 0}, NoProxy, "no SOCKS5"},
		"reserved":             {none, nil, []byte{5, 0, 1, 1, 0, 0, 0, 0, 0, 0}, NoProxy, "as it should"},
		"type of address":      {none, nil, []byte{5, 0, 0, 9, 0, 0, 0, 0, 0, 0}, NoProxy, "as it should"},
		"closes at once":       {nil, nil, nil, Unreachable, "closed the connection"},
		"closes at the login":  {[]byte{5, 2}, nil, nil, Unreachable, "closed the connection"},
		"closes later":         {none, nil, nil, Unreachable, "closed the connection"},
		"cut":                  {[]byte{5, 2}, ok, []byte{5, 0, 0}, Unreachable, "closed the connection"},
	} {
		t.Run(name, func(t *testing.T) {
			addr := socksServer(t, tt.choice, tt.login, tt.reply, nil)
			d := mustNew(t, Options{Proxy: "socks5://me@" + addr, Password: passwordOf(secretWord)})
			_, err := d.DialContext(t.Context(), "tcp", "pop.example.org:995")
			faultIs(t, err, tt.want, tt.text)
		})
	}
}

// A name goes as it is; an address as an address.
func TestSocksGetsNames(t *testing.T) {
	var asked []byte
	addr := socksServer(t, []byte{5, 0}, nil, []byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0, '+', 'O', 'K'}, &asked)
	conn, err := mustNew(t, Options{Proxy: "socks5h://" + addr}).Mail(t.Context(), "tcp", "pop.nowhere.invalid:995")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	// What the server sent along with the proxy's answer is not lost.
	if b, err := io.ReadAll(conn); string(b) != "+OK" {
		t.Errorf("%q, %v", b, err)
	}
	if want := append([]byte{5, 1, 0, 3, 19}, "pop.nowhere.invalid\x03\xe3"...); !bytes.Equal(asked, want) {
		t.Errorf("%q, want %q", asked, want)
	}
}

// Whatever a proxy says, it ends in a connection or in an *Error.
func FuzzSocks(f *testing.F) {
	f.Add([]byte{5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{5, 2, 1, 0, 5, 0, 0, 3, 1, 'x', 0, 0})
	f.Add([]byte{5, 0xff})
	f.Fuzz(func(t *testing.T, says []byte) {
		p, err := parseProxy("socks5://me@127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.socks(t.Context(), saying(says), "pop.example.org:995", secretWord)
		judged(t, err)
	})
}
