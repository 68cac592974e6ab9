package config

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/popsync/popsync/config/document"
)

// kind names the type of a decoded value for a person.
func kind(v any) string {
	switch v.(type) {
	case string:
		return "a text"
	case int64:
		return "a number"
	case float64:
		return "a number with a fraction"
	case bool:
		return "true or false"
	case time.Time:
		return "a date"
	case []any:
		return "a list"
	case []map[string]any:
		return "a list of tables"
	case map[string]any:
		return "a table"
	}
	return "a value of another type"
}

// want is the fault of a value of the wrong type. It doesn't show the value.
func want(what string, v any, hint string) *fault {
	return &fault{text: "must be " + what + ", not " + kind(v), hint: hint}
}

// text accepts a text that check (may be nil) accepts.
func text(dst *string, check func(s string) *fault) convert {
	return func(v any) *fault {
		s, ok := v.(string)
		if !ok {
			return want("a text", v, `write it in quotes: "..."`)
		}
		if check != nil {
			if f := check(s); f != nil {
				return f
			}
		}
		*dst = s
		return nil
	}
}

// oneOf accepts one of a few words.
func oneOf[T ~string](dst *T, words ...string) convert {
	return func(v any) *fault {
		s, ok := v.(string)
		if !ok {
			return want("a text", v, "one of "+strings.Join(words, ", "))
		}
		for _, w := range words {
			if s == w {
				*dst = T(w)
				return nil
			}
		}
		return &fault{text: document.Shown(s) + " is not one of " + strings.Join(words, ", "), hint: document.DidYouMean(s, words)}
	}
}

// integer accepts a whole number from least to most.
func integer[T ~int | ~int64](dst *T, least, most int64) convert {
	return func(v any) *fault {
		n, ok := v.(int64)
		if !ok {
			return want("a whole number", v, numberHint(v))
		}
		if f := within(n, least, most); f != nil {
			return f
		}
		*dst = T(n)
		return nil
	}
}

func numberHint(v any) string {
	if _, ok := v.(string); ok {
		return "write it without quotes"
	}
	return ""
}

func within(n, least, most int64) *fault {
	switch {
	case n < least:
		return &fault{text: fmt.Sprintf("%d is too small, the least is %d", n, least)}
	case n > most:
		return &fault{text: fmt.Sprintf("%d is too large, the most is %d", n, most)}
	}
	return nil
}

// boolean accepts true and false.
func boolean(dst *bool) convert {
	return func(v any) *fault {
		b, ok := v.(bool)
		if !ok {
			return want("true or false", v, "without quotes")
		}
		*dst = b
		return nil
	}
}

// duration accepts a text such as "90s", at least one millisecond.
func duration(dst *time.Duration) convert {
	return func(v any) *fault {
		d, f := span(v)
		if f != nil {
			return f
		}
		if d <= 0 {
			return &fault{text: "must be more than 0", hint: durationHint}
		}
		*dst = d
		return nil
	}
}

// span gives the time that a text such as "90s" says, also "0s".
func span(v any) (time.Duration, *fault) {
	s, ok := v.(string)
	if !ok {
		return 0, want("a time with its unit", v, durationHint)
	}
	d, ok := parseDuration(s)
	if !ok {
		return 0, &fault{text: document.Shown(s) + " is not a time with its unit", hint: durationHint}
	}
	return d, nil
}

// size accepts a text such as "25MB" or a number of octets, from least on.
func size(dst *int64, least int64) convert {
	return func(v any) *fault {
		var n int64
		switch s := v.(type) {
		case int64:
			n = s
		case string:
			var ok bool
			if n, ok = parseSize(s); !ok {
				return &fault{text: document.Shown(s) + " is not a size", hint: sizeHint}
			}
		default:
			return want("a size", v, sizeHint)
		}
		if f := within(n, least, math.MaxInt64); f != nil {
			return f
		}
		*dst = n
		return nil
	}
}
