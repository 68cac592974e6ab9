package config

import (
	"path/filepath"
	"strings"

	"github.com/popsync/popsync/config/document"
)

// argv accepts a program and its arguments, such as example. "~" is expanded in the program's path only. absolute
// demands that path; else a name is left to a search in PATH. No value is shown: an argument might be a secret.
func (e Env) argv(dst *[]string, example string, absolute bool) convert {
	hint := "write a list of texts, such as " + example + "; there is no shell"
	return func(v any) *fault {
		list, f := texts(v, hint)
		if f != nil {
			return f
		}
		for i, s := range list {
			if strings.ContainsRune(s, 0) {
				return &fault{text: "must not hold a NUL", at: document.Path("").Index(i)}
			}
			if f := notMasked("argument")(s); f != nil { // the program would be run with it
				f.at = document.Path("").Index(i)
				return f
			}
		}
		program := list[0]
		switch {
		case program == "":
			return &fault{text: "the program is missing", hint: hint, at: "[0]"}
		case strings.HasPrefix(program, "~"):
			p, f := e.expand(program)
			if f != nil {
				f.at = "[0]"
				return f
			}
			list[0] = p
		case len(list) == 1 && strings.Contains(program, " "):
			return &fault{text: "a program and its arguments in one text", hint: hint, at: "[0]"}
		case absolute && !filepath.IsAbs(program):
			return &fault{text: "the program is not an absolute path", at: "[0]",
				hint: "write an absolute path or ~/...; it is not searched for in PATH"}
		case strings.Contains(program, "/") && !filepath.IsAbs(program):
			return &fault{text: "the program is a relative path", at: "[0]",
				hint: "write an absolute path, or a name that is found in PATH"}
		}
		*dst = list
		return nil
	}
}

// texts gives the elements of a list of texts that is not empty.
func texts(v any, hint string) ([]string, *fault) {
	list, ok := v.([]any)
	if !ok {
		return nil, want("a list of texts", v, hint)
	}
	if len(list) == 0 {
		return nil, &fault{text: "must not be empty", hint: hint}
	}
	out := make([]string, len(list))
	for i, e := range list {
		s, ok := e.(string)
		if !ok {
			f := want("a text", e, hint)
			f.at = document.Path("").Index(i)
			return nil, f
		}
		out[i] = s
	}
	return out, nil
}
