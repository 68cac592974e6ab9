package config

import (
	"time"

	"github.com/popsync/popsync/config/document"
)

// schedule accepts what Options.CheckSchedule accepts.
func (c *checker) schedule(dst *string) convert {
	return text(dst, func(s string) *fault {
		hint := `cron such as "*/10 * * * *", or "@every 10m"`
		if s == "" {
			return &fault{text: "must not be empty", hint: hint}
		}
		if c.opts.CheckSchedule == nil {
			return nil
		}
		if err := c.opts.CheckSchedule(s); err != nil {
			if !document.Showable(s) {
				return &fault{text: "this text is not a schedule", hint: hint}
			}
			return &fault{text: document.Shown(s) + " is not a schedule that can be used: " + document.Limit(err.Error()), hint: hint}
		}
		return nil
	})
}

// checkTimezone accepts nothing, or a name that the machine's database or the program's own has. "Local", which Go
// knows too, is refused: there is one way to say it.
func checkTimezone(s string) *fault {
	if s == "" {
		return nil
	}
	const hint = `such as "Europe/Berlin"; "" is the machine's`
	if _, err := time.LoadLocation(s); err != nil || s == "Local" {
		return &fault{text: document.Shown(s) + " is not a time zone that is known here", hint: hint}
	}
	return nil
}

// jitter accepts a time up to a day, also none.
func jitter(dst *time.Duration) convert {
	const most = 24 * time.Hour
	return func(v any) *fault {
		d, f := span(v)
		if f != nil {
			return f
		}
		if d > most {
			return &fault{text: spoken(d) + " is too long, the most is " + spoken(most)}
		}
		*dst = d
		return nil
	}
}
