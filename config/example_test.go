package config

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The example shows a default as "# key = value", an alternative to a line above as "# or: key = value", and whole
// destinations that can be had as "#key = value" and "#[[table]]".
var (
	shownDefault = regexp.MustCompile(`(?m)^# ([a-z_]+ = .+)$`)
	alternative  = regexp.MustCompile(`(?m)^# or: (.+)$`)
	asleep       = regexp.MustCompile(`(?m)^#([a-z_]+ = .+|\[\[.+\]\]|\[oauth\..+\])$`)
	liveSecret   = regexp.MustCompile(`(?m)^password_command = .+$`)
	shownKey     = regexp.MustCompile(`(?m)^(?:#|# |# or: )?([a-z_]+) = .+$`)
)

func example(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../config.example.toml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// awake gives the example with all of its destinations.
func awake(t *testing.T) string {
	t.Helper()
	doc := example(t)
	if n := len(asleep.FindAllString(doc, -1)); n < 25 {
		t.Fatalf("only %d lines of examples", n)
	}
	return asleep.ReplaceAllString(doc, "$1")
}

func TestExampleShowsTheDefaults(t *testing.T) {
	mustParse(t, example(t)) // as it is for most people
	doc := awake(t)
	plain := mustParse(t, doc)
	full := shownDefault.ReplaceAllString(doc, "$1")
	if n := len(shownDefault.FindAllString(doc, -1)); n < 70 {
		t.Fatalf("only %d defaults are shown", n)
	}
	if got := mustParse(t, full); !reflect.DeepEqual(got, plain) {
		t.Errorf("with the shown defaults\n%+v\nwithout\n%+v", got, plain)
	}
	// One at a time, too: with all at once the account's keys would hide wrong ones at the top.
	for _, loc := range shownDefault.FindAllStringSubmatchIndex(doc, -1) {
		one := doc[:loc[0]] + doc[loc[2]:loc[3]] + doc[loc[1]:]
		if got := mustParse(t, one); !reflect.DeepEqual(got, plain) {
			t.Errorf("%s is not the default", doc[loc[2]:loc[3]])
		}
	}
}

func TestExampleAlternativesWork(t *testing.T) {
	doc := awake(t)
	found := alternative.FindAllStringSubmatchIndex(doc, -1)
	if len(found) != 6 {
		t.Fatalf("%d alternatives, want 6", len(found))
	}
	for i, m := range found {
		line := doc[m[2]:m[3]]
		secrets := liveSecret.FindAllStringIndex(doc[:m[0]], -1)
		last := secrets[len(secrets)-1]
		a := mustParse(t, doc[:last[0]]+line+doc[last[1]:]).Accounts[0]
		kind := string(a.Secret.Kind)
		switch {
		case i >= 4:
			kind = string(a.Deliver[slices.IndexFunc(a.Deliver, func(d Deliver) bool { return d.IMAP != nil })].IMAP.Secret.Kind)
		case i >= 2:
			kind = string(a.Deliver[2].SMTP.Secret.Kind)
		}
		if !strings.HasPrefix(line, kind+" = ") {
			t.Errorf("%s gave %s", line, kind)
		}
	}
}

// The destinations are those that a person looks for.
func TestExampleDestinations(t *testing.T) {
	got := map[string]string{}
	for _, d := range mustParse(t, awake(t)).Accounts[0].Deliver {
		_, _, place := typeOf(&d).place(&d)
		got[d.Type] += d.Name + ": " + strings.ReplaceAll(place, "\x00", " ") + "\n"
	}
	for _, of := range DeliverTypes() {
		if got[of] == "" {
			t.Errorf("there is none of type %s", of)
		}
	}
	for of, want := range map[string]string{
		"maildir": "maildir: /home/me/Mail/work\nquarantine: /home/me/Mail/quarantine\n",
		"smtp":    "main: me@example.org mail.example.org:587\npostfix: me@localhost localhost:25\n",
		"lmtp":    "dovecot: me@example.org unix:/run/dovecot/lmtp\neverybody: x-original-to 0 localhost:24\n",
		"imap":    "mailbox: imap.example.net:993 me@example.net INBOX\n",
		"mbox":    "file: /home/me/mail/work.mbox\n",
		"gmail":   "gmail: me@gmail.com\n",
		"command": "sorted: /usr/bin/maildrop -f {sender} /home/me/.popsync/mailfilter\n",
	} {
		if got[of] != want {
			t.Errorf("of type %s\n%swant\n%s", of, got[of], want)
		}
	}
}

func TestExampleShowsEveryKey(t *testing.T) {
	table := func(doc, header string) (before, after string) {
		t.Helper()
		before, after, ok := strings.Cut(doc, "\n"+header+"\n")
		if !ok {
			t.Fatalf("no %s where it is looked for", header)
		}
		return before, after
	}
	top, rest := table(example(t), "[log]")
	log, rest := table(rest, "[account.work]")
	account, rest := table(rest, "[[account.work.deliver]]")
	destinations, rest := table(rest, "[alarm]")
	alarm, rest := table(rest, "[control]")
	control, rest := table(rest, "[metrics]")
	metrics, limits := table(rest, "[limits]")
	c := &checker{}
	check := func(part string, known keys) {
		in := map[string]bool{}
		for _, m := range shownKey.FindAllStringSubmatch(part, -1) {
			in[m[1]] = true
		}
		for k := range known {
			switch k {
			case "deliver": // a table
			default:
				if !in[k] {
					t.Errorf("%s is not in the example", k)
				}
			}
		}
	}
	known := c.documentKeys(&Config{}, new(string))
	for _, k := range []string{"log", "account", "defaults", "alarm", "control", "metrics", "limits", "oauth"} {
		delete(known, k) // a table
	}
	check(top, known)
	check(log, logKeys(c.env, &Log{}))
	check(account, c.accountKeys("", &Account{}, &source{}))
	check(alarm, alarmKeys(c.env, &Alarm{}))
	check(control, controlKeys(c.env, new(string)))
	check(metrics, metricsKeys(c.env, &Metrics{}))
	check(limits, limitKeys(&Limits{}))
	// Each key stands with its type. lmtp refers to smtp, and what every destination has stands with the first.
	parts := map[string]string{}
	for part := range strings.SplitSeq(destinations, "[[account.work.deliver]]") {
		for _, t := range DeliverTypes() {
			if strings.Contains(part, "\ntype = \""+t+`"`) || strings.Contains(part, "\n#type = \""+t+`"`) {
				parts[t] += part
			}
		}
	}
	parts[typeSMTP] += parts[typeLMTP]
	parts[typeLMTP] = parts[typeSMTP]
	for _, t := range DeliverTypes() {
		known, _ := c.deliverKeys(t, &Deliver{})
		if t != maildirType().name {
			delete(known, "required")
			delete(known, "fallback")
		}
		check(parts[t], known)
	}
}
