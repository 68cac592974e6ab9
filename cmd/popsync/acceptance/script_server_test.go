package acceptance_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

// scripted is a server of a script, with user "u" and scriptPassword as the password.
type scripted struct {
	*pop3test.Server
	listener net.Listener
	waiting  chan struct{} // closed when a command was left without an answer
	wg       sync.WaitGroup

	mu    sync.Mutex
	raw   fault.Script // plays instead of the server; nil: it does not
	tls   *tls.Config  // from the first byte; nil: plaintext
	conns map[net.Conn]bool
	done  bool
}

func (h *home) server(ts *testscript.TestScript, name string) *scripted {
	s := h.servers[name]
	if s == nil {
		ts.Fatalf("there is no server %q", name)
	}
	return s
}

// messages are all that the server had at the beginning.
func (s *scripted) messages() (all [][]byte) {
	for _, m := range s.Messages("u") {
		all = append(all, m.Data)
	}
	return all
}

func (s *scripted) serve() {
	defer s.wg.Done()
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		raw, secure := s.raw, s.tls
		s.conns[conn] = true
		done := s.done
		s.mu.Unlock()
		if done {
			conn.Close()
			return
		}
		s.wg.Go(func() {
			switch {
			case raw != nil:
				_ = raw.Run(conn)
			case secure != nil:
				s.ServeConn(tls.Server(conn, secure))
			default:
				s.ServeConn(conn)
			}
		})
	}
}

func (s *scripted) close() {
	s.listener.Close()
	s.mu.Lock()
	s.done = true
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.Server.Close()
	s.wg.Wait()
}

// server NAME BEHAVIOUR... starts a server and sets $NAME to its port. It has three messages of 2 KB, if not told
// otherwise, and is well-behaved but for what is told.
func cmdServer(ts *testscript.TestScript, neg bool, args []string) {
	h, name := homeOf(ts), args[0]
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	s := &scripted{listener: listener, waiting: make(chan struct{}), conns: map[net.Conn]bool{}}
	o := pop3test.Options{}
	box := make([]pop3test.Message, 3)
	for _, word := range args[1:] {
		key, value, _ := strings.Cut(word, "=")
		if key == "messages" {
			n, err := strconv.Atoi(value)
			ts.Check(err)
			box = make([]pop3test.Message, n)
			continue
		}
		behave := behaviours[key]
		if behave == nil {
			ts.Fatalf("no server behaves %q", key)
		}
		behave(ts, s, &o, value)
	}
	for i := range box {
		box[i].UID = fmt.Sprintf("%s-%d", name, i+1)
		box[i].Data = fmt.Appendf(nil, "Message-ID: <%d@%s>\r\nSubject: message %d\r\n\r\n%s", i, name, i+1,
			strings.Repeat("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n", 31))
		if size, ok := liar(args); ok {
			box[i].ListSize = size
		}
	}
	shaped(ts, box, args[1:])
	s.Server = pop3test.NewServer(o)
	s.AddUser("u", scriptPassword, box...)
	h.servers[name] = s
	ts.Setenv(name, strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
	s.wg.Add(1)
	go s.serve()
}

func liar(args []string) (int64, bool) {
	for _, a := range args {
		if v, ok := strings.CutPrefix(a, "size="); ok {
			n, err := strconv.ParseInt(v, 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// reform NAME makes a server well-behaved from the next session on; its TLS stays, with a sound certificate.
func cmdReform(ts *testscript.TestScript, neg bool, args []string) {
	h := homeOf(ts)
	s := h.server(ts, args[0])
	sound, err := h.ca.Server("127.0.0.1")
	ts.Check(err)
	s.mu.Lock()
	s.raw = nil
	if s.tls != nil {
		s.tls = sound
	}
	s.mu.Unlock()
	s.Change(func(o *pop3test.Options) {
		with := o.TLS != nil
		*o = pop3test.Options{}
		if with {
			o.TLS = sound
		}
	})
}

// leaves NAME UID: a message leaves the server, by another client.
func cmdLeaves(ts *testscript.TestScript, neg bool, args []string) {
	s := homeOf(ts).server(ts, args[0])
	all := s.Messages("u")
	for i, m := range all {
		if m.UID == args[1] {
			s.AddUser("u", scriptPassword, slices.Delete(slices.Clone(all), i, i+1)...)
			return
		}
	}
	ts.Fatalf("%s has no message %s", args[0], args[1])
}

// waits NAME returns once the server has left a command without an answer.
func cmdWaits(ts *testscript.TestScript, neg bool, args []string) {
	select {
	case <-homeOf(ts).server(ts, args[0]).waiting:
	case <-time.After(patience):
		ts.Fatalf("nobody waits for %s", args[0])
	}
}

type behaviour func(ts *testscript.TestScript, s *scripted, o *pop3test.Options, value string)

// behaviours are what servers do, by the words of the command server.
var behaviours = map[string]behaviour{
	"tls":        implicit((*pop3test.CA).Server, "127.0.0.1"),
	"expired":    implicit((*pop3test.CA).Expired, "127.0.0.1"),
	"wrong-name": implicit((*pop3test.CA).Server, "192.0.2.1"),
	"unknown-ca": func(ts *testscript.TestScript, s *scripted, _ *pop3test.Options, _ string) {
		other, err := pop3test.NewCA()
		ts.Check(err)
		s.tls, err = other.Server("127.0.0.1")
		ts.Check(err)
	},
	"starttls": func(ts *testscript.TestScript, s *scripted, o *pop3test.Options, _ string) {
		var err error
		o.TLS, err = homeOf(ts).ca.Server("127.0.0.1")
		ts.Check(err)
	},
	"starttls-expired": func(ts *testscript.TestScript, s *scripted, o *pop3test.Options, _ string) {
		var err error
		o.TLS, err = homeOf(ts).ca.Expired("127.0.0.1")
		ts.Check(err)
	},

	"greets":       played(func(text string) fault.Script { return fault.Script{fault.Send(text + "\r\n")} }),
	"hangs-up":     played(func(string) fault.Script { return fault.Script{} }),
	"mute":         played(func(string) fault.Script { return fault.Script{fault.Stalled()} }),
	"endless-line": played(func(string) fault.Script { return fault.Script{fault.Send("+OK "), fault.Repeat("talk ")} }),

	"tls-old": func(ts *testscript.TestScript, s *scripted, _ *pop3test.Options, _ string) {
		conf, err := homeOf(ts).ca.Server("127.0.0.1")
		ts.Check(err)
		conf.MinVersion, conf.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		s.tls = conf
	},
	"tls-rsa": func(ts *testscript.TestScript, s *scripted, _ *pop3test.Options, _ string) {
		conf, err := homeOf(ts).ca.Server("127.0.0.1")
		ts.Check(err)
		conf.MaxVersion, conf.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
		s.tls = conf
	},

	"auth":    replies("AUTH"),
	"closes":  closes, // at a command
	"login":   replies("PASS", "AUTH"),
	"no-retr": replies("RETR"),
	"no-dele": replies("DELE"),
	"echoes": func(_ *testscript.TestScript, _ *scripted, o *pop3test.Options, _ string) {
		o.OnCommand = func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
			if verb == "PASS" || verb == "AUTH" {
				return &pop3test.Reply{Raw: []byte("-ERR no such password: " + arg + " (" + scriptPassword + ")\r\n")}
			}
			return nil
		}
	},
	"stalls": func(_ *testscript.TestScript, s *scripted, o *pop3test.Options, verb string) {
		var once sync.Once
		o.OnCommand = func(_ *pop3test.Session, v, _ string) *pop3test.Reply {
			if v == verb {
				once.Do(func() { close(s.waiting) })
				<-s.Done()
			}
			return nil
		}
	},
	// refuses=UIDL -ERR why: it answers a command so.
	"refuses": func(ts *testscript.TestScript, s *scripted, o *pop3test.Options, what string) {
		verb, reply, _ := strings.Cut(what, " ")
		replies(verb)(ts, s, o, reply)
	},
	// closes-at=DELE:3ff2: it closes when that command asks for the message whose unique-id ends so.
	"closes-at": func(_ *testscript.TestScript, _ *scripted, o *pop3test.Options, what string) {
		verb, end, _ := strings.Cut(what, ":")
		o.OnCommand = func(s *pop3test.Session, v, arg string) *pop3test.Reply {
			num, _, _ := strings.Cut(arg, " ")
			n, _ := strconv.Atoi(num)
			if v == verb && strings.HasSuffix(s.UID(n), end) {
				return &pop3test.Reply{Close: true}
			}
			return nil
		}
	},
	"cuts": func(ts *testscript.TestScript, _ *scripted, o *pop3test.Options, after string) {
		n, err := strconv.ParseInt(after, 10, 64)
		ts.Check(err)
		o.Wrap = func(c net.Conn) net.Conn { return fault.Wrap(c, fault.Plan{Kind: fault.Close, After: n}) }
	},
	"endless-listing": func(_ *testscript.TestScript, s *scripted, o *pop3test.Options, _ string) {
		o.NoPipelining = true
		o.OnCommand = func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
			if verb != "UIDL" && verb != "LIST" {
				return nil
			}
			var b bytes.Buffer
			b.WriteString("+OK\r\n")
			for i := range 5000 {
				fmt.Fprintf(&b, "%d %d\r\n", i+1, i+1000)
			}
			return &pop3test.Reply{Raw: b.Bytes(), Close: true}
		}
	},
	// lists=1,3,3: UIDL and LIST have these numbers.
	"lists": func(_ *testscript.TestScript, s *scripted, o *pop3test.Options, numbers string) {
		o.OnCommand = func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
			if verb != "UIDL" && verb != "LIST" || arg != "" {
				return nil
			}
			var b strings.Builder
			b.WriteString("+OK\r\n")
			for _, n := range strings.Split(numbers, ",") {
				if verb == "LIST" {
					fmt.Fprintf(&b, "%s 2000\r\n", n)
				} else {
					fmt.Fprintf(&b, "%s uid-%s\r\n", n, n)
				}
			}
			b.WriteString(".\r\n")
			return &pop3test.Reply{Raw: []byte(b.String())}
		}
	},
	"uids": func(ts *testscript.TestScript, s *scripted, o *pop3test.Options, kind string) {
		o.UIDs = func(i int, _ pop3test.Message) string {
			switch kind {
			case "spaces":
				return fmt.Sprintf("one two  %d ", i)
			case "8-bit":
				return fmt.Sprintf("\xff\xfe\x80\xc3\xa4-%d", i)
			case "empty":
				return ""
			case "equal":
				return "the same"
			}
			n, err := strconv.Atoi(kind)
			if err != nil {
				return kind
			}
			return strings.Repeat("x", n-1) + strconv.Itoa(i)
		}
	},
	"size":     func(*testscript.TestScript, *scripted, *pop3test.Options, string) {}, // see liar
	"days":     func(*testscript.TestScript, *scripted, *pop3test.Options, string) {}, // see shaped
	"octets":   func(*testscript.TestScript, *scripted, *pop3test.Options, string) {},
	"no-uidl":  func(_ *testscript.TestScript, _ *scripted, o *pop3test.Options, _ string) { o.NoUIDL = true },
	"keeps":    func(_ *testscript.TestScript, _ *scripted, o *pop3test.Options, _ string) { o.QuitKeeps = true },
	"no-top":   func(_ *testscript.TestScript, _ *scripted, o *pop3test.Options, _ string) { o.NoTOP = true },
	"tls-only": func(_ *testscript.TestScript, _ *scripted, o *pop3test.Options, _ string) { o.TLSOnly = true },
}

func implicit(sign func(*pop3test.CA, ...string) (*tls.Config, error), host string) behaviour {
	return func(ts *testscript.TestScript, s *scripted, _ *pop3test.Options, _ string) {
		var err error
		s.tls, err = sign(homeOf(ts).ca, host)
		ts.Check(err)
	}
}

// closes hangs up instead of answering a command.
func closes(_ *testscript.TestScript, _ *scripted, o *pop3test.Options, verb string) {
	o.NoAUTH = true
	o.OnCommand = func(_ *pop3test.Session, v, _ string) *pop3test.Reply {
		if v == verb {
			return &pop3test.Reply{Close: true}
		}
		return nil
	}
}

// played is a server that follows a script instead of speaking POP3.
func played(script func(value string) fault.Script) behaviour {
	return func(_ *testscript.TestScript, s *scripted, _ *pop3test.Options, value string) { s.raw = script(value) }
}

// replies answers some commands with the value.
func replies(verbs ...string) behaviour {
	return func(_ *testscript.TestScript, _ *scripted, o *pop3test.Options, value string) {
		o.OnCommand = func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
			for _, v := range verbs {
				if v == verb {
					return &pop3test.Reply{Raw: []byte(value + "\r\n")}
				}
			}
			return nil
		}
	}
}
