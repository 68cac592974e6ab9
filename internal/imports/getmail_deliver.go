package imports

import (
	"strconv"
	"strings"
)

// getmailDestination adds what a section of a getmailrc delivers to.
func (f *file) getmailDestination(a *Account, all map[string]*section, name string, used map[string]bool, depth int) error {
	d := all[name]
	if d == nil {
		return &Error{Text: "there is no section [" + strings.Trim(quoted(name), `"`) + "]"}
	}
	if depth > 8 {
		return &Error{d.line, "destinations that name one another"}
	}
	used[name] = true
	line, kind := d.at["type"], d.get("type")
	where := "[" + name + "] " + kind
	switch kind {
	case "Maildir":
		f.maildir(a, line, where, d.get("path"))
	case "Mboxrd":
		a.say(line, where, Decide, `write the destination yourself: type = "mbox" and path = "/path/of/the/file"`)
	case "MDA_external":
		f.getmailCommand(a, d, where)
	case "MDA_lmtp":
		getmailLMTP(a, d, all["retriever"], where)
	case "MultiDestination":
		list, ok := pythonList(d.get("destinations"))
		if !ok {
			return &Error{d.at["destinations"], "destinations is no list of sections"}
		}
		for _, part := range list {
			inner, isSection := strings.CutPrefix(part, "[")
			inner, closed := strings.CutSuffix(inner, "]")
			switch {
			case isSection && closed:
				if err := f.getmailDestination(a, all, inner, used, depth+1); err != nil {
					return err
				}
			case strings.HasSuffix(part, "/"):
				f.maildir(a, d.at["destinations"], where, part)
			default:
				a.say(d.at["destinations"], where, Decide, "popsync does not write to "+quoted(part)+": choose a Maildir or another destination")
			}
		}
		return nil
	default:
		a.say(line, where, Decide, "popsync does not sort mail: choose one destination, or a command that sorts")
	}
	for _, k := range d.keys {
		switch k {
		case "type", "path", "arguments", "host", "port", "override":
		default:
			a.say(d.at[k], "["+name+"] "+k, Unsupported, map[string]string{"user": "popsync delivers as the user that runs it",
				"filemode": "files of a Maildir are readable by their owner alone"}[k])
		}
	}
	return nil
}

func (f *file) getmailCommand(a *Account, d *section, where string) {
	args := []string{d.get("path")}
	if v := d.get("arguments"); v != "" {
		list, ok := pythonList(v)
		if !ok {
			a.say(d.at["arguments"], where, Decide, "write the arguments of the command yourself: they are no list of texts")
			return
		}
		args = append(args, list...)
	}
	if !strings.HasPrefix(args[0], "/") {
		a.say(d.at["path"], where, Decide, "write the program by its absolute path: "+quoted(args[0]))
		return
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "%(sender)", "{sender}")
	}
	f.arguments(a, d.at["path"], where, args)
}

// getmailLMTP: the host is one, or the path of a socket. Without override the recipient is who the message was for, which only
// accounts that collect for many know.
func getmailLMTP(a *Account, d, retriever *section, where string) {
	address := d.get("host")
	if strings.HasPrefix(address, "/") {
		address = "unix:" + address
	} else {
		if strings.Contains(address, ":") {
			address = "[" + address + "]"
		}
		port := d.get("port")
		if _, err := strconv.Atoi(port); err != nil {
			port = "24"
		}
		address += ":" + port
	}
	s := Settings{{"type", "lmtp"}, {"address", address}}
	if to := d.get("override"); to != "" {
		s.Set("to", []string{to})
		a.done(d.at["type"], where)
	} else if header, nth, _ := strings.Cut(retriever.get("envelope_recipient"), ":"); header != "" {
		s.Set("envelope_header", header)
		if n, _ := strconv.Atoi(nth); n > 1 { // getmail counts from 1
			s.Set("envelope_skip", n-1)
		}
		a.say(d.at["type"], where, Decide, `write which domains are yours: allow_domains = ["example.org"]`)
	} else {
		a.say(d.at["type"], where, Decide, `write the recipient: to = ["you@example.org"]`)
	}
	a.Deliver = append(a.Deliver, Destination{Settings: s})
}
