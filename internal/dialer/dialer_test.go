package dialer

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
)

func TestDirect(t *testing.T) {
	s := newTarget(t)
	conn, err := mustNew(t, Options{Proxy: "none", SourceAddress: netip.MustParseAddr("127.0.0.7"), Family: "ipv4"}).Mail(t.Context(), "tcp", s.addr)
	greeted(t, conn, err)
	if s.seen() != "127.0.0.7" {
		t.Errorf("it came from %s", s.seen())
	}
	_, err = mustNew(t, Options{SourceAddress: netip.MustParseAddr("192.0.2.7")}).Mail(t.Context(), "tcp", s.addr)
	faultIs(t, err, NoSource, "192.0.2.7 is no address of this machine now")
	if _, err = mustNew(t, Options{Family: "ipv6"}).Mail(t.Context(), "tcp", s.addr); err == nil || s.seen() != "127.0.0.7" {
		t.Errorf("%v; it came from %s", err, s.seen())
	}
	// A socket of the file system has no address, nor a way through a proxy.
	path := t.TempDir() + "/s"
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err = mustNew(t, Options{SourceAddress: netip.MustParseAddr("192.0.2.7"), Proxy: "socks5://127.0.0.1:1"}).Mail(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// The source address is also that of connections to a proxy.
func TestSourceOfProxied(t *testing.T) {
	s := newTarget(t)
	d := mustNew(t, Options{Proxy: "socks5://" + s.addr, SourceAddress: netip.MustParseAddr("127.0.0.7")})
	_, err := d.Mail(t.Context(), "tcp", "pop.example.org:995")
	faultIs(t, err, NoProxy, "speaks no SOCKS5")
	if s.seen() != "127.0.0.7" {
		t.Errorf("it came from %s", s.seen())
	}
	d = mustNew(t, Options{Proxy: "socks5://" + s.addr, SourceAddress: netip.MustParseAddr("192.0.2.7")})
	_, err = d.Mail(t.Context(), "tcp", "pop.example.org:995")
	faultIs(t, err, NoSource, "192.0.2.7")
}

func TestPasswordOfProxy(t *testing.T) {
	s := newTarget(t)
	for kind, secret := range map[string]string{"socks5": strings.Repeat("x", 256)} {
		_, err := mustNew(t, Options{Proxy: kind + "://me@" + s.addr, Password: passwordOf(secret)}).Mail(t.Context(), "tcp", "h:1")
		faultIs(t, err, NoPassword, "longer than 255")
	}
	_, err := mustNew(t, Options{Proxy: "http://me@" + s.addr, Password: failing}).Mail(t.Context(), "tcp", "h:1")
	faultIs(t, err, NoPassword, "the password for the proxy http://"+s.addr+": no such file")
	if s.seen() != "" {
		t.Error("it connected nevertheless")
	}
}

func TestUnusable(t *testing.T) {
	for _, proxy := range []string{"127.0.0.1:9050", "socks4://h", "ftp://h", "socks5://", "socks5://h/x", "http://:" + secretWord + "@h", "http://a%3ab@h", "socks5://%zz" + secretWord, "http://h?x"} {
		_, err := New(Options{Proxy: proxy})
		faultIs(t, err, Unusable, "")
		if e := err.(*Error); !e.Lasting() {
			t.Errorf("%s: %v passes?", proxy, err)
		}
	}
	for proxy, want := range map[string]string{
		"socks5://h": "socks5://h:1080", "SOCKS5H://h:1/": "socks5://h:1", "http://me:" + secretWord + "@h": "http://h:1080",
		"https://[2001:db8::1]": "https://[2001:db8::1]:443",
	} {
		if got := mustNew(t, Options{Proxy: proxy}).Way("pop.example.org:995"); got != "through the proxy "+want {
			t.Errorf("%s: %s", proxy, got)
		}
	}
}

func TestEnv(t *testing.T) {
	env := map[string]string{}
	o := Options{Proxy: "env", Getenv: func(name string) string { return env[name] }}
	_, err := New(o)
	faultIs(t, err, Unusable, "neither ALL_PROXY nor all_proxy")
	env["all_proxy"] = "socks5://me:" + secretWord + "@h:99999"
	env["no_proxy"] = "example.org"
	d := mustNew(t, o)
	for address, proxied := range map[string]bool{"pop.example.org:995": false, "pop.example.net:995": true, "127.0.0.1:110": false} {
		network, looksUp := d.LooksUp(address)
		if way := d.Way(address); (way != "") != proxied || looksUp == proxied || strings.Contains(way, secretWord) || looksUp && network != "ip" {
			t.Errorf("%s: %q, %v", address, way, looksUp)
		}
	}
	env["ALL_PROXY"] = secretWord
	_, err = New(o)
	faultIs(t, err, Unusable, "ALL_PROXY in the environment")
}

func TestSpared(t *testing.T) {
	for _, tt := range []struct {
		list, address string
		want          bool
	}{
		{"", "pop.example.org:995", false}, {"*", "pop.example.org:995", true}, {" a.example , * ", "pop.example.org:995", true},
		{"example.org", "pop.example.org:995", true}, {"example.org", "example.org:995", true}, {"example.org", "notexample.org:995", false},
		{".example.org", "pop.example.org:995", true}, {"*.example.org", "pop.EXAMPLE.org.:995", true}, {"EXAMPLE.ORG", "pop.example.org:995", true},
		{"example.org:110", "pop.example.org:995", false}, {"example.org:995", "pop.example.org:995", true},
		{"192.0.2.7", "192.0.2.7:110", true}, {"192.0.2.0/24", "192.0.2.7:110", true}, {"192.0.2.0/24", "198.51.100.1:110", false},
		{"192.0.2.0/24", "pop.example.org:995", false}, {"2001:db8::/32", "[2001:db8::1]:110", true}, {"[2001:db8::1]:110", "[2001:db8::1]:110", true},
		{"192.0.2.7", "[::ffff:192.0.2.7]:110", true}, {"", "127.0.0.9:110", true}, {"", "[::1]:110", true}, {"", "localhost:110", true},
		{",, ,", "pop.example.org:995", false}, {".", "pop.example.org:995", false}, {"example.org", "no port", false},
	} {
		if got := spared(tt.list, tt.address); got != tt.want {
			t.Errorf("NO_PROXY=%q, %s: %v", tt.list, tt.address, got)
		}
	}
}

// What would end a line of a request, or be more than a name, is never sent.
func TestOddTargets(t *testing.T) {
	s := newTarget(t)
	for _, proxy := range []string{"http://", "socks5://"} {
		for _, name := range []string{"a\r\nX: y:1", "a b:1", strings.Repeat("x", 600) + ":1", "\x00:1"} {
			_, err := mustNew(t, Options{Proxy: proxy + s.addr}).Mail(t.Context(), "tcp", name)
			faultIs(t, err, Forbidden, "no such name can be sent")
		}
	}
	if s.seen() != "" {
		t.Error("it connected nevertheless")
	}
}

// Each fault has a next step.
func TestFaults(t *testing.T) {
	for f := Unusable; f <= NoSource; f++ {
		e := &Error{Fault: f, Via: "the proxy P", Target: "T", Err: errors.New("why")}
		if e.Hint() == "" || !strings.Contains(e.Error(), "why") {
			t.Errorf("%d: %v, %s", f, e, e.Hint())
		}
	}
}

// Where what the way needs is not as it must be, nothing is connected, by no way, and each try says why.
func TestNever(t *testing.T) {
	d := Never(&Error{Fault: Unusable, Mend: "name a file", Err: errors.New("no such file")})
	for name, try := range map[string]func() error{
		"mail":  func() error { _, err := d.Mail(t.Context(), "tcp", "127.0.0.1:1"); return err },
		"HTTP":  func() error { _, err := d.DialContext(t.Context(), "tcp", "127.0.0.1:1"); return err },
		"unix":  func() error { _, err := d.Mail(t.Context(), "unix", "/s"); return err },
		"check": func() error { return d.Check(t.Context()) },
	} {
		var e *Error
		if err := try(); !errors.As(err, &e) || !e.Lasting() || e.Hint() != "name a file" || err.Error() != "no such file" {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := New(Options{Proxy: "env", Getenv: func(string) string { return "ftp://127.0.0.1" }})
	if e := (*Error)(nil); !errors.As(err, &e) || !strings.Contains(e.Hint(), "environment") {
		t.Errorf("%v", err)
	}
}
