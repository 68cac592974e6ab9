package config

// maildirType is a Maildir on this machine.
func maildirType() deliverType {
	return deliverType{
		name: "maildir",
		keys: func(c *checker, _ string, d *Deliver) (keys, finish) {
			return keys{"path": c.path(&d.Path)}, func(at, _ string, m map[string]any, _ int) {
				if p, ok := m["path"]; !ok || p == "" {
					c.add(member(at, "path"), "missing", "the folder of the Maildir")
				}
			}
		},
		place: func(d *Deliver) (key, what, place string) { return "path", "this path", d.Path },
		odd: func(d *Deliver, add func(Oddity), of func(key string) Oddity) {
			oddPath(add, of("path"), d.Path)
		},
	}
}
