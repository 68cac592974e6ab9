package command

import (
	"errors"
	"fmt"

	"github.com/popsync/popsync/deliver"
)

// sysexits names the exit codes of sysexits.h, and those of shells that cannot run something.
var sysexits = map[int]string{
	64: "EX_USAGE", 65: "EX_DATAERR", 66: "EX_NOINPUT", 67: "EX_NOUSER", 68: "EX_NOHOST", 69: "EX_UNAVAILABLE",
	70: "EX_SOFTWARE", 71: "EX_OSERR", 72: "EX_OSFILE", 73: "EX_CANTCREAT", 74: "EX_IOERR", 75: "EX_TEMPFAIL",
	76: "EX_PROTOCOL", 77: "EX_NOPERM", 78: "EX_CONFIG", 126: "cannot be executed", 127: "not found",
}

// verdict says what the ending means; nil means delivered, no matter who had lost patience.
//
//	0                                delivered
//	75                               this message, temporary
//	signal, 129 to 159, timeout      this message, temporary, and it may have been delivered
//	64, 69, 71-74, 77, 78, 126, 127  the command as a whole, temporary
//	67, 68                           the envelope: this message's fault if the command takes others
//	all others                       this message, permanent
//
// Codes of the fourth line blame the system or the settings: a missing program, a wrong option or a full disk must not
// park a mailbox. 129 to 159 is how a shell reports that the program it waited for died of a signal.
func (e ending) verdict() *deliver.Error {
	v := &deliver.Error{}
	switch {
	case e.code == 0:
		return nil
	case e.stopped != nil:
		v.Uncertain = true
		v.Err = e.stopped
	case e.signal != 0:
		v.Uncertain = true
		v.Err = fmt.Errorf("ended by signal %d (%v)", int(e.signal), e.signal)
	case e.code < 0:
		v.Uncertain = true
		v.Err = errors.New("its end was missed")
	default:
		v.Err = fmt.Errorf("exit code %d", e.code)
		if name := sysexits[e.code]; name != "" {
			v.Err = fmt.Errorf("exit code %d (%s)", e.code, name)
		}
		switch c := e.code; {
		case c == 75:
		case c >= 129 && c <= 159:
			v.Uncertain = true
		case c == 64, c == 69, c >= 71 && c <= 74, c == 77, c == 78, c == 126, c == 127:
			v.Scope = deliver.WholeTarget
			v.Hint = "it blames its settings or this machine, not the message; run it by hand as this user"
		default:
			v.Permanent, v.Envelope = true, c == 67 || c == 68
		}
	}
	if e.said != "" {
		v.Err = fmt.Errorf("%w: %s", v.Err, e.said)
	}
	return v
}
