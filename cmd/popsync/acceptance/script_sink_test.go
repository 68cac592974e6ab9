package acceptance_test

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func (h *home) sink(ts *testscript.TestScript, name string) *sink {
	s := h.sinks[name]
	if s == nil {
		ts.Fatalf("there is no sink %q", name)
	}
	return s
}

// where is how an account's destination names it.
func (s *sink) where() (kind, address string) {
	if s.unix != "" {
		return "lmtp", "unix:" + s.unix
	}
	return "smtp", s.addr
}

// sink NAME [lmtp] [takes=N] [about=TEXT] ['VERB=REPLY']... starts a mail server that takes mail by SMTP, or LMTP, or changes what
// one says: REPLY to MAIL, RCPT, DATA or to the end of each message (end), after it took N, or only where TEXT is in the message.
// By SMTP, $NAME is its port. down ends it, up begins it anew.
func cmdSink(ts *testscript.TestScript, neg bool, args []string) {
	h, name := homeOf(ts), args[0]
	s := h.sinks[name]
	if s == nil {
		s = &sink{t: ts.Value(testKey{}).(testing.TB), addr: "127.0.0.1:0", seen: map[string]int{}}
		if len(args) > 1 && args[1] == "lmtp" {
			s.unix = ts.MkAbs(name + ".sock")
		}
		h.sinks[name] = s
		s.start()
		if _, port, err := net.SplitHostPort(s.addr); err == nil && s.unix == "" {
			ts.Setenv(name, port)
		}
	}
	replies, takes, about := map[string]string{}, 0, ""
	for _, word := range args[1:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "lmtp":
		case "about":
			about = value
		case "down":
			s.stop()
		case "up":
			s.start()
		case "takes":
			n, err := strconv.Atoi(value)
			ts.Check(err)
			takes = n
		default:
			replies[key] = value
		}
	}
	s.set(func(verb, arg string) string {
		if verb == "end" && !strings.Contains(arg, about) {
			return ""
		}
		if verb == "end" && takes > 0 {
			takes--
			return ""
		}
		return replies[verb]
	}, nil)
}

// took NAME N [BODIES]: the mail server has taken N messages, and seen BODIES of them to their end.
func cmdTook(ts *testscript.TestScript, neg bool, args []string) {
	s := homeOf(ts).sink(ts, args[0])
	if n := len(s.messages()); strconv.Itoa(n) != args[1] {
		ts.Fatalf("%s took %d messages, want %s", args[0], n, args[1])
	}
	if len(args) < 3 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if strconv.Itoa(s.ended) != args[2] {
		ts.Fatalf("%s saw %d messages, want %s", args[0], s.ended, args[2])
	}
}
