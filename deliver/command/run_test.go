package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/program"
)

// "No such user" is the message's fault only if the command takes others.
func TestVouched(t *testing.T) {
	s := sender(t, Options{Args: []string{script(t, `grep -q hello && exit 0; exit 67`)}})
	other := "Subject: x\r\n\r\nother\r\n"
	if e := asError(t, s.Send(context.Background(), outgoing(other))); !e.Envelope || e.Vouched {
		t.Errorf("%+v", e)
	}
	must(t, s.Send(context.Background(), outgoing("Subject: x\r\n\r\nhello\r\n")))
	if e := asError(t, s.Send(context.Background(), outgoing(other))); !e.Vouched {
		t.Errorf("%+v", e)
	}
}

func TestExitCodes(t *testing.T) {
	path := script(t, `printf 'so \t\033[1m it\\ is\n\nend\n' >&2; echo no; exit "$1"`)
	for code := range 256 {
		s := sender(t, Options{Args: []string{path, strconv.Itoa(code)}})
		err := s.Send(context.Background(), outgoing(hello))
		if code == 0 {
			must(t, err)
			continue
		}
		e := asError(t, err)
		want := deliver.Error{Permanent: true}
		switch code {
		case 64, 69, 71, 72, 73, 74, 77, 78, 126, 127:
			want = deliver.Error{Scope: deliver.WholeTarget}
		case 75:
			want = deliver.Error{}
		case 67, 68:
			want.Envelope = true
		}
		if code >= 129 && code <= 159 {
			want = deliver.Error{Uncertain: true}
		}
		got := deliver.Error{Scope: e.Scope, Permanent: e.Permanent, Uncertain: e.Uncertain, Full: e.Full, Envelope: e.Envelope}
		if got != want || (e.Hint != "") != (e.Scope == deliver.WholeTarget) {
			t.Errorf("%d: %+v", code, e)
		}
		if name := sysexits[code]; !strings.Contains(e.Error(), fmt.Sprintf("exit code %d", code)) || !strings.Contains(e.Error(), name) {
			t.Errorf("%d: %v", code, e)
		}
		if !strings.Contains(e.Error(), `: so  \x1b[1m it\\ is\n\nend`) || strings.Contains(e.Error(), "end no") {
			t.Errorf("%d: %v", code, e)
		}
	}
}

func TestSignals(t *testing.T) {
	for name, text := range map[string]string{"it": "kill -9 $$", "its child": "sh -c 'kill -9 $$'"} {
		e := fails(t, sender(t, Options{Args: []string{script(t, text)}}), outgoing(hello))
		if e.Scope != deliver.ThisMessage || e.Permanent || !e.Uncertain {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// The output is bounded, its beginning and end are kept, and it never stops the command.
func TestOutput(t *testing.T) {
	e := fails(t, sender(t, Options{Args: []string{script(t, `echo begin >&2; head -c 3000000 /dev/zero >&2; head -c 3000000 /dev/zero; echo fin >&2; exit 1`)}}), outgoing(hello))
	text := strings.TrimPrefix(e.Err.Error(), "exit code 1: ")
	if len(text) > 500 || !strings.HasPrefix(text, `begin\n\x00`) || !strings.HasSuffix(text, `\x00fin`) || !strings.Contains(text, " ... ") {
		t.Errorf("%d: %s", len(text), text)
	}
	e = fails(t, sender(t, Options{Args: []string{script(t, `echo " on stdout "; exit 1`)}}), outgoing(hello))
	if e.Err.Error() != "exit code 1: on stdout" {
		t.Errorf("%v", e.Err)
	}
	e = fails(t, sender(t, Options{Args: []string{script(t, `exit 1`)}}), outgoing(hello))
	if e.Err.Error() != "exit code 1" {
		t.Errorf("%v", e.Err)
	}
	for n := 480; n < 5000; n += 7 { // every way to be clipped
		c := &program.Output{Head: keepOutput, Tail: keepOutput}
		for range n {
			_, _ = c.Write([]byte("x"))
		}
		_, _, lost := c.Kept()
		if got := said(c); len(got) > maxSaid || n <= maxSaid && len(got) != n || lost != (n > 2*keepOutput) {
			t.Fatalf("%d octets became %d", n, len(got))
		}
	}
}

// Whoever exits with 0 has taken the message, without a look at it too.
func TestUnreadMessage(t *testing.T) {
	big := hello + strings.Repeat("0123456789abcdef\r\n", 100_000)
	must(t, sender(t, Options{Args: []string{script(t, "exit 0")}}).Send(context.Background(), outgoing(big)))
	must(t, sender(t, Options{Args: []string{script(t, "exec <&-; exit 0")}}).Send(context.Background(), outgoing(big)))
}

// A program that ignores SIGTERM, whose child does too and holds the output open.
const stubborn = `trap '' TERM; echo hangs >&2
(while :; do sleep 0.05; done) & echo $! >"$1.child"
echo $$ >"$1.pid"; while :; do sleep 0.05; done`

func TestTimeout(t *testing.T) {
	path := script(t, stubborn)
	out := filepath.Join(filepath.Dir(path), "out")
	limit := 250 * time.Millisecond
	for run := true; run && limit < time.Minute; { // until the program has begun, which takes longer on a busy machine
		limit *= 2
		s := sender(t, Options{Args: []string{path, out}, Timeout: limit})
		s.grace = 100 * time.Millisecond
		began := time.Now()
		e := fails(t, s, outgoing(hello))
		if _, err := os.Stat(out + ".pid"); err != nil {
			continue
		}
		run = false
		if e.Scope != deliver.ThisMessage || e.Permanent || !e.Uncertain || !strings.Contains(e.Error(), fmt.Sprintf("no end within %v: hangs", limit)) {
			t.Errorf("%+v", e)
		}
		if took := time.Since(began); took < limit+s.grace || took > limit+30*time.Second {
			t.Errorf("it took %v", took)
		}
	}
	for _, f := range []string{".pid", ".child"} {
		if !gone(read(t, out+f)) {
			t.Errorf("%s goes on", f)
		}
	}
}

// The program obeys SIGTERM, its child does not.
func TestTimeoutEndsTheGroup(t *testing.T) {
	path := script(t, `(trap '' TERM; while :; do sleep 0.05; done) & echo $! >"$1.child"; wait`)
	out := filepath.Join(filepath.Dir(path), "out")
	err := os.ErrNotExist
	for limit := 500 * time.Millisecond; err != nil && limit < time.Minute; limit *= 2 { // until it has begun
		s := sender(t, Options{Args: []string{path, out}, Timeout: limit})
		s.grace, s.drain = time.Minute, 50*time.Millisecond
		fails(t, s, outgoing(hello))
		_, err = os.Stat(out + ".child")
	}
	if !gone(read(t, out+".child")) {
		t.Error("the child goes on")
	}
}

// Only an exit with 0 counts more than lost patience: by then somebody may already have what it calls refused.
func TestAnswersAfterTimeout(t *testing.T) {
	for code, want := range map[int]bool{0: true, 1: false, 75: false} {
		path := script(t, fmt.Sprintf(`trap 'exit %d' TERM; while :; do sleep 0.05; done`, code))
		s := sender(t, Options{Args: []string{path}, Timeout: 300 * time.Millisecond})
		err := s.Send(context.Background(), outgoing(hello))
		if want {
			must(t, err)
			continue
		}
		if e := asError(t, err); e.Permanent || !e.Uncertain || e.Scope != deliver.ThisMessage {
			t.Errorf("%d: %+v", code, e)
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	path := script(t, stubborn)
	out := filepath.Join(filepath.Dir(path), "out")
	s := sender(t, Options{Args: []string{path, out}})
	s.hurry = 50 * time.Millisecond // and not the grace of a program that takes too long
	go func() {
		defer cancel()
		for range 1000 {
			if b, _ := os.ReadFile(out + ".pid"); len(b) > 1 {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	e := asError(t, s.Send(ctx, outgoing(hello)))
	if !errors.Is(e, context.Canceled) || !e.Uncertain || e.Permanent || e.Scope != deliver.ThisMessage {
		t.Errorf("%+v", e)
	}
	if !gone(read(t, out+".pid")) || !gone(read(t, out+".child")) {
		t.Error("it goes on")
	}
	must(t, os.Remove(out+".pid"))
	var e2 *deliver.Error
	if err := s.Send(ctx, outgoing(hello)); err != context.Canceled || errors.As(err, &e2) {
		t.Errorf("cancelled before: %v", err)
	}
	if _, err := os.Stat(out + ".pid"); err == nil {
		t.Error("it was started with a context that had ended")
	}
}

// A descendant that keeps the output open after the command has ended is let live, and does not hold us up.
func TestHeldOutput(t *testing.T) {
	path := script(t, `sleep 600 & echo $! >"$1"; exit "$2"`)
	out := filepath.Join(filepath.Dir(path), "out")
	for _, code := range []string{"0", "75"} {
		s := sender(t, Options{Args: []string{path, out, code}})
		s.drain = 50 * time.Millisecond
		began := time.Now()
		if err := s.Send(context.Background(), outgoing(hello)); (err == nil) != (code == "0") {
			t.Errorf("%s: %v", code, err)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("it took %v", took)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(read(t, out)))
		must(t, err)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Errorf("it was killed: %v", err)
		}
	}
}

func TestOwnGroup(t *testing.T) {
	path := script(t, `ps -o pid=,pgid= -p $$ >"$1" 2>/dev/null || { read -r pid _ _ _ pgid _ </proc/$$/stat; echo $pid $pgid >"$1"; }`)
	out := filepath.Join(filepath.Dir(path), "out")
	must(t, sender(t, Options{Args: []string{path, out}}).Send(context.Background(), outgoing(hello)))
	if f := strings.Fields(read(t, out)); len(f) != 2 || f[0] != f[1] {
		t.Errorf("pid and group: %v", f)
	}
}

func TestNotStarted(t *testing.T) {
	noShebang := script(t, "")
	must(t, os.WriteFile(noShebang, []byte("echo x\n"), 0o700))
	noInterpreter := script(t, "")
	must(t, os.WriteFile(noInterpreter, []byte("#!/nowhere/sh\n"), 0o700))
	for name, o := range map[string]Options{
		"missing":        {Args: []string{"/nowhere/mda"}},
		"a folder":       {Args: []string{"/etc"}},
		"not executable": {Args: []string{"/etc/passwd"}},
		"no #!":          {Args: []string{noShebang}},
		"no interpreter": {Args: []string{noInterpreter}},
		"no dir":         {Args: []string{"/bin/cat"}, Dir: "/nowhere"},
		"too long":       {Args: []string{"/bin/cat", strings.Repeat("x", 3<<20)}},
	} {
		e := fails(t, sender(t, o), outgoing(hello))
		person := name == "missing" || name == "not executable" || name == "no dir"
		if e.Scope != deliver.WholeTarget || e.Permanent != person || e.Uncertain || name != "too long" && name != "a folder" && e.Hint == "" {
			t.Errorf("%s: %+v", name, e)
		}
		if strings.Count(e.Error(), o.Args[0]+":") > 1 {
			t.Errorf("%s: it repeats itself: %v", name, e)
		}
	}
	for _, errno := range []syscall.Errno{syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.EACCES} {
		s := sender(t, Options{Args: []string{"/bin/cat"}})
		e := asError(t, s.notStarted(&os.PathError{Op: "fork/exec", Path: "/bin/cat", Err: errno}))
		if e.Scope != deliver.WholeTarget || e.Permanent || e.Hint == "" || !errors.Is(e, errno) {
			t.Errorf("%v: %+v", errno, e)
		}
	}
}
