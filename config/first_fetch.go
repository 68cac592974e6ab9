package config

import (
	"strconv"
	"strings"
	"time"

	"github.com/popsync/popsync/config/document"
)

// FirstFetch says what is fetched of a mailbox when popsync sees it for the first time. What comes later always is.
type FirstFetch struct {
	Kind FirstFetchKind
	Last int           // for FirstFetchLast, more than 0; else 0
	Age  time.Duration // for FirstFetchAge, more than 0; else 0
}

// FirstFetchKind is the kind of a FirstFetch. The zero value is everything.
type FirstFetchKind int

// The kinds of FirstFetch.
const (
	FirstFetchAll  FirstFetchKind = iota
	FirstFetchNew                 // nothing
	FirstFetchLast                // the last messages of the listing
	FirstFetchAge                 // what the server received since
)

// firstFetch accepts all, new, "last 100" and an age.
func firstFetch(dst *FirstFetch) convert {
	const hint = `"all", "new", "last 100", or an age such as "30d"`
	return func(v any) *fault {
		s, ok := v.(string)
		if !ok {
			return want("a text", v, hint)
		}
		switch s {
		case "all":
			*dst = FirstFetch{}
			return nil
		case "new":
			*dst = FirstFetch{Kind: FirstFetchNew}
			return nil
		}
		if number, ok := strings.CutPrefix(s, "last "); ok {
			n, err := strconv.ParseUint(strings.TrimLeft(number, " "), 10, 31)
			switch {
			case err != nil:
				return &fault{text: document.Shown(s) + " does not say how many messages", hint: hint}
			case n == 0:
				return &fault{text: "the last 0 messages are none", hint: `to fetch only what comes from now on write "new"`}
			}
			*dst = FirstFetch{Kind: FirstFetchLast, Last: int(n)}
			return nil
		}
		age, ok := parseDuration(s)
		switch {
		case !ok:
			return &fault{text: document.Shown(s) + " is none of its values", hint: hint}
		case age <= 0:
			return &fault{text: "an age must be more than 0", hint: `to fetch only what comes from now on write "new"`}
		}
		*dst = FirstFetch{Kind: FirstFetchAge, Age: age}
		return nil
	}
}
