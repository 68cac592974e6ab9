package providers

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// Every domain of the table leads to what its line says, and nothing of the table is left out. The table is small, and its licence
// lies beside it.
func TestTable(t *testing.T) {
	if len(table) > 64<<10 {
		t.Errorf("%d octets", len(table))
	}
	if !strings.HasPrefix(table, "# ") || !strings.Contains(table[:400], "MPL-2.0") {
		t.Error("the table does not begin with its licence")
	}
	if text, err := os.ReadFile("table/LICENSE"); err != nil || !strings.Contains(string(text), "Mozilla Public License Version 2.0") {
		t.Errorf("the licence: %v", err)
	}
	providers, domains := 0, 0
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		providers++
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 8 || f[3] != "implicit" && f[3] != "starttls" {
			t.Errorf("%q", line)
			continue
		}
		for _, d := range strings.Fields(f[7]) {
			p, ok := Of(d)
			if !ok || p.Host != f[1] || strconv.Itoa(p.Port) != f[2] || p.StartTLS != (f[3] == "starttls") || p.Name != f[0] {
				t.Errorf("%s: %+v, %v", d, p, ok)
			}
			if p.Username != map[string]string{"address": "%EMAILADDRESS%", "local-part": "%EMAILLOCALPART%"}[f[4]] && p.Username != f[4] {
				t.Errorf("%s: user name %s", d, p.Username)
			}
			if p.OAuth != strings.Contains(f[5], "OAuth2") || p.Password != strings.Contains(f[5], "password-") || !p.OAuth && !p.Password {
				t.Errorf("%s: %s: %+v", d, f[5], p)
			}
			if (p.Interval > 0) != strings.Contains(f[6], "interval=") {
				t.Errorf("%s: %s: %v", d, f[6], p.Interval)
			}
			domains++
		}
	}
	if providers != 110 || domains != 834 {
		t.Errorf("%d providers, %d domains", providers, domains)
	}
	if p, ok := Of("example.org"); ok {
		t.Errorf("example.org: %+v", p)
	}
}

func TestNear(t *testing.T) {
	for typed, want := range map[string]string{
		"gmial.com": "gmail.com", "gmail.co": "gmail.com", "gmai.com": "gmail.com", "ggmail.com": "gmail.com", "gnail.con": "gmail.com",
		"outlok.com": "outlook.com", "hotmial.com": "hotmail.com", "wbe.de": "web.de", "web.d": "web.de", "gmx.d": "gmx.de",
		"t-onlin.de": "t-online.de", "yaho.com": "yahoo.com",
		// known, and too far
		"gmail.com": "", "web.de": "", "example.org": "", "ab.de": "", "posteo.example": "",
	} {
		if got := Near(typed); got != want {
			t.Errorf("%s: %q, want %q", typed, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"ab", "ba", 1}, {"abc", "abd", 1}, {"abcd", "acbd", 1}, {"abc", "xyz", 3}, {"kitten", "sitten", 1}, {"abcdef", "abc", 3}} {
		if got := distance(tt.a, tt.b, 2); got != tt.want {
			t.Errorf("%s %s: %d", tt.a, tt.b, got)
		}
	}
}
