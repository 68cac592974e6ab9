package config

import "github.com/popsync/popsync/config/document"

// maildirType is a Maildir on this machine.
func maildirType() deliverType {
	return deliverType{
		name: "maildir",
		keys: func(c *checker, _ string, d *Deliver) (keys, finish) {
			return keys{"path": c.env.path(&d.Path)}, func(at document.Path, _ string, m map[string]any, _ int) {
				if p, ok := m["path"]; !ok || p == "" {
					c.add(at.Key("path"), "missing", "the folder of the Maildir")
				}
			}
		},
		place:   func(d *Deliver) (key, what, place string) { return "path", "this path", d.Path },
		network: func(*Deliver) (*Network, bool) { return nil, false },
		odd: func(d *Deliver, add func(Oddity), of func(key string) Oddity) {
			oddPath(add, of("path"), d.Path)
		},
	}
}
