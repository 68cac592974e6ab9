package config

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
			return &fault{text: shown(s) + " is not a policy", hint: hint}
		}
		if age <= 0 {
			return &fault{text: "an age must be more than 0", hint: `to delete at once write "after-delivery"`}
		}
		*dst = Delete{Kind: DeleteAge, Age: age}
		return nil
	}
}

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
			if !showable(s) {
				return &fault{text: "this text is not a schedule", hint: hint}
			}
			return &fault{text: shown(s) + " is not a schedule that can be used: " + limit(err.Error()), hint: hint}
		}
		return nil
	})
}
