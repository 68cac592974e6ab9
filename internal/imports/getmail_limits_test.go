package imports

import (
	"strings"
	"testing"
)

// What getmail limits and deletes by size has its keys here; what deletes is a comment.
func TestGetmailSizes(t *testing.T) {
	const rc = "[retriever]\ntype = SimplePOP3SSLRetriever\nserver = pop.example.net\nusername = a\n[destination]\ntype = Maildir\npath = ~/Mail/in/\n[options]\n"
	for options, want := range map[string]string{
		"max_bytes_per_session = 3000":                             "limit_size = \"3000\"",
		"delete_bigger_than = 800":                                 "delete = \"never\"\n# delete = \"36500d\"\n# delete_larger = 800\n",
		"delete_bigger_than = 800\ndelete_after = 30":              "delete = \"never\"\n# delete = \"30d\"\n# delete_larger = 800\n",
		"delete = true\ndelete_bigger_than = 800":                  "delete = \"never\"\n# delete = \"after-delivery\"\n",
		"delete_bigger_than = 0\nmax_bytes_per_session = 0\nx = 1": "delete = \"never\"\n",
	} {
		config, remarks := written(t, Getmail, []byte(rc+options+"\n"))
		if !strings.Contains(config, want) || strings.Contains(config, "delete_larger") != strings.Contains(want, "delete_larger") || strings.Contains(config, "limit_size") != strings.Contains(want, "limit_size") {
			t.Errorf("%q:\n%s\nwant %s", options, config, want)
		}
		if strings.Contains(remarks, "delete_bigger_than: not supported") || strings.Contains(remarks, "max_bytes_per_session: not supported") {
			t.Errorf("%q:\n%s", options, remarks)
		}
	}
}
