package config

import (
	"net/url"
	"strings"
	"time"
)

// Alarm says who is told when a person is needed, and when.
type Alarm struct {
	Maildir bool     // by a message in the first Maildir of the account
	Command []string // by a program: its absolute path and its arguments; no shell; empty: none
	Webhook Secret   // by HTTP POST to this URL, which may hold a token: https, or http to this machine; "": none

	After  time.Duration // how long trouble that may pass by itself lasts before it is told; more than 0
	Parked int           // so many parked messages of an account are told; 0: never

	Skipped bool // messages that are larger than max_size are told
}

func defaultAlarm() Alarm { return Alarm{Maildir: true, After: 6 * time.Hour, Parked: 1} }

func alarmKeys(env Env, a *Alarm) keys {
	return keys{
		"maildir": boolean(&a.Maildir),
		"command": programOrNone(env, &a.Command),
		"webhook": webhook(&a.Webhook),
		"after":   duration(&a.After),
		"parked":  integer(&a.Parked, 0, 1_000_000),
		"skipped": boolean(&a.Skipped),
	}
}

// programOrNone accepts what the command of a destination may be, or an empty list.
func programOrNone(env Env, dst *[]string) convert {
	program := env.argv(dst, `["/usr/local/bin/tell-me"]`, true)
	return func(v any) *fault {
		if list, ok := v.([]any); ok && len(list) == 0 {
			*dst = nil
			return nil
		}
		return program(v)
	}
}

// webhook accepts a URL, or "". It shows nothing of it: chat services put the permission to write into it.
func webhook(dst *Secret) convert {
	var s string
	checked := text(&s, checkWebhook)
	return func(v any) *fault {
		f := checked(v)
		if f == nil {
			*dst = Secret{}
			if s != "" {
				*dst = newSecret(s)
			}
		}
		return f
	}
}

func checkWebhook(s string) *fault {
	const hint = "copy the whole URL, which begins with https://"
	if s == "" {
		return nil
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return &fault{text: "not a URL: there is a space or a character beyond ASCII in it", hint: hint}
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" {
		return &fault{text: "not a URL", hint: hint}
	}
	host := u.Hostname()
	if checkHost(host) != nil {
		return &fault{text: "not a URL: the name of the host can't be used", hint: hint}
	}
	if p := u.Port(); p != "" || strings.HasSuffix(u.Host, ":") {
		if _, f := parsePort(p); f != nil {
			return &fault{text: "not a URL: the port is not one of 1 to 65535", hint: hint}
		}
	}
	switch {
	case u.Scheme == "https" || u.Scheme == "http" && loopback(host):
		return nil
	case u.Scheme == "http":
		return &fault{text: "would send alarms, and the URL itself, in the clear",
			hint: "write https://, http:// is for this machine only"}
	}
	return &fault{text: "not a URL of the web", hint: hint}
}
