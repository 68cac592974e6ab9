package document

import (
	"fmt"
	"regexp"
	"strings"
)

// unclosed mends the place of a problem that is told where something else begins, though the bracket that is missing
// belongs to an earlier line.
func (p *Problem) unclosed(msg, doc string) {
	s := scanned(doc)
	rest := s.doc[s.at:]
	switch {
	case strings.Contains(msg, "table name") || strings.Contains(msg, "table array name"):
		if s.line < p.Line { // it takes the end of the line for the next one
			p.Line, p.Col = s.line, 0
		}
	case s.open.line == 0 || s.open.line >= p.Line:
	case strings.Contains(msg, "terminator") && (rest == "" || beginsLine.MatchString(rest)),
		strings.Contains(msg, "expected value") && beginsLine.MatchString(lineAt(doc, p.Line)): // there was a comma
		p.Line, p.Col = s.open.line, 0
		p.Text, p.Hint = fmt.Sprintf("syntax error: what begins here is not closed by %c", s.open.end), ""
	}
}

// beginsLine is how a key or a table begins that stands where a list should go on.
var beginsLine = regexp.MustCompile(`^[ \t]*([A-Za-z0-9_"'.-]+[ \t]*=|\[{1,2}[A-Za-z_"'])`)

// lineAt is a line of a document, from 1, without its end.
func lineAt(doc string, line int) string {
	lines := strings.SplitN(doc, "\n", line+1)
	if line < 1 || line > len(lines) {
		return ""
	}
	return lines[line-1]
}

// syntaxText words a syntax error anew. The decoder's messages quote what they met, which near a password is a part
// of it; so only the kind of the error is taken from them, and the name of a key that was defined twice.
func syntaxText(msg string) (text, hint string) {
	if rest, ok := strings.CutPrefix(msg, "Key '"); ok {
		if key, what, ok := strings.Cut(rest, "' "); ok && !strings.ContainsAny(key, "\r\n") {
			switch {
			case strings.HasPrefix(what, "has already been defined"):
				return "syntax error: " + string(Path(key).Short()) + " is defined twice", ""
			case strings.HasPrefix(what, "was already created"):
				return "syntax error: " + string(Path(key).Short()) + " is defined twice, in different shapes", ""
			}
		}
	}
	for _, k := range syntaxKinds {
		if strings.Contains(msg, k.has) {
			return "syntax error: " + k.text, k.hint
		}
	}
	return "syntax error", "see https://toml.io"
}

// syntaxKinds is searched in order.
var syntaxKinds = []struct{ has, text, hint string }{
	{"files cannot contain NULL bytes", "the file is not UTF-8", "save it as UTF-8"},
	{"invalid UTF-8", "the file is not UTF-8", "save it as UTF-8"},
	{"control characters", "control character", ""},
	{"strings cannot contain newlines", "the closing quote is missing on this line", ""},
	{`expected '"'`, "the closing quote is missing", ""},
	{`expected "'"`, "the closing quote is missing", ""},
	{`'"""'`, "the closing quotes of a text of several lines are missing", ""},
	{`"'''"`, "the closing quotes of a text of several lines are missing", ""},
	{"invalid escape", "unknown escape in a text", `in "..." write \\ for a backslash, or use '...'`},
	{"hexadecimal digits", "unknown escape in a text", `in "..." write \\ for a backslash, or use '...'`},
	{"is not valid UTF-8", "unknown escape in a text", `in "..." write \\ for a backslash, or use '...'`},
	{"end with a newline", "there is something after the end of the value", "one key = value on each line; a quote inside a text is written \\\""},
	{"table name", "in a table's name", "write [name] or [[name]]"},
	{"table array name", "in a table's name", "write [[name]]"},
	{"expected '.' or '='", "expected = after the key", "write key = value"},
	{"expected key separator", "expected = after the key", "write key = value"},
	{"key name appears blank", "the key before = is missing", "write key = value"},
	{"keys cannot start", "a key begins with a dot", ""},
	{"array terminator", "expected , or ] in a list", ""},
	{"inline table terminator", "expected , or } in a table", ""},
	{"unexpected comma", "a comma too many", ""},
	{"expected value", "expected a value", "texts stand in quotes: key = \"value\""},
	{"Invalid integer", "not a number", "texts stand in quotes: key = \"value\""},
	{"nvalid float", "not a number", "texts stand in quotes: key = \"value\""},
	{"expected a digit", "not a number", "texts stand in quotes: key = \"value\""},
	{"must start with a digit", "not a number", "texts stand in quotes: key = \"value\""},
	{"number", "not a number", "texts stand in quotes: key = \"value\""},
	{"invalid datetime", "not a number or date", "texts stand in quotes: key = \"value\""},
	{"out of range", "number out of range", ""},
	{"unexpected EOF", "the file ends too early", ""},
}
