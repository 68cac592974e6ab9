package config

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// The example shows a default as "# key = value" and an alternative as "# or: key = value".
var (
	shownDefault = regexp.MustCompile(`(?m)^# ([a-z_]+ = .+)$`)
	alternative  = regexp.MustCompile(`(?m)^# or: (.+)$`)
	liveSecret   = regexp.MustCompile(`(?m)^password_command = .+$`)
	shownKey     = regexp.MustCompile(`(?m)^(?:# (?:or: )?)?([a-z_]+) = .+$`)
)

func example(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../config.example.toml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestExampleShowsTheDefaults(t *testing.T) {
	doc := example(t)
	plain := mustParse(t, doc)
	full := shownDefault.ReplaceAllString(doc, "$1")
	if n := len(shownDefault.FindAllString(doc, -1)); n < 25 {
		t.Fatalf("only %d defaults are shown", n)
	}
	if got := mustParse(t, full); !reflect.DeepEqual(got, plain) {
		t.Errorf("with the shown defaults\n%+v\nwithout\n%+v", got, plain)
	}
	// One at a time, too: with all at once the account's schedule would hide a wrong one at the top.
	for _, loc := range shownDefault.FindAllStringSubmatchIndex(doc, -1) {
		one := doc[:loc[0]] + doc[loc[2]:loc[3]] + doc[loc[1]:]
		if got := mustParse(t, one); !reflect.DeepEqual(got, plain) {
			t.Errorf("%s is not the default", doc[loc[2]:loc[3]])
		}
	}
}

func TestExampleAlternativesWork(t *testing.T) {
	doc := example(t)
	found := alternative.FindAllStringSubmatch(doc, -1)
	if len(found) != 2 {
		t.Fatalf("%d alternatives, want 2", len(found))
	}
	for _, m := range found {
		c := mustParse(t, liveSecret.ReplaceAllString(doc, m[1]))
		if kind := string(c.Accounts[0].Secret.Kind); !strings.HasPrefix(m[1], kind+" = ") {
			t.Errorf("%s gave %s", m[1], kind)
		}
	}
}

func TestExampleShowsEveryKey(t *testing.T) {
	in := map[string]bool{}
	for _, m := range shownKey.FindAllStringSubmatch(example(t), -1) {
		in[m[1]] = true
	}
	c := &checker{}
	for _, known := range []keys{
		c.documentKeys(&Config{}), logKeys(&Log{}), limitKeys(&Limits{}),
		c.accountKeys("", &Account{}, &source{}), c.maildirKeys(&Deliver{}),
	} {
		for k := range known {
			switch k {
			case "log", "limits", "account", "deliver": // tables
			default:
				if !in[k] {
					t.Errorf("%s is not in the example", k)
				}
			}
		}
	}
}
