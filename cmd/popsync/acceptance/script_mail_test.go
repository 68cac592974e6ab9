package acceptance_test

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/popsync/popsync/pop3/pop3test"
)

// shaped are words of the command server about its first messages: days=60,2 is how long ago it received them, octets=100,3000 how
// large they are.
func shaped(ts *testscript.TestScript, box []pop3test.Message, args []string) {
	for _, word := range args {
		key, value, _ := strings.Cut(word, "=")
		if key != "days" && key != "octets" {
			continue
		}
		for i, number := range strings.Split(value, ",") {
			n, err := strconv.Atoi(number)
			ts.Check(err)
			if key == "days" {
				at := time.Now().Add(-time.Duration(n) * 24 * time.Hour)
				box[i].Data = fmt.Appendf(nil, "Received: from a by b;\r\n\t%s\r\n%s", at.Format(time.RFC1123Z), box[i].Data)
			} else {
				box[i].Data = fmt.Appendf(nil, "Message-ID: <%s>\r\nSubject: %d octets\r\n\r\n%s\r\n", box[i].UID, n, strings.Repeat("x", n))
			}
		}
	}
}

// comes NAME UID...: messages of some octets come to a server.
func cmdComes(ts *testscript.TestScript, neg bool, args []string) {
	s := homeOf(ts).server(ts, args[0])
	for _, uid := range args[1:] {
		s.Deliver("u", pop3test.Message{UID: uid, Data: fmt.Appendf(nil, "Message-ID: <%[1]s>\r\nSubject: %[1]s\r\n\r\n%[1]s\r\n", uid)})
	}
}

// lists NAME UID...: a server has these messages, in this order, and no others.
func cmdLists(ts *testscript.TestScript, neg bool, args []string) {
	var got []string
	for _, m := range homeOf(ts).server(ts, args[0]).Messages("u") {
		got = append(got, m.UID)
	}
	if have, want := strings.Join(got, " "), strings.Join(args[1:], " "); have != want {
		ts.Fatalf("%s lists %q, want %q", args[0], have, want)
	}
}
