package imports

import "strings"

// command adds a destination that runs a program. line is what the other fetcher gave to a shell: it is split into arguments
// where that needs no shell. words are its placeholders and ours.
func (f *file) command(a *Account, line int, key, cmd string, words map[string]string) {
	args, plain := split(cmd)
	for i := range args {
		for theirs, ours := range words {
			args[i] = strings.ReplaceAll(args[i], theirs, ours)
		}
	}
	switch {
	case len(args) == 0:
		a.say(line, key, Decide, "the command is empty")
	case !plain:
		a.say(line, key, Decide, "popsync runs programs without a shell: write the command as a list, for example "+
			`command = ["/usr/bin/procmail", "-d", "anna"]`+", or put the line into a script")
	case !strings.HasPrefix(args[0], "/"):
		a.say(line, key, Decide, "write the program by its absolute path: "+quoted(args[0]))
	default:
		f.arguments(a, line, key, args)
	}
}

// arguments adds a destination that runs a program.
func (f *file) arguments(a *Account, line int, key string, args []string) {
	for _, s := range args {
		if i := strings.IndexByte(s, '%'); i >= 0 && i+1 < len(s) && s[i+1] != '%' {
			a.say(line, key, Decide, "write the command yourself: popsync does not know "+quoted(s[i:min(len(s), i+2)]))
			return
		}
	}
	a.Deliver = append(a.Deliver, Destination{Settings: Settings{{"type", "command"}, {"command", args}}})
	a.done(line, key)
}

// split divides a line of a shell into its words. plain is false where a shell would do more than that.
func split(s string) (args []string, plain bool) {
	var b strings.Builder
	in, word := byte(0), false
	plain = true
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case in != 0 && c == in:
			in = 0
		case in == '\'':
			b.WriteByte(c)
		case c == '$' || c == '`' || c == '\\' || in == 0 && strings.IndexByte("|&;<>()*?[]{}!#~=\n", c) >= 0:
			plain = false
			b.WriteByte(c)
			word = true
		case in != 0:
			b.WriteByte(c)
		case c == '\'' || c == '"':
			in, word = c, true
		case c == ' ' || c == '\t':
			if word {
				args = append(args, b.String())
				b.Reset()
				word = false
			}
		default:
			b.WriteByte(c)
			word = true
		}
	}
	if word {
		args = append(args, b.String())
	}
	return args, plain && in == 0
}

// file sets ours to a path, which must not depend on where the other program ran.
func (f *file) file(a *Account, line int, key, ours, path string) {
	p, ok := f.path(path)
	if !ok {
		a.say(line, key, Decide, "write the absolute path, as "+ours)
		return
	}
	a.set(ours, p)
	a.done(line, key)
}

// caFile takes over a file of certificates; the system's own needs no key.
func (f *file) caFile(a *Account, line int, key, path string) {
	p, ok := f.path(path)
	switch {
	case path == "" || path == "system" || strings.HasSuffix(path, "/ca-certificates.crt") || strings.HasSuffix(path, "/ca-bundle.crt"):
		a.done(line, key)
	case !ok:
		a.say(line, key, Decide, "write the absolute path: "+quoted(path))
	default:
		a.set("ca_file", p)
		a.done(line, key)
	}
}
