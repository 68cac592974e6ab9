package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/terminal/terminaltest"
)

var reportsOfDaemon = map[string]string{
	"home": `{"account":"home","new":7,"octets":2048,"kept":9,"duration_ns":1000000,"notes":["look"],"verdict":{"class":"ok"},"newer":1}`,
	"work": `{"account":"work","verdict":{"class":"login","message":"login refused","hint":"ask"}}`,
}

func reporting(_ context.Context, accounts []string, _ func(control.Progress)) (reports []json.RawMessage, err error) {
	for _, name := range accounts {
		reports = append(reports, json.RawMessage(reportsOfDaemon[name]))
	}
	return reports, nil
}

// A run is the daemon's when there is one, and looks as if it were our own; what it does not know is done here.
func TestRunByDaemon(t *testing.T) {
	p, d := newStation(t), &fakeDaemon{run: reporting}
	p.daemon(d)
	out, log := p.says(true, exit.Login, "run --verbose")
	has(t, out, "home     7    2.0 KiB  9     0        0        0       ok\n", "work     0    0 B      0     0        0        0       login\n",
		"home: look\n", "work: login refused\n  next step: ask\n", "new      0    0 B      0     0        0        0       temporary\n", "new: pop3: connect")
	has(t, log, `"msg":"pass finished","account":"home","new":7,"octets":2048,"kept":9`,
		`"msg":"pass failed","account":"work"`, `"error":"login refused","next_step":"ask"`, `"account":"new"`)
	out, _ = p.says(false, exit.OK, "run --json home")
	has(t, out, `"account":"home"`, `"new":7`)
	p.says(false, exit.Temp, "run --verbose new")            // the server is not there
	p.says(false, exit.Temp, "run --verbose --dry-run home") // is never the daemon's
	if want := []string{"run home work false", "run home true"}; !slices.Equal(d.asked, want) {
		t.Errorf("the daemon was asked %q, want %q", d.asked, want)
	}
	p.stop()
	p.says(false, exit.Temp, "run --verbose home")
}

// Another configuration's daemon is none of ours, whether it has a ledger of its own or ours.
func TestDaemonOfOthers(t *testing.T) {
	for name, tc := range map[string]struct {
		status control.Status
		told   string
	}{
		"another state directory": {control.Status{StateDir: "/elsewhere"}, "no daemon is running"},
		"another file":            {control.Status{PID: 42, Config: "/etc/other.toml"}, "no daemon of this configuration is running: the daemon that is running (pid 42) has another\n  configuration, /etc/other.toml"},
	} {
		t.Run(name, func(t *testing.T) {
			p, d := newStation(t), &fakeDaemon{run: reporting}
			if d.status = tc.status; d.status.StateDir == "" {
				d.status.StateDir = p.state
			} else {
				d.status.Config = p.file
			}
			d.status.Accounts = []control.Account{{Account: "home"}}
			p.daemon(d)
			p.says(false, exit.Temp, "run --verbose home")
			out, _ := p.says(false, exit.OK, "wake home")
			has(t, out, "home: the next run does not wait")
			p.says(false, exit.OK, "pause home")
			p.says(false, exit.OK, "resume home")
			out, _ = p.says(true, exit.OK, "status")
			has(t, out, tc.told)
			if len(d.asked) > 0 {
				t.Errorf("it was asked %q", d.asked)
			}
		})
	}
}

// What the daemon does not answer is told as it is.
func TestRunThatDaemonDoesNotFinish(t *testing.T) {
	p, d := newStation(t), &fakeDaemon{}
	p.daemon(d)
	for _, tc := range []struct {
		name string
		run  func(context.Context, []string, func(control.Progress)) ([]json.RawMessage, error)
		code int
		want string
	}{
		{"fails", func(context.Context, []string, func(control.Progress)) ([]json.RawMessage, error) {
			return []json.RawMessage{[]byte(reportsOfDaemon["home"])}, errors.New("out of\x1b[2J order")
		}, exit.Temp, `work: out of\x1b[2J order`},
		{"leaves one out", func(context.Context, []string, func(control.Progress)) ([]json.RawMessage, error) {
			return []json.RawMessage{[]byte(reportsOfDaemon["home"]), []byte(`{"odd":1}`), []byte(`[]`)}, nil
		}, exit.Internal, "work: the daemon gave no report"},
		{"does not know any more", func(_ context.Context, accounts []string, _ func(control.Progress)) ([]json.RawMessage, error) {
			return nil, &control.UnknownError{Accounts: accounts[:1]}
		}, exit.Temp, "home: pop3: connect"}, // so it was tried here
	} {
		t.Run(tc.name, func(t *testing.T) {
			d.run = tc.run
			out, _ := p.says(true, tc.code, "run --verbose home work")
			has(t, out, tc.want)
			if home := strings.Contains(out, "home     7"); home != (tc.code != exit.Temp || tc.name == "fails") {
				t.Errorf("the report that came is not used, or one that did not is:\n%s", out)
			}
		})
	}
}

func TestWakeAndPauseByDaemon(t *testing.T) {
	p, d := newStation(t), &fakeDaemon{}
	p.daemon(d)
	out, _ := p.says(false, exit.OK, "wake")
	has(t, out, "home: the daemon begins now\n", "work: the daemon begins now\n", "new: the daemon does not know it yet")
	out, _ = p.says(false, exit.OK, "pause work new")
	has(t, out, "work: paused", "new: paused")
	d.status.Accounts = []control.Account{{Account: "home"}, {Account: "work", Paused: true}}
	// Without names, what is paused is left alone and named; a name overrides that.
	out, _ = p.says(false, exit.OK, "wake")
	has(t, out, "home: the daemon begins now\n", "work: paused; popsync run work fetches it once, popsync resume work ends the pause\n", "new: paused since ")
	out, _ = p.says(false, exit.OK, "wake work")
	has(t, out, "work: the daemon begins now\n")
	out, _ = p.says(false, exit.OK, "pause work new")
	has(t, out, "work: was paused already\n", "new: was paused already, since ")
	out, _ = p.says(false, exit.OK, "resume home work new")
	has(t, out, "home: was not paused\n", "work: resumed\n", "new: resumed\n")
	out, _ = p.says(false, exit.OK, "resume new")
	has(t, out, "new: was not paused\n")
	if want := []string{"wake home new work", "pause work true", "pause new true", "wake home", "wake work", "pause work false", "pause new false"}; !slices.Equal(d.asked, want) {
		t.Errorf("the daemon was asked %q, want %q", d.asked, want)
	}
}

// watchedScreen tells when something is on it for the first time.
type watchedScreen struct {
	mu   sync.Mutex
	s    *terminaltest.Screen
	text string
	seen chan struct{}
}

func (w *watchedScreen) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.s.Write(p)
	if w.text != "" && strings.Contains(w.s.Text(), w.text) {
		w.text = ""
		close(w.seen)
	}
	return n, err
}

// On a terminal the daemon's progress is shown like our own, and nothing of it is left; elsewhere there is none.
func TestRunShowsProgress(t *testing.T) {
	p, d := newStation(t), &fakeDaemon{}
	w := &watchedScreen{s: terminaltest.New(300, 24), text: "home  3 of 4 messages  2.0 KiB of 4.0 KiB", seen: make(chan struct{})}
	live := false
	d.run = func(ctx context.Context, accounts []string, progress func(control.Progress)) ([]json.RawMessage, error) {
		progress(control.Progress{Account: "home", Messages: 3, Bytes: 2048, Planned: 4, PlannedBytes: 4096})
		if live {
			select {
			case <-w.seen:
			case <-ctx.Done():
			}
		}
		progress(control.Progress{Account: "home", Ended: true})
		return reporting(ctx, accounts, progress)
	}
	p.daemon(d)
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "1")
	size := func() (int, int) { return 100, 24 }
	live = true
	s := &console.Console{In: os.Stdin, Out: io.Discard, Err: w, ErrTerm: true, OutSize: size, ErrSize: size}
	if code := execute(t.Context(), []string{"run", "home"}, s); code != exit.OK {
		t.Errorf("exit code %d", code)
	}
	if lines := strings.Split(w.s.Text(), "\n"); len(lines) != 1 || !strings.Contains(lines[0], "pass finished") || w.s.Refused() != "" {
		t.Errorf("left on the screen (refused %s):\n%s", w.s.Refused(), w.s.Text())
	}
	live = false
	for _, tc := range []struct{ term, line string }{{"dumb", "run home"}, {"", "run home"}, {"xterm", "run --json home"}} {
		t.Setenv("TERM", tc.term)
		var plain bytes.Buffer
		s.Err = &plain
		if code := execute(t.Context(), strings.Fields(tc.line), s); code != exit.OK || strings.Contains(plain.String(), "\x1b") {
			t.Errorf("TERM=%s %s: exit code %d\n%q", tc.term, tc.line, code, plain.String())
		}
	}
}
