package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/popsync/popsync/config/document"
)

// Deliver is one destination of an account.
type Deliver struct {
	Type string // one of DeliverTypes
	Name string // unique in the account; [a-z0-9._-]{1,64}

	Required bool // no message counts as delivered before it is here; never set for a fallback
	Fallback bool // gets what other destinations refuse for good, and nothing else; at most one in an account
	Trace    bool // messages get one Received line (RFC 5321, section 4.4)

	Path string // of the Maildir, absolute; "" for other types

	SpoolMax    int64 // octets that may wait for the destination, at least 1; 0 for a Maildir, which has no spool
	Connections int   // messages on their way at once, at least 1; 0 for a Maildir

	Mbox    *Mbox    // for mbox; else nil
	IMAP    *IMAP    // for imap; else nil
	Gmail   *Gmail   // for gmail; else nil
	SMTP    *SMTP    // for smtp and lmtp; else nil
	Command *Command // for command; else nil
}

// deliverType is all that is particular to one type of destination. Each type has a file of its own, or shares one with its
// like, and an entry in deliverTypes; every function is there.
type deliverType struct {
	name   string
	bare   bool // with remote: messages get that line only if the person says so
	remote bool // copies wait for it in a spool, and messages get a trace line unless the person says otherwise
	alone  bool // with remote: it takes one message at a time, and there is no key for that

	// keys are its own, beside those of all types. said is the type as the person wrote it, "" when he did not: then a value
	// is good that may be good for any type. finish is called once all keys were read.
	keys func(c *checker, said string, d *Deliver) (_ keys, finish finish)
	// place identifies where it brings mail, or is "" when that is not known; key is the key that says it and what names it in a
	// sentence.
	place func(d *Deliver) (key, what, place string)
	// network is how its server is reached, and whether that is on this machine; nil: it has none.
	network func(d *Deliver) (n *Network, local bool)
	// odd looks for what is hardly meant; of begins an Oddity about a key.
	odd func(d *Deliver, add func(Oddity), of func(key string) Oddity)
}

// finish fills in what depends on several keys of the destination m at a path, and checks their rules. before is the number of
// problems that other tables had.
type finish func(at document.Path, account string, m map[string]any, before int)

// deliverTypes are all types, in the order in which they are named to a person.
func deliverTypes() []deliverType {
	return []deliverType{maildirType(), smtpType(), lmtpType(), commandType(), imapType(), mboxType(), gmailType()}
}

// DeliverTypes are the names of all types of destinations.
func DeliverTypes() (names []string) {
	for _, t := range deliverTypes() {
		names = append(names, t.name)
	}
	return names
}

// typeOf is the type of a destination. One whose type is not known can have a path and nothing else, as a Maildir has.
func typeOf(d *Deliver) deliverType {
	for _, t := range deliverTypes() {
		if t.name == d.Type {
			return t
		}
	}
	return maildirType()
}

// defaultSpool is 1 GiB: a long outage of a busy mailbox.
const defaultSpool = 1 << 30

// deliver checks one destination of an account.
func (c *checker) deliver(at document.Path, account string, m map[string]any) Deliver {
	d := Deliver{Required: true}
	names := DeliverTypes()
	if f := oneOf(&d.Type, names...)(m["type"]); m["type"] == nil {
		c.add(at.Key("type"), "missing", "one of "+strings.Join(names, ", "))
	} else if f != nil {
		c.add(at.Key("type"), f.text, f.hint)
		if _, ok := m["type"].(string); ok { // a type from elsewhere, and so may its keys be: they are not looked at
			return d
		}
	}
	t := typeOf(&d)
	if d.Type == "" || t.remote {
		d.SpoolMax, d.Connections = defaultSpool, 1
		d.Trace = !t.bare
	}
	before := len(c.problems)
	m = c.ownName(at, account, m)
	known, finish := c.deliverKeys(d.Type, &d)
	c.table(at, c.ownKeys(at, d.Type, m), known)
	if d.Name == "" && !c.concerns(before, at.Key("name")) {
		d.Name = d.Type
	}
	if d.Fallback {
		if _, ok := m["required"]; ok {
			c.add(at.Key("required"), "is not for a fallback", "it takes what others refuse: leave the key out")
		}
		d.Required = false
	}
	if finish != nil {
		finish(at, account, m, before)
	}
	return d
}

// deliverKeys gives the keys of a type of destination, or of all of them for "", and what is to be done once they were read;
// nil: nothing.
func (c *checker) deliverKeys(said string, d *Deliver) (known keys, end finish) {
	known = keys{
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
	for _, t := range deliverTypes() {
		if said != "" && said != t.name {
			continue
		}
		own, finish := t.keys(c, said, d)
		maps.Copy(known, own)
		if t.remote {
			known["spool_max"] = size(&d.SpoolMax, 1)
			if !t.alone {
				known["connections"] = integer(&d.Connections, 1, 50)
			}
		}
		if said != "" {
			end = finish
		}
	}
	return known, end
}

// ownKeys reports the keys that belong to other types than t, and gives the rest of m. A type that is not known, "",
// may have them all.
func (c *checker) ownKeys(at document.Path, t string, m map[string]any) map[string]any {
	rest := maps.Clone(m)
	if t == "" {
		return rest
	}
	types := map[string][]string{}
	for _, other := range DeliverTypes() {
		known, _ := c.deliverKeys(other, &Deliver{})
		for k := range known {
			types[k] = append(types[k], other)
		}
	}
	for k := range m {
		if of := types[k]; len(of) > 0 && !slices.Contains(of, t) {
			c.add(at.Key(k), "is for type "+sequence(of), "this destination has type "+t)
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

// choice names words of which one is to be written.
func choice(words []string) string {
	last := len(words) - 1
	return `"` + strings.Join(words[:last], `", "`) + `" or "` + words[last] + `"`
}
