package config

import (
	"time"

	"github.com/popsync/popsync/config/document"
)

// Delete says what happens to a message on the server once it is delivered everywhere.
type Delete struct {
	Kind DeleteKind
	Age  time.Duration // for DeleteAge, more than 0; else 0
}

// DeleteKind is the kind of a Delete. The zero value keeps everything.
type DeleteKind int

// The kinds of Delete.
const (
	DeleteNever DeleteKind = iota
	DeleteAfterDelivery
	DeleteAge
)

// deletion accepts never, after-delivery and an age.
func deletion(dst *Delete) convert {
	const hint = `"never", "after-delivery", or an age such as "30d"`
	return func(v any) *fault {
		s, ok := v.(string)
		if !ok {
			return want("a text", v, hint)
		}
		switch s {
		case "never":
			*dst = Delete{Kind: DeleteNever}
			return nil
		case "after-delivery":
			*dst = Delete{Kind: DeleteAfterDelivery}
			return nil
		}
		age, ok := parseDuration(s)
		if !ok {
			return &fault{text: document.Shown(s) + " is not a policy", hint: hint}
		}
		if age <= 0 {
			return &fault{text: "an age must be more than 0", hint: `to delete at once write "after-delivery"`}
		}
		*dst = Delete{Kind: DeleteAge, Age: age}
		return nil
	}
}
