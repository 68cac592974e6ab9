package deliver_test

import (
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
)

func TestReceivedIsBounded(t *testing.T) {
	long := strings.Repeat("x", 200)
	for _, host := range []string{"", "a b", "a\r\nBcc: x", long, long[:64], long[:65], "h\xff", "-", "a..b", "ok.example"} {
		got := deliver.Received(host, "a)\r\nX: "+long, long+"\r\n", time.Unix(0, 0))
		lines := strings.Split(got, "\r\n")
		if len(lines) != 6 || lines[5] != "" || strings.ContainsAny(strings.Join(lines, ""), "\r\n") {
			t.Fatalf("%q", got)
		}
		for i, l := range lines[:5] {
			if len(l) > 78 || i > 0 && l[0] != ' ' {
				t.Errorf("%q", l)
			}
		}
		if by := lines[2]; host != "ok.example" && host != long[:64] && by != " by localhost with POP3" {
			t.Errorf("%q for %q", by, host)
		}
	}
}
