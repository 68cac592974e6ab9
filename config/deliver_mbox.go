package config

import "github.com/popsync/popsync/config/document"

// Mbox is a mailbox file on this machine.
type Mbox struct {
	Path string // absolute
	Lock string // how others are kept out meanwhile: "both", "fcntl" or "dotlock"
}

// mboxType is a mailbox file on this machine. Mail waits for it in a spool, as it may be locked by another program.
func mboxType() deliverType {
	return deliverType{
		name:   "mbox",
		remote: true,
		bare:   true,
		alone:  true,
		keys: func(c *checker, _ string, d *Deliver) (keys, finish) {
			b := Mbox{Lock: "both"}
			known := keys{
				"path": c.env.path(&b.Path),
				"lock": oneOf(&b.Lock, "both", "fcntl", "dotlock"),
			}
			return known, func(at document.Path, _ string, m map[string]any, _ int) {
				if p, ok := m["path"]; !ok || p == "" {
					c.add(at.Key("path"), "missing", `the mailbox file, such as "~/mail/inbox.mbox"`)
				}
				d.Mbox = &b
			}
		},
		place: func(d *Deliver) (key, what, place string) {
			if d.Mbox == nil {
				return "", "", ""
			}
			return "path", "this mailbox", d.Mbox.Path
		},
		network: func(*Deliver) (*Network, bool) { return nil, false },
		odd: func(d *Deliver, add func(Oddity), of func(key string) Oddity) {
			oddPath(add, of("path"), d.Mbox.Path)
		},
	}
}
