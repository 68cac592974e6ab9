package settle

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/uidl"
)

// The column 'publishing' of the table in ARCHITECTURE.md.
func TestJudge(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	row := uidl.Delivery{Key: uidl.Key{UID: "a"}, Destination: "d", State: uidl.Publishing, Seq: 7, Ticket: "T", At: 1}
	refused := &deliver.Error{Op: "publish", Scope: deliver.ThisMessage}
	for _, tt := range []struct {
		name   string
		row    func(*uidl.Delivery)
		err    error
		remote bool
		want   string
	}{
		{name: "durable there", want: "settled"},
		{name: "damaged", err: fmt.Errorf("x: %w", deliver.ErrDamaged), want: "owed discard"},
		{name: "nowhere", err: deliver.ErrUnknown, want: "owed"},
		{name: "unknown fact", err: errors.New("?"), want: "publishing ticket"},
		{name: "refused by a Maildir", err: refused, want: "publishing ticket attempts=1"},
		{name: "refused by a remote", err: refused, remote: true, want: "staged ticket attempts=1"},
		{name: "refused a third time", row: func(d *uidl.Delivery) { d.Attempts = 2 }, err: refused, remote: true,
			want: "staged ticket attempts=3 next=3600"},
		{name: "refused for ever", err: &deliver.Error{Scope: deliver.ThisMessage, Permanent: true}, remote: true,
			want: "staged ticket attempts=3 next=3600"},
		{name: "Maildir failed", err: &deliver.Error{Scope: deliver.WholeTarget}, want: "publishing ticket target"},
		{name: "remote failed", err: &deliver.Error{Scope: deliver.WholeTarget}, remote: true, want: "staged ticket target"},
		{name: "uncertain", err: &deliver.Error{Scope: deliver.WholeTarget, Uncertain: true}, remote: true,
			want: "staged ticket doubt=1 target"},
		{name: "uncertain about this one", err: &deliver.Error{Scope: deliver.ThisMessage, Uncertain: true}, remote: true,
			want: "staged ticket doubt=1"},
		{name: "uncertain a third time", row: func(d *uidl.Delivery) { d.InDoubt = 2 },
			err: &deliver.Error{Scope: deliver.ThisMessage, Uncertain: true}, remote: true, want: "staged ticket doubt=3 next=86400"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := row
			if tt.row != nil {
				tt.row(&d)
			}
			if got := describeOutcome(judge(d, tt.err, tt.remote, now), now); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func describeOutcome(o outcome, now time.Time) string {
	if o.settled {
		return "settled"
	}
	s := map[uidl.DeliveryState]string{uidl.Staged: "staged", uidl.Publishing: "publishing", uidl.Owed: "owed"}[o.row.State]
	if o.row.Ticket != "" {
		s += " ticket"
	}
	if o.discard {
		s += " discard"
	}
	if o.row.Attempts > 0 {
		s += fmt.Sprintf(" attempts=%d", o.row.Attempts)
	}
	if o.row.InDoubt > 0 {
		s += fmt.Sprintf(" doubt=%d", o.row.InDoubt)
	}
	if o.row.NextTry > now.Unix() {
		s += fmt.Sprintf(" next=%d", o.row.NextTry-now.Unix())
	}
	if o.target != nil {
		s += " target"
	}
	return s
}
