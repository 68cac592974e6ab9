package config

import (
	"strings"
	"time"

	"github.com/popsync/popsync/config/document"
)

// Command is a program that takes each message on standard input.
type Command struct {
	Args     []string      // its absolute path and its arguments; no shell; at least one
	Timeout  time.Duration // for one message; more than 0
	LineEnds string        // of what it reads: "lf" or "crlf"
}

const commandExample = `["/usr/bin/maildrop", "-f", "{sender}"]`

// placeholders are what the command of a destination gets filled in.
var placeholders = []string{"{sender}", "{account}", "{id}"}

// commandType is a program.
func commandType() deliverType {
	return deliverType{
		name:   "command",
		remote: true,
		keys: func(c *checker, _ string, d *Deliver) (keys, finish) {
			p := Command{Timeout: 10 * time.Minute, LineEnds: "lf"}
			known := keys{
				"command":   c.env.argv(&p.Args, commandExample, true),
				"timeout":   duration(&p.Timeout),
				"line_ends": oneOf(&p.LineEnds, "lf", "crlf"),
			}
			return known, func(at document.Path, _ string, m map[string]any, _ int) {
				if _, ok := m["command"]; !ok {
					c.add(at.Key("command"), "missing", "the program and its arguments, such as "+commandExample)
				}
				d.Command = &p
			}
		},
		place: func(d *Deliver) (key, what, place string) {
			return "command", "this command", strings.Join(d.Command.Args, "\x00")
		},
		network: func(*Deliver) (*Network, bool) { return nil, false },
		odd: func(d *Deliver, add func(Oddity), of func(key string) Oddity) {
			oddArguments(add, of("command"), d.Command.Args, placeholders)
		},
	}
}
