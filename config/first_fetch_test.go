package config

import (
	"strings"
	"testing"
	"time"
)

func TestFirstFetch(t *testing.T) {
	for written, want := range map[string]FirstFetch{
		`"all"`: {}, `"new"`: {Kind: FirstFetchNew}, `"last 1"`: {Kind: FirstFetchLast, Last: 1}, `"last  100"`: {Kind: FirstFetchLast, Last: 100},
		`"30d"`: {Kind: FirstFetchAge, Age: 30 * 24 * time.Hour}, `"12h"`: {Kind: FirstFetchAge, Age: 12 * time.Hour},
	} {
		if got := mustParse(t, oneAccount("first_fetch = "+written, inMaildir)).Accounts[0].FirstFetch; got != want {
			t.Errorf("%s: %+v, want %+v", written, got, want)
		}
	}
	for written, want := range map[string]string{
		`"last 0"`: "are none", `"last"`: "is none of its values", `"last x"`: "does not say how many", `"last -1"`: "does not say how many",
		`"last 9999999999"`: "does not say how many", `"0d"`: "must be more than 0", `"New"`: "is none of its values", `""`: "is none of its values",
		`100`: "must be a text", `true`: "must be a text",
	} {
		_, err := Parse("f", []byte(oneAccount("first_fetch = "+written, inMaildir)), home, Options{})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "account.work.first_fetch") {
			t.Errorf("%s: %v, want %q", written, err, want)
		}
	}
}

// Accounts have these keys from [defaults], and what one says itself counts.
func TestPolicyFromDefaults(t *testing.T) {
	doc := "[defaults]\nfirst_fetch = \"new\"\ndelete = \"30d\"\ndelete_keep = 9\ndelete_larger = \"1MB\"\nlimit_size = \"2MB\"\n" +
		oneAccount("delete_keep = 0", inMaildir)
	a := mustParse(t, doc).Accounts[0]
	if a.FirstFetch.Kind != FirstFetchNew || a.DeleteKeep != 0 || a.DeleteLarger != 1e6 || a.LimitSize != 2e6 {
		t.Errorf("%+v", a)
	}
}

// Exceptions from a policy that there is not are odd.
func TestOddPolicy(t *testing.T) {
	for keys, want := range map[string]string{
		"delete_larger = \"1MB\"":                                                       `account.work.delete_larger: it does nothing: delete is "never"`,
		"delete = \"never\"\ndelete_keep = 3":                                           `account.work.delete_keep: it does nothing: delete is "never"`,
		"delete = \"after-delivery\"\ndelete_larger = \"1MB\"":                          `account.work.delete_larger: it does nothing: delete is "after-delivery"`,
		"delete = \"30d\"\ndelete_larger = \"25MB\"\nmax_size = \"25MB\"":               "account.work.delete_larger: it does nothing: what is larger than max_size",
		"delete = \"30d\"\ndelete_larger = \"1MB\"\nmax_size = \"25MB\"\ndelete_keep=1": "",
		"delete = \"after-delivery\"\ndelete_keep = 3":                                  "",
		"delete_keep = 0\ndelete_larger = 0":                                            "",
	} {
		got := odd(t, oneAccount(keys, inMaildir))
		if want == "" && len(got) > 0 || want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], want)) {
			t.Errorf("%q: %q, want %q", keys, got, want)
		}
	}
}
