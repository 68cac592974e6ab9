package imports

import (
	"slices"
	"strings"
)

// options reads what follows the name of a server: its own options, then users with theirs. user is where options of users go
// before there is one, which only the defaults entry has.
func (r *fmReader) options(server, user *fmOptions, s *fmServer) error {
	for r.next < len(r.tokens) {
		line, w := r.line(), r.word()
		switch w {
		case "poll", "skip", "server", "defaults", "set":
			return nil
		case "here", "there":
			r.next++
			continue
		case "user", "username":
			if s == nil {
				return &Error{line, "a user in the defaults"}
			}
			r.next++
			name, err := r.text("the name of the user")
			if err != nil {
				return err
			}
			user = r.user.copy()
			user.put("user", line, false, name.doubt, []string{name.text})
			s.users = append(s.users, user)
			continue
		}
		off := false
		if rest, ok := strings.CutPrefix(w, "no"); ok && rest != "" && r.known(rest) {
			off, w = true, rest
		} else if w == "no" {
			r.next++
			off, w = true, r.word()
		}
		n, isServer := fmServerOptions[w]
		target := server
		if !isServer {
			var isUser bool
			if n, isUser = fmUserOptions[w]; !isUser {
				return &Error{line, "not an option of fetchmail"} // perhaps a part of a password: it is not repeated
			}
			if target = user; target == nil {
				if s == nil {
					return &Error{line, quoted(w) + " stands before a user"}
				}
				user = r.user.copy()
				s.users = append(s.users, user)
				target = user
			}
		} else if s != nil && len(s.users) > 0 {
			return &Error{line, "an option of the server stands after a user: " + quoted(w)}
		}
		r.next++
		if off {
			n = 0
		}
		if err := r.values(target, w, line, off, n); err != nil {
			return err
		}
	}
	return nil
}

func (r *fmReader) known(w string) bool {
	_, server := fmServerOptions[w]
	_, user := fmUserOptions[w]
	return server || user
}

// values reads the n words of an option, or all that follow up to the next keyword.
func (r *fmReader) values(o *fmOptions, key string, line int, off bool, n int) error {
	var values []string
	doubt := false
	if n == many {
		for r.next < len(r.tokens) && (r.tokens[r.next].quoted || !r.keyword()) {
			t := r.tokens[r.next]
			doubt = doubt || t.doubt
			if t.text == "=" && !t.quoted && len(values) > 0 && r.next+1 < len(r.tokens) { // 'a'='b': who it is here
				r.next++
				values[len(values)-1] += "=" + r.tokens[r.next].text
			} else {
				values = append(values, t.text)
			}
			r.next++
		}
	}
	for range max(n, 0) {
		t, err := r.text(quoted(key))
		if err != nil {
			return err
		}
		doubt = doubt || t.doubt
		values = append(values, t.text)
		if key == "envelope" && number(t.text) { // envelope 1 "Delivered-To"
			n = 2
			t, err := r.text(quoted(key))
			if err != nil {
				return err
			}
			values = append(values, t.text)
		}
	}
	if same, ok := fmSame[key]; ok {
		key = same
	}
	if key == "to" {
		key = "is"
	}
	if key == "is" || key == "smtphost" {
		values = slices.Concat(o.value[key], values)
		if len(o.value[key]) > 0 && key == "is" && o.line[key] == 0 {
			values = values[len(o.value[key]):]
		}
	}
	o.put(key, line, off, doubt, values)
	return nil
}

func number(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
