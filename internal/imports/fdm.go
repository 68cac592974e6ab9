package imports

import (
	"slices"
	"strconv"
	"strings"
)

// fdmAction is what an action of an fdm.conf does with a message.
type fdmAction struct {
	line int
	kind string
	args []string
}

// fdmReader goes through the words of an fdm.conf.
type fdmReader struct {
	*file
	tokens   []fdmToken
	next     int
	accounts []Account
	actions  map[string]fdmAction
	found    Found // its remarks, as they come
	rules    []fdmRule
	verified bool // set verify-certificates
}

// fdmStatements begin a statement.
var fdmStatements = []string{"account", "action", "match", "set", "include"}

// fdm reads an fdm.conf: its accounts, and of its rules the first one that takes all mail. What is no fdm.conf is refused without a word
// of it: it may be a password.
func fdm(f *file) (*Found, error) {
	tokens, _, err := fdmTokens(f.text)
	if err != nil {
		return nil, err
	}
	r := &fdmReader{file: f, tokens: tokens, actions: map[string]fdmAction{}}
	for r.next < len(r.tokens) {
		if err := r.statement(); err != nil {
			return nil, err
		}
	}
	if len(r.accounts) == 0 && len(r.found.Remarks) == 0 {
		return nil, &Error{Text: "is no fdm.conf: it has no account"}
	}
	for i := range r.accounts {
		r.deliver(&r.accounts[i])
		if !r.verified {
			r.accounts[i].say(0, "verify-certificates", Changed, "fdm did not check certificates here; popsync always does")
		}
	}
	r.found.Accounts = r.accounts
	return &r.found, nil
}

// statement reads one statement: from its first word to the next word that begins one.
func (r *fdmReader) statement() error {
	first := r.tokens[r.next]
	switch {
	case !first.quoted && (first.text == "ifdef" || first.text == "ifndef" || first.text == "endif"):
		return &Error{first.line, "what stands between ifdef and endif cannot be translated: leave it out of a copy, and import that"}
	case !first.quoted && (first.text == "}" || first.text == "{"): // around rules below another rule
		r.next++
		return nil
	case first.quoted || !slices.Contains(fdmStatements, first.text):
		return &Error{first.line, "no statement of fdm begins so"}
	}
	end := r.next + 1
	for end < len(r.tokens) {
		t := r.tokens[end]
		statement := !t.quoted && slices.Contains(fdmStatements, t.text)
		// Within a rule, "account" and "action" are words of it.
		inRule := first.text == "match" && (t.text == "action" || t.text == "account" && t.line == r.tokens[end-1].line)
		if statement && !inRule || !t.quoted && (t.text == "ifdef" || t.text == "ifndef" || t.text == "endif") {
			break
		}
		end++
	}
	words := r.tokens[r.next:end]
	r.next = end
	switch first.text {
	case "account":
		if err := r.account(words); err != nil {
			what := "account"
			if len(words) > 1 && words[1].quoted {
				what += " " + quoted(words[1].text)
			}
			r.found.leaveOut(words[0].line, what, err)
		}
	case "action":
		r.action(words)
	case "match":
		r.match(words)
	case "set":
		r.set(words)
	case "include":
		name := ""
		if len(words) > 1 {
			name = quoted(words[1].text)
		}
		r.found.Remarks = append(r.found.Remarks, Remark{first.line, "include", Decide, "popsync opens no other file: import " + name + " as well"})
	}
	return nil
}

func (r *fdmReader) set(words []fdmToken) {
	if len(words) < 2 {
		return
	}
	key := words[1].text
	if key == "verify-certificates" {
		r.verified = true
		r.found.Remarks = append(r.found.Remarks, Remark{words[0].line, key, Done, ""})
		return
	}
	switch key {
	case "proxy":
		r.found.Remarks = append(r.found.Remarks, Remark{words[0].line, "set " + key, Decide, "without it popsync connects directly: write it as proxy in each account, see config.example.toml"})
	case "maximum-size":
		r.found.Remarks = append(r.found.Remarks, Remark{words[0].line, "set " + key, Decide, "write it as max_size in each account, see config.example.toml"})
	default:
		r.found.Remarks = append(r.found.Remarks, Remark{words[0].line, "set " + key, Unsupported, map[string]string{"purge-after": "see session_messages in config.example.toml"}[key]})
	}
}

func (r *fdmReader) action(words []fdmToken) {
	if len(words) < 3 {
		return
	}
	a := fdmAction{line: words[0].line, kind: words[2].text}
	for _, w := range words[3:] {
		if w.runs {
			a.kind = "a command of the shell"
		}
		a.args = append(a.args, w.text)
	}
	r.actions[words[1].text] = a
}

// fdmRule is a rule that takes all mail, of all accounts or of some.
type fdmRule struct {
	line     int
	accounts []string // nil: all
	action   string   // "": more than one, or what goes on to other rules
}

// match keeps a rule that takes all mail.
func (r *fdmReader) match(words []fdmToken) {
	rest := words[1:]
	rule, all := fdmRule{line: words[0].line}, false
	if len(rest) > 0 && !rest[0].quoted {
		switch rest[0].text {
		case "all":
			rest, all = rest[1:], true
		case "account", "accounts":
			rest, all = rest[1:], true
		}
		if all && len(rest) > 0 && !rest[0].quoted && (rest[0].text == "account" || rest[0].text == "accounts") {
			rest = rest[1:]
		}
		for all && len(rest) > 0 && (rest[0].quoted || rest[0].text == "{" || rest[0].text == "}") {
			if rest[0].quoted {
				rule.accounts = append(rule.accounts, rest[0].text)
			}
			rest = rest[1:]
		}
	}
	switch {
	case all && len(rest) == 2 && rest[0].text == "action" && rest[1].quoted:
		rule.action = rest[1].text
	case all && len(rest) > 0 && (rest[0].text == "action" || rest[0].text == "actions"):
	default:
		r.found.Remarks = append(r.found.Remarks, Remark{words[0].line, "match", Unsupported, "popsync does not sort mail: let a destination of type command do it"})
		return
	}
	r.rules = append(r.rules, rule)
}

// deliver gives an account the destination of the first rule that takes all its mail.
func (r *fdmReader) deliver(a *Account) {
	i := slices.IndexFunc(r.rules, func(rule fdmRule) bool { return rule.accounts == nil || slices.Contains(rule.accounts, a.Was) })
	if i < 0 {
		a.say(0, "match", Decide, "no rule of the file takes all its mail: choose where it goes")
		return
	}
	rule := r.rules[i]
	action, known := r.actions[rule.action]
	if !known {
		a.say(rule.line, "match", Decide, "its mail goes to more than one action, or to one that the file does not have: write a destination for each")
		return
	}
	key := "action " + quoted(rule.action)
	switch {
	case action.kind == "maildir" && len(action.args) > 0:
		r.maildir(a, action.line, key, strings.ReplaceAll(action.args[0], "%a", a.Was))
	case action.kind == "pipe" && len(action.args) > 0:
		r.command(a, action.line, key, action.args[0], nil)
	case action.kind == "smtp" || action.kind == "lmtp":
		r.relay(a, action, key)
	default:
		a.say(action.line, key, Decide, "popsync has no destination of type "+quoted(action.kind)+": choose a Maildir or another one")
	}
}

// relay is an action that gives mail to a server: server HOST [port PORT] ... to ADDRESS.
func (r *fdmReader) relay(a *Account, action fdmAction, key string) {
	after := func(word string) string {
		if i := slices.Index(action.args, word); i >= 0 && i+1 < len(action.args) {
			return action.args[i+1]
		}
		return ""
	}
	host, port := after("server"), after("port")
	if host == "" {
		a.say(action.line, key, Decide, "write the address of the server")
		return
	}
	if _, err := strconv.Atoi(port); err != nil {
		port = map[string]string{"smtp": "25", "lmtp": "24"}[action.kind]
	}
	d := Destination{Settings: Settings{{"type", action.kind}, {"address", host + ":" + port}}}
	if to := after("to"); to != "" {
		d.Settings.Set("to", []string{to})
		a.done(action.line, key)
	} else {
		a.say(action.line, key, Decide, `write the recipient: to = ["you@example.org"]`)
	}
	a.Deliver = append(a.Deliver, d)
}
