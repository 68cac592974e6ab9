package imports

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// thunderbird reads the prefs.js of a profile. It holds only what differs from Thunderbird's own defaults, and no passwords.
func thunderbird(f *file) (*Found, error) {
	prefs, at, err := userPrefs(f.text)
	if err != nil {
		return nil, err
	}
	list, _ := prefs["mail.accountmanager.accounts"].(string)
	if list == "" {
		return nil, &Error{Text: "has no mail accounts: is it the prefs.js of a Thunderbird profile?"}
	}
	found := &Found{}
	for account := range strings.SplitSeq(list, ",") {
		account = strings.TrimSpace(account)
		server, _ := prefs["mail.account."+account+".server"].(string)
		get := func(key string) any { return prefs["mail.server."+server+"."+key] }
		line := func(key string) int { return at["mail.server."+server+"."+key] }
		kind, _ := get("type").(string)
		if kind != "pop3" {
			if kind != "" && kind != "none" {
				host, _ := get("hostname").(string)
				found.Remarks = append(found.Remarks, Remark{line("type"), quoted(host), Unsupported, "popsync fetches by POP3, this account is of type " + quoted(kind)})
			}
			continue
		}
		a, err := thunderbirdAccount(get, line)
		if err != nil {
			found.leaveOut(line("hostname"), "account "+quoted(account), err)
			continue
		}
		found.Accounts = append(found.Accounts, *a)
	}
	if len(found.Accounts) == 0 && found.failed == nil {
		return nil, &Error{Text: "has no account that fetches by POP3"}
	}
	return found, nil
}

func thunderbirdAccount(get func(string) any, line func(string) int) (*Account, error) {
	str := func(key string) string { s, _ := get(key).(string); return s }
	num := func(key string, usual int) int {
		if n, ok := get(key).(int); ok {
			return n
		}
		return usual
	}
	yes := func(key string, usual bool) bool {
		if b, ok := get(key).(bool); ok {
			return b
		}
		return usual
	}
	a := &Account{Was: str("name")}
	if a.Was == "" || fit(a.Was) == "mail" {
		a.Was = str("userName")
	}
	host := str("realhostname") // older versions kept the first one, and wrote changes here
	if host == "" {
		host = str("hostname")
	}
	if err := a.host(line("hostname"), host); err != nil {
		return nil, err
	}
	a.done(line("hostname"), "hostname")
	port := ""
	if n := num("port", -1); n > 0 {
		port = strconv.Itoa(n)
		a.done(line("port"), "port")
	}
	kind := map[int]string{3: "implicit"}[num("socketType", 0)]
	if kind == "" {
		kind = "starttls"
	}
	if err := a.protect(line("port"), kind, port); err != nil {
		return nil, err
	}
	if n := num("socketType", 0); n != 2 && n != 3 {
		a.plaintext(line("socketType"), "socketType")
	} else {
		a.done(line("socketType"), "socketType")
	}
	user := str("realuserName")
	if user == "" {
		user = str("userName")
	}
	if user != "" {
		a.set("username", user)
	} else {
		a.say(line("userName"), "userName", Decide, "write the user name: username")
	}
	a.done(line("userName"), "userName")
	thunderbirdLogin(a, line("authMethod"), num("authMethod", 3))
	if yes("check_new_mail", true) {
		a.set("schedule", "@every "+strconv.Itoa(max(1, num("check_time", 10)))+"m")
		a.done(line("check_time"), "check_time")
	} else {
		a.say(line("check_new_mail"), "check_new_mail", Changed, "popsync's daemon fetches on its schedule; popsync run fetches when you run it")
	}
	thunderbirdDeletion(a, line, num, yes)
	for key, why := range map[string]string{
		"headers_only":               "whole messages are fetched",
		"delete_mail_left_on_server": "popsync does not see what you delete locally",
		"limit_offline_message_size": "large messages are fetched; see max_size in config.example.toml",
		"deferred_to_account":        "mail goes where the destinations of the account say",
		"empty_trash_on_exit":        "popsync has no trash",
	} {
		if get(key) != nil && get(key) != false {
			a.say(line(key), key, Unsupported, why)
		}
	}
	for _, key := range []string{"directory-rel", "directory"} {
		if get(key) != nil {
			a.say(line(key), key, Changed, "popstate.dat in that folder has what was fetched before: popsync import takes it over, with --state and --into")
		}
	}
	a.say(0, "destination", Decide, "Thunderbird's own folders cannot be delivered to: choose where the mail goes")
	a.say(0, "password", Changed, "Thunderbird keeps passwords encrypted: give it to popsync again")
	return a, nil
}

func thunderbirdLogin(a *Account, line, method int) {
	switch method {
	case 2, 3:
		a.done(line, "authMethod")
	case 10:
		a.say(line, "authMethod", Decide, "the account logs in with OAuth: see oauth in config.example.toml")
	case 5, 6, 7, 1:
		a.say(line, "authMethod", Decide, "popsync cannot log in that way: try a password")
	default: // 4: APOP or CRAM-MD5, which popsync uses when they are named
		a.say(line, "authMethod", Decide, `the password went encrypted: set auth = "cram-md5" or "apop", or leave it out, since TLS protects it`)
	}
}

func thunderbirdDeletion(a *Account, line func(string) int, num func(string, int) int, yes func(string, bool) bool) {
	restore := ""
	switch {
	case !yes("leave_on_server", false):
		restore = ageOf(0)
	case yes("delete_by_age_from_server", false):
		restore = ageOf(num("num_days_to_leave_on_server", 7))
	}
	a.never(line("leave_on_server"), "leave_on_server", restore)
}

// userPrefs reads lines such as user_pref("KEY", VALUE); into texts, whole numbers and truth values.
func userPrefs(s string) (prefs map[string]any, at map[string]int, err error) {
	prefs, at = map[string]any{}, map[string]int{}
	for i, l := range strings.Split(s, "\n") {
		l = strings.TrimSpace(l)
		inner, ok := strings.CutPrefix(l, "user_pref(")
		if !ok {
			continue
		}
		inner = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(strings.TrimSuffix(inner, ";")), ")"))
		var pair []any
		if json.Unmarshal([]byte("["+scriptText(inner)+"]"), &pair) != nil || len(pair) != 2 {
			continue // a value that Thunderbird writes for others
		}
		k, ok := pair[0].(string)
		if !ok {
			continue
		}
		if n, ok := pair[1].(float64); ok {
			pair[1] = int(n)
		}
		prefs[k], at[k] = pair[1], i+1
	}
	if len(prefs) == 0 {
		return nil, nil, &Error{Text: "is no prefs.js: no line begins with user_pref("}
	}
	return prefs, at, nil
}

// scriptText turns \xNN, which JavaScript has and JSON has not, into \u00NN. Whatever follows another \ stays as it is.
func scriptText(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\' || i+1 == len(s):
			b.WriteByte(s[i])
		case s[i+1] == 'x' && i+3 < len(s):
			fmt.Fprintf(&b, `\u00%s`, s[i+2:i+4])
			i += 3
		case s[i+1] == '\'':
			b.WriteByte('\'')
			i++
		default:
			b.WriteString(s[i : i+2])
			i++
		}
	}
	return b.String()
}
