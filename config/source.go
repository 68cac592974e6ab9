package config

import (
	"os"
	"path/filepath"
	"strings"
)

// source collects the keys of an account that say where its secret is found. None of its converters shows a value.
type source struct {
	literal string
	file    string
	command []string
}

func (c *checker) sourceKeys(s *source) keys {
	return keys{
		"password":         text(&s.literal, checkLiteral),
		"password_file":    c.secretPath(&s.file),
		"password_command": c.command(&s.command),
	}
}

func checkLiteral(s string) *fault {
	switch {
	case s == "":
		return &fault{text: "must not be empty", hint: "leave the key out to be asked on a terminal"}
	case strings.ContainsAny(s, "\r\n\x00"):
		return &fault{text: "must not hold a line end or a NUL"}
	}
	return nil
}

// secretPath is path for a key whose value might be a secret put in the wrong place.
func (c *checker) secretPath(dst *string) convert {
	return func(v any) *fault {
		s, ok := v.(string)
		switch {
		case !ok:
			return want("a path in quotes", v, "")
		case s == "":
			return &fault{text: "must not be empty"}
		case !strings.HasPrefix(s, "~") && !filepath.IsAbs(s):
			return &fault{text: "not an absolute path", hint: "write an absolute path or ~/..."}
		}
		p, f := c.expand(s)
		if f == nil {
			*dst = p
		}
		return f
	}
}

// command accepts a program and its arguments. "~" is expanded in the program's path only.
func (c *checker) command(dst *[]string) convert {
	const hint = `write a list of texts, such as ["pass", "show", "mail/work"]; there is no shell`
	return func(v any) *fault {
		list, ok := v.([]any)
		if !ok {
			return want("a list of texts", v, hint)
		}
		if len(list) == 0 {
			return &fault{text: "must not be empty", hint: hint}
		}
		argv := make([]string, len(list))
		for i, e := range list {
			s, ok := e.(string)
			if !ok {
				f := want("a text", e, hint)
				f.at = element("", i)
				return f
			}
			if strings.ContainsRune(s, 0) {
				return &fault{text: "must not hold a NUL", at: element("", i)}
			}
			argv[i] = s
		}
		program := argv[0]
		switch {
		case program == "":
			return &fault{text: "the program is missing", hint: hint, at: "[0]"}
		case strings.HasPrefix(program, "~"):
			p, f := c.expand(program)
			if f != nil {
				f.at = "[0]"
				return f
			}
			argv[0] = p
		case strings.Contains(program, "/") && !filepath.IsAbs(program):
			return &fault{text: "the program is a relative path", at: "[0]",
				hint: "write an absolute path, or a name that is found in PATH"}
		case len(argv) == 1 && strings.Contains(program, " "):
			return &fault{text: "a program and its arguments in one text", hint: hint, at: "[0]"}
		}
		*dst = argv
		return nil
	}
}

// secret chooses the one source of an account, at path with the keys of m.
func (c *checker) secret(path, account string, m map[string]any, s source) SecretSource {
	var given []string
	for _, k := range []SecretKind{SecretLiteral, SecretFile, SecretCommand} {
		if _, ok := m[string(k)]; ok {
			given = append(given, string(k))
		}
	}
	if len(given) > 1 {
		c.add(member(path, given[len(given)-1]), "more than one source of the secret: "+strings.Join(given, ", "), "keep one")
		return SecretSource{}
	}
	if len(given) == 1 {
		switch SecretKind(given[0]) {
		case SecretLiteral:
			return SecretSource{Kind: SecretLiteral, Literal: newSecret(s.literal)}
		case SecretFile:
			return SecretSource{Kind: SecretFile, File: s.file}
		default:
			return SecretSource{Kind: SecretCommand, Command: s.command}
		}
	}
	if dir := c.env.get("CREDENTIALS_DIRECTORY"); dir != "" && checkName(account) == nil {
		for _, name := range []string{"popsync." + account, account} {
			file := filepath.Join(dir, name)
			if _, err := os.Stat(file); err == nil {
				return SecretSource{Kind: SecretCredential, File: file}
			}
		}
	}
	return SecretSource{Kind: SecretPrompt}
}
