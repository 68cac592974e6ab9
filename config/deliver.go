package config

import (
	"maps"
	"slices"
	"strings"
)

// The types of destinations.
const (
	typeMaildir = "maildir"
	typeSMTP    = "smtp"
	typeLMTP    = "lmtp"
	typeCommand = "command"
)

var deliverTypes = []string{typeMaildir, typeSMTP, typeLMTP, typeCommand}

// defaultSpool is 1 GiB: a long outage of a busy mailbox.
const defaultSpool = 1 << 30

// draft is a destination in the making, with what only the checks need.
type draft struct {
	Deliver
	smtp     SMTP
	endpoint endpoint
	secret   source
	command  Command
}

// deliver checks one destination of an account.
func (c *checker) deliver(at, account string, m map[string]any) Deliver {
	d := draft{Deliver: Deliver{Required: true}, smtp: defaultSMTP(), command: defaultCommand()}
	if f := oneOf(&d.Type, deliverTypes...)(m["type"]); m["type"] == nil {
		c.add(member(at, "type"), "missing", "one of "+strings.Join(deliverTypes, ", "))
	} else if f != nil {
		c.add(member(at, "type"), f.text, f.hint)
		if _, ok := m["type"].(string); ok { // a type from elsewhere, and so may its keys be: they are not looked at
			return Deliver{Required: true}
		}
	}
	if d.Trace = d.Type != typeMaildir; d.Trace {
		d.SpoolMax, d.Connections = defaultSpool, 1
	}
	before := len(c.problems)
	c.table(at, c.ownKeys(at, d.Type, m), c.deliverKeys(d.Type, &d))
	if d.Name == "" && !c.concerns(before, member(at, "name")) {
		d.Name = d.Type
	}
	if d.Fallback {
		if _, ok := m["required"]; ok {
			c.add(member(at, "required"), "is not for a fallback", "it takes what others refuse: leave the key out")
		}
		d.Required = false
	}
	switch d.Type {
	case typeMaildir:
		if p, ok := m["path"]; !ok || p == "" {
			c.add(member(at, "path"), "missing", "the folder of the Maildir")
		}
	case typeSMTP, typeLMTP:
		c.finishSMTP(at, m, &d, before)
		d.smtp.Secret = c.login(at, account, m, &d)
		d.SMTP = &d.smtp
	case typeCommand:
		if _, ok := m["command"]; !ok {
			c.add(member(at, "command"), "missing", "the program and its arguments, such as "+commandExample)
		}
		d.Command = &d.command
	}
	return d.Deliver
}

// deliverKeys gives the keys of a type of destination, or of all of them for "".
func (c *checker) deliverKeys(t string, d *draft) keys {
	known := keys{
		"type": func(any) *fault { return nil }, // checked first, it decides on the other keys
		"name": text(&d.Name, func(s string) *fault {
			if s == "" {
				return nil
			}
			return checkName(s)
		}),
		"required": boolean(&d.Required),
		"fallback": boolean(&d.Fallback),
		"trace":    boolean(&d.Trace),
	}
	if t == typeMaildir || t == "" {
		known["path"] = c.path(&d.Path)
	}
	if t != typeMaildir {
		known["spool_max"] = size(&d.SpoolMax, 1)
		known["connections"] = integer(&d.Connections, 1, 50)
	}
	if t == typeSMTP || t == typeLMTP || t == "" {
		maps.Copy(known, c.smtpKeys(t, d))
	}
	if t == typeCommand || t == "" {
		maps.Copy(known, c.commandKeys(&d.command))
	}
	return known
}

// ownKeys reports the keys that belong to other types than t, and gives the rest of m. A type that is not known, "",
// may have them all.
func (c *checker) ownKeys(at, t string, m map[string]any) map[string]any {
	rest := maps.Clone(m)
	if t == "" {
		return rest
	}
	types := map[string][]string{}
	for _, other := range deliverTypes {
		for k := range c.deliverKeys(other, &draft{}) {
			types[k] = append(types[k], other)
		}
	}
	for k := range m {
		if of := types[k]; len(of) > 0 && !slices.Contains(of, t) {
			c.add(member(at, k), "is for type "+sequence(of), "this destination has type "+t)
			delete(rest, k)
		}
	}
	return rest
}

// sequence joins words for a sentence.
func sequence(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
