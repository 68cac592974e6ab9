package pop3test

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// authorization carries out what is allowed before login (RFC 1939, section 4).
func (s *Session) authorization(verb, arg string) bool {
	switch verb {
	case "STLS":
		return s.stls()
	case "USER":
		if !s.mayLogin() {
			return true
		}
		s.user = arg
		s.ok("send PASS")
	case "PASS":
		if s.mayLogin() {
			s.login(s.user, arg)
		}
	case "AUTH":
		if s.opt.NoAUTH {
			s.err("unknown command")
		} else if s.mayLogin() {
			return s.auth(arg)
		}
	default:
		s.err("unknown command, or not logged in")
	}
	return true
}

func (s *Session) mayLogin() bool {
	if s.opt.TLSOnly && !s.tls {
		s.err("[AUTH] plaintext logins are not allowed, use STLS")
		return false
	}
	return true
}

// stls starts TLS (RFC 2595, section 4); what the client sent too early is dropped.
func (s *Session) stls() bool {
	if s.opt.TLS == nil || s.tls {
		s.err("no TLS here")
		return true
	}
	s.ok("begin TLS")
	if s.w.Flush() != nil {
		return false
	}
	s.user = ""
	s.startTLS()
	return true
}

// auth does AUTH PLAIN, with and without initial response (RFC 5034, section 4).
func (s *Session) auth(arg string) bool {
	mechanism, initial, has := strings.Cut(arg, " ")
	if s.opt.Bearer != nil && (strings.EqualFold(mechanism, "XOAUTH2") || strings.EqualFold(mechanism, "OAUTHBEARER")) {
		return s.bearer(has)
	}
	if !strings.EqualFold(mechanism, "PLAIN") {
		s.err("unknown mechanism")
		return true
	}
	if !has {
		_, _ = s.w.WriteString("+ \r\n")
		if s.w.Flush() != nil {
			return false
		}
		line, err := s.r.ReadSlice('\n')
		if err != nil {
			return false
		}
		initial = string(bytes.TrimRight(line, "\r\n"))
	}
	raw, err := base64.StdEncoding.DecodeString(initial)
	parts := strings.Split(string(raw), "\x00")
	if err != nil || len(parts) != 3 {
		s.err("no PLAIN response")
		return true
	}
	s.login(parts[1], parts[2])
	return true
}

func (s *Session) login(user, password string) {
	s.srv.mu.Lock()
	b := s.srv.boxes[user]
	switch {
	case b == nil || b.password != password:
		s.srv.stats.Refused++
		s.srv.mu.Unlock()
		s.err("[AUTH] wrong user or password")
		return
	case s.opt.Exclusive && b.sessions > 0:
		s.srv.stats.Refused++
		s.srv.mu.Unlock()
		s.err("[IN-USE] mailbox is locked by another session")
		return
	}
	b.sessions++
	s.srv.stats.Logins++
	s.user, s.box, s.messages = user, b, b.messages
	s.srv.mu.Unlock()
	s.ok("logged in")
}
