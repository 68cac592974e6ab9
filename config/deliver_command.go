package config

import "time"

// Command is a program that takes each message on standard input.
type Command struct {
	Args     []string      // its absolute path and its arguments; no shell; at least one
	Timeout  time.Duration // for one message; more than 0
	LineEnds string        // of what it reads: "lf" or "crlf"
}

const commandExample = `["/usr/bin/maildrop", "-f", "{sender}"]`

func defaultCommand() Command { return Command{Timeout: 10 * time.Minute, LineEnds: "lf"} }

func (c *checker) commandKeys(p *Command) keys {
	return keys{
		"command":   c.argv(&p.Args, commandExample, true),
		"timeout":   duration(&p.Timeout),
		"line_ends": oneOf(&p.LineEnds, "lf", "crlf"),
	}
}
