package config

// maildir is the only type of destination of this version.
const maildir = "maildir"

// deliver checks one destination.
func (c *checker) deliver(at string, m map[string]any) Deliver {
	var d Deliver
	switch t := m["type"].(type) {
	case nil:
		c.add(member(at, "type"), "missing", `write type = "maildir"`)
	case string:
		if d.Type = t; t != maildir {
			// What keys such a type has is not known: they are not looked at.
			c.add(member(at, "type"), "deliver type "+shown(t)+` is not in this version; it knows "maildir"`, didYouMean(t, []string{maildir}))
			return Deliver{}
		}
	default:
		c.add(member(at, "type"), "must be a text, not "+kind(t), `write type = "maildir"`)
	}
	c.table(at, m, c.maildirKeys(&d))
	if d.Name == "" && !c.concerns(0, member(at, "name")) {
		d.Name = d.Type
	}
	if p, ok := m["path"]; !ok || p == "" {
		c.add(member(at, "path"), "missing", "the folder of the Maildir")
	}
	return d
}

func (c *checker) maildirKeys(d *Deliver) keys {
	return keys{
		"type": func(any) *fault { return nil }, // checked first, it decides on the other keys
		"name": text(&d.Name, func(s string) *fault {
			if s == "" {
				return nil
			}
			return checkName(s)
		}),
		"path": c.path(&d.Path),
	}
}
