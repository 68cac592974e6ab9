package acceptance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/pop3/pop3test"
)

// While popsync works its memory is closed and it has no core dumps; what it starts is as open as anything, but has no
// core dumps either.
func TestNoDump(t *testing.T) {
	h := newHouse(t)
	_, addr := serve(t, pop3test.Options{}, boxOf([][]byte{[]byte("Subject: x\r\n\r\nx\r\n")}))
	out := filepath.Join(h.dir, "out")
	script := filepath.Join(h.dir, "look")
	look := "#!/bin/sh\nexec >'" + out + "'\nstat -c %u /proc/$PPID/mem\ngrep 'core file' /proc/$PPID/limits /proc/self/limits\nstat -c %u /proc/self/mem\n"
	if err := os.WriteFile(script, []byte(look), 0o700); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		t.Log("as root only the limits can be told apart")
	}
	h.work(addr, "[[account.work.deliver]]\ntype = \"command\"\ncommand = [\""+script+"\"]\n")
	h.run(0)
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(strings.Fields(string(b)), " ")
	if strings.Count(got, "Max core file size 0 0 bytes") != 2 {
		t.Errorf("%s", got)
	}
	if os.Getuid() != 0 && !strings.HasPrefix(got, "0 ") {
		t.Errorf("its memory is open: %s", got)
	}
}
