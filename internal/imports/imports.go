// Package imports reads the configuration files of other mail fetchers and says them in popsync's words: fetchmail, mpop, getmail,
// fdm and Thunderbird; and the files in which they remember what they fetched: see StateOf. It opens nothing, runs nothing and connects to nothing: callers hand it the octets of one file and get
// accounts, with a remark about each key of that file. Deletion is never switched on: what would restore it is a comment. It refuses
// what it cannot understand as a whole; what it understands and popsync cannot do is a remark. cmd/popsync calls it.
package imports

import (
	"fmt"
	"slices"
)

// Tool is a fetcher whose files are read.
type Tool string

// The fetchers.
const (
	Fetchmail   Tool = "fetchmail"   // fetchmailrc, or what "fetchmail --configdump" prints
	Mpop        Tool = "mpop"        // mpoprc, or mpop/config
	Getmail     Tool = "getmail"     // getmailrc of getmail 5 and 6
	Fdm         Tool = "fdm"         // fdm.conf
	Thunderbird Tool = "thunderbird" // prefs.js of a profile
)

// Tools returns all fetchers that Config reads, in the order in which help names them.
func Tools() []Tool { return []Tool{Fetchmail, Mpop, Getmail, Fdm, Thunderbird} }

// Kind says what became of one key of another fetcher.
type Kind int

// What becomes of a key.
const (
	Done        Kind = iota // popsync does the same
	Changed                 // popsync does it, but differently: the remark says how
	Unsupported             // popsync does not do it, and fetches without it
	Decide                  // a person must decide before the account can be used
)

// String returns the word that people see.
func (k Kind) String() string {
	return [...]string{"done", "changed", "not supported", "to be decided"}[k]
}

// Remark says what became of one key. It never holds a secret.
type Remark struct {
	Line int    // of the file, from 1; 0: not known
	Key  string // as the other fetcher calls it
	Kind Kind
	Why  string // a short sentence without a full stop; "": nothing to say
}

// Setting is a key of popsync's configuration and its value: a string, an int, an int64, a bool or a []string.
type Setting struct {
	Key   string
	Value any
}

// Settings are keys in the order in which they are written.
type Settings []Setting

// Get returns the value of key, nil if it is not set.
func (s Settings) Get(key string) any {
	for _, e := range s {
		if e.Key == key {
			return e.Value
		}
	}
	return nil
}

// Set sets key to value, at the place where it stood if it was set.
func (s *Settings) Set(key string, value any) {
	for i := range *s {
		if (*s)[i].Key == key {
			(*s)[i].Value = value
			return
		}
	}
	*s = append(*s, Setting{key, value})
}

// Destination is one [[deliver]] table.
type Destination struct {
	Settings Settings // the type first
	Secret   string   // the password in clear; "": none. Never shown
}

// Account is one mailbox.
type Account struct {
	Name     string // fit for popsync, not used twice in one file
	Was      string // what the other fetcher calls it, for people
	Settings Settings
	Secret   string   // the password in clear; "": none was found. Never shown
	Restore  []string // lines of configuration that would bring back the other fetcher's deletion; written as comments
	Deliver  []Destination
	Remarks  []Remark
}

// Found is what one file holds.
type Found struct {
	Accounts []Account
	Remarks  []Remark // about what belongs to no account
	failed   error    // the first account that is left out because it cannot be translated
}

// Undecided reports whether something needs a decision before all accounts can be used.
func (f *Found) Undecided() bool {
	decide := func(r Remark) bool { return r.Kind == Decide }
	return slices.ContainsFunc(f.Remarks, decide) ||
		slices.ContainsFunc(f.Accounts, func(a Account) bool { return slices.ContainsFunc(a.Remarks, decide) })
}

// Error says that a file cannot be read as a whole. Line counts from 1; 0: not known. It never holds a secret.
type Error struct {
	Line int
	Text string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Text
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Text)
}

// Largest is the most octets of a file that Config reads; real ones have a few thousand.
const Largest = 4 << 20

// Config reads the configuration file of a tool. The accounts have no names yet: see Name. One that cannot be translated is left out,
// with a remark, if there are others. The errors are *Error.
func Config(tool Tool, data []byte) (*Found, error) {
	read, known := map[Tool]func(*file) (*Found, error){
		Fetchmail: fetchmail, Mpop: mpop, Getmail: getmail, Fdm: fdm, Thunderbird: thunderbird,
	}[tool]
	switch {
	case !known:
		return nil, &Error{Text: "no such tool"}
	case len(data) > Largest:
		return nil, &Error{Text: "is too large for a configuration file"}
	}
	found, err := read(&file{text: string(data)})
	switch {
	case err != nil:
		return nil, err
	case len(found.Accounts) == 0 && found.failed != nil:
		return nil, found.failed
	case len(found.Accounts) == 0 && len(found.Remarks) == 0:
		return nil, &Error{Text: "has no account"}
	}
	found.tidy()
	return found, nil
}

// file is the text that a reader reads.
type file struct {
	text string
}
