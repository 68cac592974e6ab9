package acceptance_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
)

// A server of 30 messages renumbers them, and one new one comes: a dry run says so, and the run does it.
func TestAcceptDryRunRenumbered(t *testing.T) {
	t.Parallel()
	messages := mailgen.Messages(5, 31, 300, 500)
	server, addr := serve(t, pop3test.Options{}, boxOf(messages[:30]))
	h := newHouse(t)
	h.account("a", addr, "u", "p", "Mail")
	h.run(0)
	box := boxOf(messages)
	for i := range box {
		box[i].UID = fmt.Sprintf("renumbered-%d", i)
	}
	server.AddUser("u", "p", box...)
	r := h.run(0, "--dry-run", "--verbose")
	if lines := strings.Split(strings.TrimSpace(r.out), "\n"); len(lines) != 5 || !strings.HasPrefix(lines[0], "a: 31 listed; would fetch 1 (") || !strings.Contains(lines[0], "keep 30") ||
		!strings.Contains(lines[3], `renumbered-30`) || !strings.HasPrefix(lines[4], "    20") {
		t.Errorf("the dry run says:\n%s", r.out)
	}
	if r = h.run(0, "--json"); !strings.Contains(r.out, `"new":1,`) || !strings.Contains(r.out, `"adopted":30`) {
		t.Errorf("the run says:\n%s", r.out)
	}
	same(t, wanted(messages...), arrived(t, h.mail("Mail")))
}
