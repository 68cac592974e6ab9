package config

import (
	"slices"
	"strings"
	"testing"
)

// Every newcomer types these, and each is told the key and a value that works here.
func TestKeysFromElsewhere(t *testing.T) {
	const deliver = "[[account.work.deliver]]\ntype = \"maildir\"\npath = \"/mail\"\n"
	const account = "[account.work]\nhost = \"h\"\nusername = \"u\"\n"
	for _, tc := range []struct{ doc, line, hint string }{
		{account + "keep = true\n" + deliver, "4: account.work.keep: unknown key", `delete = "never"`},
		{account + "ssl = true\n" + deliver, "4: account.work.ssl: unknown key", `tls = "implicit" (port 995)`},
		{account + "server = 'x'\n" + deliver, "4: account.work.server: unknown key", `host = "pop.example.org"`},
		{account + "enabled = false\n" + deliver, "4: account.work.enabled: unknown key", "popsync pause NAME"},
		{account + "mda = 'x'\n" + deliver, "4: account.work.mda: unknown key", `type = "command"`},
		{account + "oauth2 = true\n" + deliver, "4: account.work.oauth2: unknown key", `write oauth = "microsoft"`},
		{account + "user = 'x'\n" + deliver, "4: account.work.user: unknown key", `username = "me@example.org"`},
		{account + "pass = 'x'\n" + deliver, "4: account.work.pass: unknown key", "password_command"},
		{account + "folder = 'x'\n" + deliver, "4: account.work.folder: unknown key", `type = "maildir" and path`},
		{account + "interval = 10\n" + deliver, "4: account.work.interval: unknown key", `schedule = "@every 10m"`},
		{account + "poll = 10\n" + deliver, "4: account.work.poll: unknown key", `schedule = "@every 10m"`},
		{"interval = 10\n" + account + deliver, "1: interval: unknown key", `schedule = "@every 10m"`},
		{"logfile = 'x'\n" + account + deliver, "1: logfile: unknown key", `[log]`},
		{account + deliver + "dir = 'x'\n", "7: account.work.deliver[0].dir: unknown key", `path = "~/Mail/work"`},
		{account + deliver + "delete = 'never'\n", "7: account.work.deliver[0].delete: unknown key", `above [[account.NAME.deliver]]`},
		{account + deliver + "keep = true\n", "7: account.work.deliver[0].keep: unknown key", `delete = "never"`},
		{account + "[[account.work.deliver]]\ntype = \"smtp\"\naddress = 'h:25'\nto = ['a@b.c']\nhost = 'x'\n",
			"8: account.work.deliver[0].host: unknown key", `address = "mail.example.org:587"`},
	} {
		_, err := Parse("f", []byte(tc.doc), home, Options{})
		if err == nil || !strings.HasPrefix(err.Error(), "f:"+tc.line+" (") || !strings.Contains(err.Error(), tc.hint) {
			t.Errorf("%s\ngives: %v", tc.doc, err)
		}
	}
}

// A hint never shadows a key that there is, and never sends a person to one that there is not.
func TestHintsAreAboutOtherKeys(t *testing.T) {
	c := &checker{}
	account := c.accountKeys("", &Account{}, &source{})
	var socket string
	document := c.documentKeys(&Config{}, &socket)
	tables := map[string][]keys{"": {document}, "account": {account}, "deliver": nil}
	for _, typ := range DeliverTypes() {
		known, _ := c.deliverKeys(typ, &Deliver{})
		tables["deliver"] = append(tables["deliver"], known)
	}
	for name, words := range elsewhere {
		for word := range words {
			if slices.ContainsFunc(tables[name], func(k keys) bool { return k[word] != nil }) {
				t.Errorf("%q is a key of %q", word, name)
			}
		}
	}
}
