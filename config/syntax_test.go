package config

import (
	"strings"
	"testing"
)

// Each document is broken at or near a password; {} stands for it.
func TestSyntaxErrorsShowNoSecret(t *testing.T) {
	quotes := "the closing quote is missing on this line"
	for _, tt := range []struct{ doc, want string }{
		{`password = {}`, `1:12: syntax error: expected a value (texts stand in quotes: key = "value")`},
		{`password = "{}`, `1:26: syntax error: the closing quote is missing`},
		{"password = \"{}\n", `1:27: syntax error: ` + quotes},
		{"password = '{}\nx=1", `1:27: syntax error: ` + quotes},
		{`password = "{}"{}`, `1:28: syntax error: there is something after the end of the value (one key = value on each line; a quote inside a text is written \")`},
		{`password = "\{}"`, `1:13: syntax error: unknown escape in a text (in "..." write \\ for a backslash, or use '...')`},
		{`password = "\u{}"`, `1:13: syntax error: unknown escape in a text (in "..." write \\ for a backslash, or use '...')`},
		{`password = """{}`, `1:28: syntax error: the closing quotes of a text of several lines are missing`},
		{"a = 1\npassword '{}'\n", `2:10: syntax error: expected = after the key (write key = value)`},
		{"password = 'x'\n{}\n", `2:15: syntax error: expected = after the key (write key = value)`},
		{"password = 'x'\n{}", `2:14: syntax error: expected = after the key (write key = value)`},
		{"password = [{}]", `1:13: syntax error: expected a value (texts stand in quotes: key = "value")`},
		{"password = ['{}' '{}']", `1:30: syntax error: expected , or ] in a list`},
		{"password = {x = '{}' y}", `1:34: syntax error: expected , or } in a table`},
		{"password = 12{}", `1:14: syntax error: there is something after the end of the value (one key = value on each line; a quote inside a text is written \")`},
		{"password = 1_{}", `1:12: syntax error: not a number (texts stand in quotes: key = "value")`},
		{"password = 0x{}", `1:12: syntax error: not a number (texts stand in quotes: key = "value")`},
		{"password = +{}", `1:12: syntax error: not a number (texts stand in quotes: key = "value")`},
		{"password = 99999999999999999999", `1:12: syntax error: number out of range`},
		{"password = 2026-99-99", `1:12: syntax error: not a number or date (texts stand in quotes: key = "value")`},
		{"password = '{}'\npassword = '{}'", `2: syntax error: password is defined twice`},
		{"[a]\n[b]\n[a]", `3: syntax error: a is defined twice`},
		{"[a]\n[[a]]", `2: syntax error: a is defined twice, in different shapes`},
		{"password = '{}'\xff", `1:28: syntax error: the file is not UTF-8 (save it as UTF-8)`},
		{"p\x00a\x00", `1:1: syntax error: the file is not UTF-8 (save it as UTF-8)`},
		{"[a", `1:2: syntax error: in a table's name (write [name] or [[name]])`},
		{"[{} x]", `1:17: syntax error: in a table's name (write [name] or [[name]])`},
		{"[a\nx = '{}'\n", `1: syntax error: in a table's name (write [name] or [[name]])`},
		{"x = 1\n\n[[a.b\n\nx = '{}'\n", `3: syntax error: in a table's name (write [name] or [[name]])`},
		{"x = 1\nto = ['{}'\npassword = '{}'\n", `2: syntax error: what begins here is not closed by ]`},
		{"to = ['{}'\n\n[a]\npassword = '{}'\n", `1: syntax error: what begins here is not closed by ]`},
		{"to = ['{}',\npassword = '{}'\n", `1: syntax error: what begins here is not closed by ]`},
		{"x = {a = '{}'\n[b]\n", `1: syntax error: what begins here is not closed by }`},
		{"to = [\n'{}'\n'{}'\n]\n", `3:18: syntax error: expected , or ] in a list`},
		{"x = " + strings.Repeat("[", 1<<20), " more than 100 levels in one another"},
	} {
		got := problems(t, strings.ReplaceAll(tt.doc, "{}", marker), Options{})
		if tt.want[0] == ' ' {
			tt.want = "1:" + tt.want
		}
		if got != tt.want {
			t.Errorf("%.60q\ngot  %s\nwant %s", tt.doc, got, tt.want)
		}
		if strings.Contains(got, marker[:2]) {
			t.Errorf("%.60q: shown", tt.doc)
		}
	}
}
