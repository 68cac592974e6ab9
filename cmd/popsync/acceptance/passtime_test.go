package acceptance_test

import (
	"strings"
	"testing"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
)

// A pass that takes as long as one may and brings mail ends with a note and no failure, and the daemon goes on at once until
// all mail is there. One that brings nothing in that time fails.
func TestAcceptPassTime(t *testing.T) {
	t.Parallel()
	mail := mailgen.Messages(41, 12, 3500, 4000)
	o := pop3test.Options{OnReply: slowly(8000)} // half a second each
	h := newHouse(t)
	h.env = append(h.env, "XDG_RUNTIME_DIR=", "RUNTIME_DIRECTORY=")
	h.rewrite("[log]", "[limits]\npass_time = \"4s\"\nbatch_messages = 1\n[log]")
	s, addr := serve(t, o, boxOf(mail))
	h.account("slow", addr, "u", "p", "Mail", `pipelining = false`, `schedule = "@every 24h"`)
	r := h.run(0, "--json", "slow")
	if !strings.Contains(r.out, `"pass_time":true`) || !strings.Contains(r.out, "the rest comes with the next one") {
		t.Errorf("run: %s%s", r.out, r.err)
	}
	if n := arrived(t, h.mail("Mail")).len(); n == 0 || n == len(mail) {
		t.Errorf("%d messages came in a pass that had to end", n)
	}
	if r := h.popsync("status"); !strings.Contains(r.out, "limits.pass_time") || !strings.Contains(r.out, " ok\n") {
		t.Errorf("status:\n%s", r.out)
	}
	d := h.daemon()
	d.holds("Mail", mail...)
	d.stops(0)

	h.rewrite("pass_time = \"4s\"", "pass_time = \"300ms\"")
	s.Deliver("u", pop3test.Message{UID: "late", Data: []byte("Subject: late\r\n\r\n" + strings.Repeat("x\r\n", 2000))})
	r = h.run(75, "--json", "slow")
	if !strings.Contains(r.out, `"pass_time":true`) || !strings.Contains(r.out, "brought nothing") {
		t.Errorf("run: %s%s", r.out, r.err)
	}
}
