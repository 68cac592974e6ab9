package status

import (
	"errors"
	"testing"
	"time"

	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/notify"
)

// What the ledger, the alarms and the daemon know of an account comes together, in the order of names.
func TestAll(t *testing.T) {
	since := time.Unix(1_700_000_000, 0)
	from := Sources{
		Blocked:  map[string]error{"b": errors.New("its name is taken")},
		Troubles: map[string]notify.Incident{"b": {Since: since, Told: true}},
		Daemon:   control.Status{Accounts: []control.Account{{Account: "c", Paused: true}}},
		Running:  true,
	}
	all := All([]string{"c", "b", "a"}, from, false, since.Add(time.Hour))
	if len(all) != 3 || all[0].Account != "a" || all[1].Account != "b" || all[2].Account != "c" {
		t.Fatalf("%+v", all)
	}
	if b := all[1]; b.Trouble != "its name is taken" || b.Class != "config" || !b.TroubleSince.Equal(since) || !b.Alarmed {
		t.Errorf("%+v", b)
	}
	if !all[2].Paused || !all[2].Daemon || all[0].Daemon {
		t.Errorf("%+v", all)
	}
	if few := All([]string{"c", "b"}, from, true, since); len(few) != 1 || few[0].Account != "b" {
		t.Errorf("in trouble: %+v", few)
	}
}
