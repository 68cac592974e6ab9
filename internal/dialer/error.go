package dialer

import (
	"context"
	"errors"
	"os"
	"syscall"

	"github.com/popsync/popsync/internal/foreign"
)

// Fault is what went wrong on the way to a server.
type Fault int

const (
	Unusable    Fault = iota // the options mean no way at all
	Unreachable              // the proxy cannot be reached, ended the connection, or did not answer
	Refused                  // the proxy could not connect to the target
	Forbidden                // the proxy may not connect to the target, or cannot do such a thing
	Login                    // the proxy refused user and password, or wants some
	NoPassword               // the password for the proxy could not be got
	NoProxy                  // what answers is no such proxy
	NoProgram                // the program cannot be run
	Ended                    // the program ended, and not well
	NoSource                 // the source address is none of this machine's
)

// Error is why a server was not reached, where that is not for the server to say. It never holds a secret or an argument of the
// program.
type Error struct {
	Fault  Fault
	Via    string // "the proxy socks5://127.0.0.1:9050", "connect_command ssh"; "": none
	Target string // "pop.example.org:995"; "": it was not about one
	Mend   string // what a person can do, where the Fault alone does not tell; may be ""
	Err    error  // the cause, in words that may be shown
}

// Error names the proxy and the target apart.
func (e *Error) Error() string {
	why := e.Err.Error()
	if errors.Is(e.Err, os.ErrDeadlineExceeded) || errors.Is(e.Err, context.DeadlineExceeded) {
		why = "no answer in time"
	}
	switch e.Fault {
	case Unreachable:
		return e.Via + " cannot be used: " + why
	case Refused:
		return e.Via + " could not connect to " + e.Target + ": " + why
	case Forbidden:
		return e.Via + " refuses to connect to " + e.Target + ": " + why
	case Login:
		return e.Via + " refuses its login: " + why
	case NoPassword:
		return "the password for " + e.Via + ": " + why
	case NoProxy:
		return e.Via + " is no such proxy: " + why
	case NoProgram:
		return e.Via + " cannot be run: " + why
	case Ended:
		return e.Via + " ended: " + why
	}
	return why
}

func (e *Error) Unwrap() error { return e.Err }

// Lasting tells whether it stays so until a person changes something.
func (e *Error) Lasting() bool {
	switch e.Fault {
	case Unusable, Forbidden, Login, NoPassword, NoProxy, NoProgram:
		return true
	}
	return false
}

// Hint is the next step for a person.
func (e *Error) Hint() string {
	if e.Mend != "" {
		return e.Mend
	}
	switch e.Fault {
	case Unreachable:
		return "the next pass tries again; if it goes on, see whether the proxy runs, and check its address in proxy"
	case Refused:
		return "the proxy works; the next pass tries again. If it goes on, check host and port, and whether the proxy can look up the name"
	case Forbidden:
		return "allow this host and port in the proxy: many allow CONNECT to port 443 alone"
	case Login:
		return "check the user in proxy, and proxy_password_file"
	case NoPassword:
		return "correct proxy_password_file"
	case NoProxy:
		return "check the kind, host and port in proxy"
	case NoProgram:
		return "correct connect_command"
	case Ended:
		return "the next pass tries again; if it goes on, run the command yourself to see what it says"
	case NoSource:
		return "the next pass tries again; if it goes on, correct source_address: 'ip address' shows those of this machine"
	}
	return "correct proxy"
}

// foreignSource words that the source address is not there.
func (d *Dialer) foreignSource(err error) error {
	if d.o.SourceAddress.IsValid() && errors.Is(err, syscall.EADDRNOTAVAIL) {
		return &Error{Fault: NoSource, Err: errors.New("source_address " + d.o.SourceAddress.String() + " is no address of this machine now")}
	}
	return err
}

// maxShown bounds what is shown of what others say, in octets.
const maxShown = 256

func shown(s string) string { return foreign.Show([]byte(s), maxShown) }
