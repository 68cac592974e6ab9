package imports

import "strings"

// section is one [name] of a getmailrc.
type section struct {
	line int
	keys []string // in the order of the file, lower case
	at   map[string]int
	text map[string]string
}

func (s *section) get(key string) string {
	if s == nil {
		return ""
	}
	return s.text[key]
}

// sections reads a file as Python's RawConfigParser does: = or :, comments with # or ;, lines that go on indented.
func sections(s string) (map[string]*section, []string, error) {
	all := map[string]*section{}
	var order []string
	var now *section
	last := ""
	for i, raw := range strings.Split(s, "\n") {
		n, l := i+1, strings.TrimRight(raw, " \t\r")
		trimmed := strings.TrimLeft(l, " \t")
		switch {
		case trimmed == "":
			continue
		case trimmed[0] == '#' || trimmed[0] == ';':
			continue
		case l != trimmed && now != nil && last != "":
			now.text[last] += "\n" + trimmed
			continue
		case trimmed[0] == '[':
			name, rest, ok := strings.Cut(trimmed[1:], "]")
			if !ok || strings.TrimSpace(rest) != "" {
				return nil, nil, &Error{n, "a section begins with [name]"}
			}
			if all[name] != nil {
				return nil, nil, &Error{n, "section [" + strings.Trim(quoted(name), `"`) + "] a second time"}
			}
			now, last = &section{line: n, at: map[string]int{}, text: map[string]string{}}, ""
			all[name] = now
			order = append(order, name)
			continue
		case now == nil:
			return nil, nil, &Error{n, "a key before the first section"}
		}
		cut := strings.IndexAny(trimmed, "=:")
		if cut < 0 {
			return nil, nil, &Error{n, "neither a section nor a key with a value"}
		}
		last = strings.ToLower(strings.TrimSpace(trimmed[:cut]))
		if _, twice := now.text[last]; twice {
			return nil, nil, &Error{n, "key " + quoted(last) + " a second time"}
		}
		now.keys = append(now.keys, last)
		now.at[last], now.text[last] = n, strings.TrimSpace(trimmed[cut+1:])
	}
	return all, order, nil
}

// truth reads one of getmail's truth values; usual is what it means if the key is not there.
func (s *section) truth(key string, usual bool) bool {
	switch strings.ToLower(s.get(key)) {
	case "":
		return usual
	case "1", "yes", "true", "on":
		return true
	}
	return false
}

// pythonList reads a tuple or list of texts, such as ("pass", "show"). ok is false for anything else.
func pythonList(s string) (list []string, ok bool) {
	v, rest, err := literal(strings.TrimSpace(s), 0)
	if err != nil || strings.TrimSpace(rest) != "" {
		return nil, false
	}
	if one, single := v.(string); single { // ("a"), which Python takes for a text
		return []string{one}, true
	}
	items, ok := v.([]any)
	for _, e := range items {
		t, isText := e.(string)
		if !isText {
			return nil, false
		}
		list = append(list, t)
	}
	return list, ok && len(list) > 0
}
