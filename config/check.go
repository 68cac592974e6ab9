package config

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/popsync/popsync/config/document"
)

// checker turns the tree of one document into a Config.
type checker struct {
	report
	env  Env
	opts Options
	bad  map[string]bool // grants of OAuth that have problems; nil: none

	tree     map[string]any            // of the document, and of the accounts of other files
	own      map[string]map[string]any // what accounts say themselves, by name, where there are [defaults]
	literal  document.Path             // where a secret stands in the document itself; "": nowhere
	editions map[string]string         // of the files that were read: another one since one was written again
	lacks    bool                      // accounts may be missing, because a file was not taken in whole
}

// fault is what a converter finds wrong with a value. nil: nothing.
type fault struct {
	text, hint string
	at         document.Path // "[2]" when only this element of a list is meant
}

// convert checks the value of one key and stores it. It doesn't see the key, and only converters of keys that are no
// secrets may show the value.
type convert func(v any) *fault

// keys are all keys that a table may have.
type keys map[string]convert

// table checks all keys of a table; those that m lacks keep their defaults.
func (c *checker) table(path document.Path, m map[string]any, known keys) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		at := path.Key(k)
		if check, ok := known[k]; !ok {
			c.add(at, "unknown key", cmp.Or(c.comesFrom(k, known), document.DidYouMean(k, slices.Sorted(maps.Keys(known)))))
		} else if f := check(m[k]); f != nil {
			c.add(at+f.at, f.text, unexpanded(m[k], f.hint))
		}
	}
}

// unexpanded adds to the hint for a bad value that variables are none here, if it looks as if somebody had hoped so.
func unexpanded(v any, hint string) string {
	const say = "variables are not expanded"
	if s, ok := v.(string); !ok || !variable.MatchString(s) || strings.Contains(hint, say) {
		return hint
	}
	if hint == "" {
		return say
	}
	return hint + "; " + say
}

// subtable is the converter of a key that holds a table.
func (c *checker) subtable(path document.Path, known keys) convert {
	return func(v any) *fault {
		m, ok := v.(map[string]any)
		if !ok {
			return &fault{text: "must be a table, not " + kind(v), hint: "write [" + string(path) + "] and its keys below"}
		}
		c.table(path, m, known)
		return nil
	}
}
