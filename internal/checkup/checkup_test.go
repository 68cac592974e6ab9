package checkup

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/popsync/popsync/fetcher/verdict"
)

// printed is what a screen shows of a look that has ended.
func printed(t *testing.T, o Options, sheets []*Sheet) string {
	t.Helper()
	var out strings.Builder
	o.Accounts = len(sheets) - 1
	p := newScreen(&out, o)
	all := make([]*Sheet, len(sheets))
	stopped := false
	for i, s := range sheets {
		<-s.Ended()
		all[i] = s.Copy()
		stopped = stopped || !all[i].Whole()
		if err := p.Sheet(all[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Summary(all, stopped); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func look() Look {
	account := func(name string, f func(ctx context.Context, s *Sheet)) Account {
		return Account{Name: name, Host: "mail", Destinations: []Seen{{Name: "m", Type: "maildir"}}, Look: f}
	}
	return Look{
		Parallel: 2,
		General:  func(s *Sheet) { s.OK(PartConfiguration, "file, 2 accounts") },
		Accounts: []Account{
			account("a", func(_ context.Context, s *Sheet) {
				s.SetServer("tls")
				s.SetLogin(StepOK)
				s.SetMessages(3)
				s.SetDestination(0, StepOK)
				s.OK(PartMail, "3 messages")
				s.Note(PartLearned, "odd", "look")
				s.Note(PartLearned, "odd", "look") // found twice
			}),
			account("b", func(_ context.Context, s *Sheet) {
				s.Judged(PartLogin, verdict.Verdict{Class: verdict.OK})
				panic("boom")
			}),
		},
	}
}

// A panic is a finding, and the others are looked at.
func TestBegin(t *testing.T) {
	between := false
	l := look()
	l.Between = func() { between = true }
	want := `ok    configuration: file, 2 accounts
ok    a: 3 messages
note  a: odd
      next step: look
FAIL  b: popsync panicked: boom
      next step: this is a fault of popsync: please report it

ACCOUNT  SERVER  LOGIN  MAIL  DESTINATIONS  RESULT
a        tls     ok     3     ok            ok, 1 note
b        -       -      -     -             FAIL internal

1 of 2 accounts failed: b (internal)
`
	sheets := Begin(t.Context(), l)
	if got := printed(t, Options{}, sheets); got != want || !between {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if c := sheets[2].Copy().Class(); c != verdict.Internal {
		t.Errorf("class %s", c)
	}
}

// What is stopped says what was not looked at, and blames nobody.
func TestStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	l := look()
	l.General = func(s *Sheet) {
		cancel()
		s.Fail(PartLedger, verdict.Internal, "because of the stop", "")
	}
	got := printed(t, Options{}, Begin(ctx, l))
	if strings.Contains(got, "FAIL") || !strings.Contains(got, "stopped; 2 accounts not looked at\n") {
		t.Error(got)
	}
}

func TestObject(t *testing.T) {
	l := look()
	l.Accounts = l.Accounts[:1]
	got := printed(t, Options{JSON: true}, Begin(t.Context(), l))
	general, account, ok := strings.Cut(got, "\n")
	var o Object
	if err := json.Unmarshal([]byte(account), &o); !ok || err != nil || o.About != "account" || o.Result != "ok" || *o.Messages != 3 ||
		o.Destinations[0].Result != StepOK || len(o.Findings) != 2 {
		t.Errorf("%s, %v", account, err)
	}
	if want := `{"about":"configuration","result":"ok","findings":[{"level":"ok","part":"configuration","text":"file, 2 accounts"}]}`; general != want {
		t.Errorf("%s\nwant\n%s", general, want)
	}
}
