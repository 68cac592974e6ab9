package imports

import (
	"fmt"
	"strings"
)

// State is what a file of another fetcher remembers of one mailbox.
type State struct {
	Host, User string // "": the file does not name them
	IDs        []ID
}

// ID is a unique-id as another fetcher wrote it.
type ID struct {
	Text string
	Or   string // what it is instead if the server does not list Text; "": nothing
}

// Limits of a file that StateOf reads. A mailbox of a million messages is within them.
const (
	LargestState = 64 << 20 // octets
	MostIDs      = 1 << 20
)

// StateOf reads the file in which a tool remembers what it fetched: .fetchids of fetchmail, the list of unique-ids of mpop (of all
// versions), oldmail of getmail, the cache of an account of fdm, popstate.dat of Thunderbird. odd counts the lines that make no sense,
// or that were not written to their end; they are left out, so that a message comes once more rather than not at all. A file that is
// none of that tool is refused, without a word of it. The errors are *Error.
func StateOf(tool Tool, data []byte) (states []State, odd int, err error) {
	of, known := map[Tool]struct {
		read func(*stateReader, string)
		name string
	}{
		Fetchmail:   {(*stateReader).fetchids, ".fetchids of fetchmail"},
		Mpop:        {(*stateReader).mpopUIDs, "list of unique-ids of mpop"},
		Getmail:     {(*stateReader).oldmail, "oldmail file of getmail"},
		Fdm:         {(*stateReader).fdmCache, "cache of fdm"},
		Thunderbird: {(*stateReader).popstate, "popstate.dat of Thunderbird"},
	}[tool]
	switch {
	case !known:
		return nil, 0, &Error{Text: "no such tool"}
	case len(data) > LargestState:
		return nil, 0, &Error{Text: fmt.Sprintf("is larger than %d MiB, which popsync takes for no %s", LargestState>>20, of.name)}
	}
	r := &stateReader{at: map[[2]string]int{}}
	of.read(r, string(data))
	switch {
	case r.n > MostIDs:
		return nil, 0, &Error{Text: fmt.Sprintf("remembers more than %d messages, which is more than popsync takes over", MostIDs)}
	case r.n == 0 && len(r.states) == 0, r.odd > r.n+len(r.states):
		return nil, 0, &Error{Text: "is no " + of.name + ", or it remembers no message"}
	}
	return r.states, r.odd, nil
}

// stateReader gathers what a file remembers.
type stateReader struct {
	states []State
	at     map[[2]string]int // states by host and user
	n, odd int
}

// mailbox is the number of a mailbox's state, which is made if it is not there.
func (r *stateReader) mailbox(host, user string) int {
	i, ok := r.at[[2]string{host, user}]
	if !ok {
		i = len(r.states)
		r.at[[2]string{host, user}] = i
		r.states = append(r.states, State{Host: host, User: user})
	}
	return i
}

// add adds a unique-id to the state of a mailbox; more than there may be are only counted.
func (r *stateReader) add(mailbox int, id ID) {
	if r.n++; r.n <= MostIDs {
		r.states[mailbox].IDs = append(r.states[mailbox].IDs, id)
	}
}

// server reports whether a text can be the name or address of a server.
func server(name string) bool {
	return name != "" && strings.Trim(name, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_:%[]") == ""
}
