package pop3test

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// bearers are the mechanisms for access tokens, as they are announced.
func (s *Session) bearers() string {
	if s.opt.Bearer == nil {
		return ""
	}
	return " XOAUTH2 OAUTHBEARER"
}

// bearer does AUTH XOAUTH2 and OAUTHBEARER (RFC 7628). A response in the command ends the connection, as at Exchange; a refusal
// comes with a challenge first.
func (s *Session) bearer(initial bool) bool {
	if initial {
		s.err("Protocol error. Connection is closed. 10")
		return false
	}
	response, ok := s.challenge("")
	if !ok {
		return false
	}
	raw, err := base64.StdEncoding.DecodeString(response)
	if err != nil {
		s.err("not base64")
		return true
	}
	user, token := "", ""
	for field := range strings.SplitSeq(string(raw), "\x01") {
		if v, ok := strings.CutPrefix(field, "user="); ok {
			user = v
		}
		if v, ok := strings.CutPrefix(field, "auth=Bearer "); ok {
			token = v
		}
		if v, ok := strings.CutPrefix(field, "n,a="); ok {
			user = strings.NewReplacer("=2C", ",", "=3D", "=").Replace(strings.TrimSuffix(v, ","))
		}
	}
	if !s.opt.Bearer(user, token) {
		s.srv.mu.Lock()
		s.srv.stats.Refused++
		s.srv.mu.Unlock()
		if _, ok := s.challenge(base64.StdEncoding.EncodeToString([]byte(`{"status":"401","schemes":"bearer","scope":"mail"}`))); !ok {
			return false
		}
		s.err("[AUTH] authentication failed")
		return true
	}
	s.srv.mu.Lock()
	password := ""
	if b := s.srv.boxes[user]; b != nil {
		password = b.password
	}
	s.srv.mu.Unlock()
	s.login(user, password)
	return true
}

// challenge sends one and reads the answer.
func (s *Session) challenge(text string) (response string, ok bool) {
	_, _ = s.w.WriteString("+ " + text + "\r\n")
	if s.w.Flush() != nil {
		return "", false
	}
	var line []byte
	for {
		part, err := s.r.ReadSlice('\n')
		line = append(line, part...)
		if err == nil {
			return string(bytes.TrimRight(line, "\r\n")), true
		}
		if len(part) == 0 || len(line) > 1<<20 {
			return "", false
		}
	}
}
