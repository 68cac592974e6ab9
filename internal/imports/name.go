package imports

import (
	"strconv"
	"strings"
)

// Name gives each account without a name one that popsync accepts, near to what it was called, and none of them twice.
func (f *Found) Name() {
	taken := map[string]bool{}
	for _, a := range f.Accounts {
		taken[a.Name] = true
	}
	for i := range f.Accounts {
		a := &f.Accounts[i]
		if a.Name != "" {
			continue
		}
		base := fit(a.Was)
		for n := 1; a.Name == "" || taken[a.Name]; n++ {
			a.Name = base
			if n > 1 {
				tail := "-" + strconv.Itoa(n)
				a.Name = base[:min(len(base), 64-len(tail))] + tail
			}
		}
		taken[a.Name] = true
		numberDestinations(a)
	}
}

// fit makes a name of popsync: up to 64 of a-z 0-9 . _ -, of which the first is no dot and no hyphen.
func fit(s string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(s) {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '.' || r == '_' || r == '-' {
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			b.WriteRune(r)
			gap = false
			continue
		}
		gap = true
	}
	s = strings.TrimLeft(b.String(), ".-")
	s = s[:min(len(s), 64)]
	if s == "" {
		return "mail"
	}
	return s
}

// numberDestinations gives destinations of one type different names.
func numberDestinations(a *Account) {
	count := map[string]int{}
	for i := range a.Deliver {
		d := &a.Deliver[i]
		t, _ := d.Settings.Get("type").(string)
		if count[t]++; count[t] > 1 && d.Settings.Get("name") == nil {
			d.Settings.Set("name", t+strconv.Itoa(count[t]))
		}
	}
}
