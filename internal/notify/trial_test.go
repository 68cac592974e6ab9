package notify

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// A test alarm says so wherever somebody may look first, and nowhere reads like trouble.
func TestTrialSaysThatItIsOne(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	n := NewTest("work", "mail.example.org", at)
	if n.Kind != Test || n.Cause != Test || n.Person || n.Failed != 0 || n.Parked != 0 {
		t.Errorf("%+v", n)
	}
	if got, want := n.Subject(), "[popsync] work: test alarm, nothing is wrong"; got != want {
		t.Errorf("subject %q, want %q", got, want)
	}
	text := n.Text()
	for _, want := range []string{"This is a test alarm", "Nothing is wrong.", "popsync check --alarm", "Sun, 1 Mar 2026 12:00"} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	for _, trouble := range []string{"It began", "needs your help", "attempts"} {
		if strings.Contains(text, trouble) {
			t.Errorf("%q is in\n%s", trouble, text)
		}
	}
	if other := NewTest("work", "mail.example.org", at); other.ID == n.ID || !strings.HasSuffix(n.ID, "-test") {
		t.Errorf("IDs %q and %q", n.ID, other.ID)
	}
	if message := string(n.message()); !strings.Contains(message, "\r\nSubject: [popsync] work: test alarm, nothing is wrong\r\n") {
		t.Errorf("the message:\n%s", message)
	}
	if n := NewTest("work", "not a host", at); n.Host != "localhost" {
		t.Errorf("host %q", n.Host)
	}
}

// slowChannel tells whether its context is bounded.
type slowChannel struct{ bounded bool }

func (*slowChannel) Name() string { return "slow" }
func (c *slowChannel) Send(ctx context.Context, _ Notice) error {
	_, c.bounded = ctx.Deadline()
	return errors.New("refused")
}

func TestDeliverIsBounded(t *testing.T) {
	c := &slowChannel{}
	if err := Deliver(t.Context(), c, NewTest("work", "", time.Now())); err == nil || !c.bounded {
		t.Errorf("error %v, bounded %v", err, c.bounded)
	}
}
