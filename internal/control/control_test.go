package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestQuestionsAndAnswers(t *testing.T) {
	at := time.Unix(1790000000, 0).UTC()
	d := &daemon{status: Status{PID: 7, Version: "1.2", Started: at, Config: "/c", StateDir: "/s", Accounts: []Account{
		{Account: "home", NextRun: at, Progress: &Progress{Account: "home", Messages: 3, Planned: 9}}, {Account: "work", Paused: true},
	}}}
	c, end := start(t, place(t), d)
	ctx := t.Context()
	st, err := c.Status(ctx)
	if err != nil || !reflect.DeepEqual(st, d.status) {
		t.Errorf("status %+v, %v; want %+v", st, err, d.status)
	}
	unknown, err := c.Wake(ctx, []string{"home", "unknown"})
	if err != nil || !reflect.DeepEqual(unknown, []string{"unknown"}) || len(d.woken) != 1 {
		t.Errorf("wake: unknown %v, %v; asked %v", unknown, err, d.woken)
	}
	if _, err := c.Wake(ctx, nil); err != nil || len(d.woken) != 2 || len(d.woken[1]) != 0 {
		t.Errorf("wake all: %v; asked %v", err, d.woken)
	}
	if err := errors.Join(c.Pause(ctx, "home", true), c.Pause(ctx, "work", false)); err != nil {
		t.Error(err)
	}
	if !d.paused["home"] || d.paused["work"] {
		t.Errorf("paused: %v", d.paused)
	}
	var u *UnknownError
	if err := c.Pause(ctx, "unknown", true); !errors.As(err, &u) || u.Accounts[0] != "unknown" {
		t.Errorf("pause of an unknown account: %v", err)
	}
	if err := c.Pause(ctx, "panics", true); err == nil || !strings.Contains(err.Error(), "as told") {
		t.Errorf("a panic of the daemon is told as %v", err)
	}
	if err := c.Pause(ctx, "../etc", true); err == nil {
		t.Error("a name that no account can have was taken")
	}
	if done, err := c.Reload(ctx); err != nil || done != (Reloaded{Accounts: 3, Added: 1, Removed: 2}) {
		t.Error(done, err)
	}
	d.reload = errors.New("line 3: no")
	if _, err := c.Reload(ctx); err == nil || err.Error() != "line 3: no" {
		t.Errorf("reload: %v", err)
	}
	d.reload = &ReloadError{Text: "line 3: no\nline 4: neither", NextStep: "mend both"}
	_, err = c.Reload(ctx)
	if problem, ok := errors.AsType[*ReloadError](err); !ok || problem.NextStep != "mend both" || problem.Text != "line 3: no\nline 4: neither" {
		t.Errorf("reload: %#v", err)
	}
	end()
	if _, err := c.Status(ctx); !errors.Is(err, ErrNoDaemon) {
		t.Errorf("after the daemon's end: %v", err)
	}
}

func TestRunStreams(t *testing.T) {
	seen := make(chan Progress, 10)
	d := &daemon{run: func(_ context.Context, accounts []string, asked bool, progress func(Progress)) ([]json.RawMessage, error) {
		if accounts[0] == "unknown" {
			return nil, &UnknownError{Accounts: accounts[:1]}
		}
		if accounts[0] == "panics" {
			panic("as told")
		}
		if !asked {
			t.Error("that a person asked was not passed on")
		}
		progress(Progress{Account: "home", Messages: 1, Planned: 4})
		<-seen // the caller got it before the pass is over
		progress(Progress{Account: "home", Messages: 4, Planned: 4, Ended: true})
		var reports []json.RawMessage
		for _, a := range accounts {
			reports = append(reports, json.RawMessage(fmt.Sprintf(`{"account":%q}`, a)))
		}
		return reports, nil
	}}
	c, _ := start(t, place(t), d)
	var last Progress
	reports, err := c.Run(t.Context(), RunRequest{Accounts: []string{"home", "work"}, Asked: true}, func(p Progress) { last = p; seen <- p })
	if err != nil || len(reports) != 2 || string(reports[1]) != `{"account":"work"}` {
		t.Errorf("reports %s, %v", reports, err)
	}
	if !last.Ended || last.Messages != 4 {
		t.Errorf("the last progress is %+v", last)
	}
	var u *UnknownError
	if _, err := c.Run(t.Context(), RunRequest{Accounts: []string{"unknown"}}, nil); !errors.As(err, &u) {
		t.Errorf("an unknown account: %v", err)
	}
	if _, err := c.Run(t.Context(), RunRequest{Accounts: []string{"panics"}}, nil); err == nil || !strings.Contains(err.Error(), "as told") {
		t.Errorf("a panic of a run is told as %v", err)
	}
}

// Who interrupts a run is told so, and the daemon learns that nobody listens any more.
func TestRunEndsWithItsCaller(t *testing.T) {
	ended := make(chan error, 1)
	d := &daemon{run: func(ctx context.Context, _ []string, _ bool, progress func(Progress)) ([]json.RawMessage, error) {
		progress(Progress{Account: "home"})
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	}}
	c, _ := start(t, place(t), d)
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := c.Run(ctx, RunRequest{}, func(Progress) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("the caller was told %v", err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the daemon was told %v", err)
	}
}

// reporter is a daemon that tells of its first pass while the second one goes on.
type reporter struct {
	daemon
	asked RunRequest
}

func (d *reporter) Run(ctx context.Context, q RunRequest, progress func(Progress), report func(json.RawMessage)) error {
	d.asked = q
	report(json.RawMessage(`{"account":"home"}`))
	progress(Progress{Account: "work", Before: true})
	<-ctx.Done()
	return ctx.Err()
}

// Who stops watching has the reports of the passes that were over.
func TestRunReportsEachPassAtItsEnd(t *testing.T) {
	d := &reporter{}
	c, _ := start(t, place(t), d)
	ctx, cancel := context.WithCancel(t.Context())
	q := RunRequest{Accounts: []string{"home", "work"}, Asked: true, Named: true}
	reports, err := c.Run(ctx, q, func(Progress) { cancel() })
	if !errors.Is(err, context.Canceled) || len(reports) != 1 || string(reports[0]) != `{"account":"home"}` {
		t.Errorf("reports %s, %v", reports, err)
	}
	if !reflect.DeepEqual(d.asked, q) {
		t.Errorf("it was asked for %+v", d.asked)
	}
}

// A stopping daemon ends its runs and still gives their reports.
func TestRunEndsWithTheDaemon(t *testing.T) {
	running := make(chan struct{})
	d := &daemon{run: func(ctx context.Context, _ []string, _ bool, _ func(Progress)) ([]json.RawMessage, error) {
		close(running)
		<-ctx.Done()
		return []json.RawMessage{[]byte(`{"stopped":true}`)}, nil
	}}
	c, end := start(t, place(t), d)
	go func() { <-running; end() }()
	reports, err := c.Run(t.Context(), RunRequest{}, nil)
	if err != nil || len(reports) != 1 {
		t.Errorf("reports %s, %v", reports, err)
	}
}
