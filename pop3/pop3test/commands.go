package pop3test

import (
	"strconv"
	"strings"
)

func (s *Session) capa() {
	if s.opt.NoCAPA {
		s.err("unknown command")
		return
	}
	s.ok("capabilities follow")
	line := func(words string) { _, _ = s.w.WriteString(words + "\r\n") }
	if !s.opt.NoTOP {
		line("TOP")
	}
	if !s.opt.NoUIDL {
		line("UIDL")
	}
	line("RESP-CODES")
	line("AUTH-RESP-CODE")
	if !s.opt.NoPipelining {
		line("PIPELINING")
	}
	if s.opt.TLS != nil && !s.tls {
		line("STLS")
	}
	if !s.opt.TLSOnly || s.tls {
		line("USER")
		if !s.opt.NoAUTH {
			line("SASL PLAIN" + s.bearers())
		}
	}
	line("IMPLEMENTATION popsync-pop3test")
	line(".")
}

// transaction carries out what is allowed after login (RFC 1939, section 5).
func (s *Session) transaction(verb, arg string) {
	switch {
	case verb == "STAT":
		n, octets := 0, int64(0)
		for i, m := range s.messages {
			if !s.deleted[i] {
				n++
				octets += m.size()
			}
		}
		_, _ = s.w.WriteString("+OK " + strconv.Itoa(n) + " " + strconv.FormatInt(octets, 10) + "\r\n")
	case verb == "LIST":
		s.scan(arg, func(b []byte, i int) []byte { return strconv.AppendInt(b, s.messages[i].size(), 10) })
	case verb == "UIDL" && !s.opt.NoUIDL:
		s.scan(arg, func(b []byte, i int) []byte { return append(b, s.uid(i)...) })
	case verb == "RETR":
		if i, ok := s.index(arg); ok {
			m := s.messages[i]
			if s.opt.HideRetr {
				s.hidden[m] = true
			}
			s.srv.count(func(st *Stats) { st.Retrieved[m.UID]++ })
			s.ok("message follows")
			_ = writeMessage(s.w, m.open(), -1)
		}
	case verb == "TOP" && !s.opt.NoTOP:
		num, lines, _ := strings.Cut(arg, " ")
		if i, ok := s.index(num); ok {
			n, err := strconv.Atoi(lines)
			if err != nil || n < 0 {
				s.err("wrong number of lines")
				return
			}
			s.ok("top follows")
			_ = writeMessage(s.w, s.messages[i].open(), n)
		}
	case verb == "DELE":
		if i, ok := s.index(arg); ok {
			uid := s.messages[i].UID
			if s.opt.OnDelete != nil {
				s.opt.OnDelete(s.user, uid)
			}
			s.deleted[i] = true
			s.srv.count(func(st *Stats) { st.Deleted[uid]++ })
			s.ok("marked")
		}
	case verb == "RSET":
		clear(s.deleted)
		s.ok("")
	default:
		s.err("unknown command")
	}
}

func (s *Session) uid(i int) string {
	if s.opt.UIDs != nil {
		return s.opt.UIDs(i, *s.messages[i])
	}
	return s.messages[i].UID
}

// scan answers LIST and UIDL, for one message or all.
func (s *Session) scan(arg string, value func(b []byte, i int) []byte) {
	line := func(b []byte, i int) []byte {
		b = append(strconv.AppendInt(b, int64(i+1), 10), ' ')
		return append(value(b, i), '\r', '\n')
	}
	if arg != "" {
		if i, ok := s.index(arg); ok {
			_, _ = s.w.Write(line([]byte("+OK "), i))
		}
		return
	}
	s.ok("listing follows")
	var b []byte
	for i := range s.messages {
		if !s.deleted[i] {
			b = line(b[:0], i)
			_, _ = s.w.Write(b)
		}
	}
	_, _ = s.w.WriteString(".\r\n")
}

// index finds a message by the number in arg; it answers -ERR when there is none.
func (s *Session) index(arg string) (int, bool) {
	n, err := strconv.Atoi(strings.TrimSpace(arg))
	if err != nil || n < 1 || n > len(s.messages) || s.deleted[n-1] {
		s.err("no such message")
		return 0, false
	}
	return n - 1, true
}
