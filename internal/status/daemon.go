package status

import (
	"errors"
	"strconv"
	"time"

	"github.com/popsync/popsync/internal/control"
)

// DaemonText tells whether a daemon is running, and how.
func DaemonText(st control.Status, err error) []string {
	var others *control.OthersError
	switch {
	case errors.As(err, &others):
		return []string{"no daemon of this configuration is running: " + others.Error()}
	case errors.Is(err, control.ErrNoDaemon):
		return []string{"no daemon is running; to start one: popsync daemon"}
	case err != nil:
		return []string{"what follows is from the ledger alone: " + err.Error()}
	}
	lines := []string{"popsync daemon " + st.Version + " running since " + st.Started.Local().Format(time.DateTime) + ", pid " + strconv.Itoa(st.PID)}
	if st.ReloadProblem != "" {
		lines = append(lines, "the configuration was changed and could not be read, so the old one is in use: "+st.ReloadProblem)
	}
	return lines
}
