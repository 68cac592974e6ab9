package metrics

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/internal/unixsocket"
)

func TestCheckListen(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:9110":           "tcp 127.0.0.1:9110",
		"127.255.0.9:1":            "tcp 127.255.0.9:1",
		"localhost:9110":           "tcp 127.0.0.1:9110",
		"[::1]:9110":               "tcp [::1]:9110",
		"[::ffff:127.0.0.1]:65535": "tcp 127.0.0.1:65535",
		"unix:/run/p/m.sock":       "unix /run/p/m.sock",

		"":                                  "is written",
		"9110":                              "is written",
		"127.0.0.1":                         "is written",
		":9110":                             "this machine only",
		"0.0.0.0:9110":                      "this machine only",
		"[::]:9110":                         "this machine only",
		"10.1.2.3:9110":                     "this machine only",
		"[::ffff:10.0.0.1]:9110":            "this machine only",
		"*:9110":                            "this machine only",
		"mail.example.org:9110":             "this machine only",
		"localhost.:9110":                   "this machine only",
		"127.1:9110":                        "this machine only",
		"\x1b[2J:9110":                      "is written",
		"\x1b:9110":                         `"\x1b" is not`,
		"127.0.0.1:0":                       "no port",
		"127.0.0.1:http":                    "no port",
		"127.0.0.1:65536":                   "no port",
		"127.0.0.1:":                        "no port",
		"unix:":                             "absolute path",
		"unix:m.sock":                       "absolute path",
		"unix:@abstract":                    "absolute path",
		"unix:/a\x00b":                      "absolute path",
		"unix:/" + strings.Repeat("x", 103): "at most 103",
	} {
		network, address, err := parseListen(listen)
		got := network + " " + address
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) || (err == nil) != (got == want) || (CheckListen(listen) == nil) != (err == nil) {
			t.Errorf("%q: %s, want %s", listen, got, want)
		}
	}
}

// Whatever is accepted is an address of this machine, and nothing panics.
func FuzzCheckListen(f *testing.F) {
	f.Fuzz(func(t *testing.T, listen string) {
		network, address, err := parseListen(listen)
		switch {
		case err != nil:
			for _, c := range []byte(err.Error()) {
				if c < ' ' || c > '~' {
					t.Fatalf("the error repeats %q", c)
				}
			}
		case network == "unix":
			if !filepath.IsAbs(address) || len(address) > unixsocket.MaxPath {
				t.Fatalf("%q: socket %q", listen, address)
			}
		default:
			if a, err := netip.ParseAddrPort(address); err != nil || !a.Addr().IsLoopback() || a.Port() == 0 {
				t.Fatalf("%q: %s %q", listen, network, address)
			}
		}
	})
}

func TestListenOnASocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.sock")
	l, err := Listen("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := Listen("unix:" + path); err == nil || !strings.Contains(err.Error(), "another process listens") {
		t.Errorf("twice: %v", err)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the second one took the socket away: %v", err)
	}
	c.Close()

	// A process that was killed leaves the file.
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Fatal(err)
	}
	l, err = Listen("unix:" + path)
	if err != nil {
		t.Fatalf("stale socket: %v", err)
	}
	l.Close()
	if _, err := os.Lstat(path); err == nil {
		t.Error("the socket outlived its listener")
	}

	// What is no socket is not ours to remove, not even through a link.
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := path + ".link"
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, link, filepath.Dir(path)} {
		if _, err := Listen("unix:" + p); err == nil || !strings.Contains(err.Error(), "something else") {
			t.Errorf("%s: %v", p, err)
		}
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "precious" {
		t.Errorf("the file: %q, %v", b, err)
	}
	if _, err := Listen("unix:" + path + ".d/x"); err == nil {
		t.Error("no directory and no error")
	}
}

func TestListenRefuses(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:9110", ":9110", "[::]:9110", "unix:here"} {
		if l, err := Listen(listen); err == nil {
			l.Close()
			t.Errorf("%s was opened at %s", listen, l.Addr())
		} else if err := New(Options{}).Serve(t.Context(), listen); err == nil {
			t.Errorf("%s was served", listen)
		}
	}
}
