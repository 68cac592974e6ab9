package document

import (
	"fmt"
	"io"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/popsync/popsync/internal/foreign"
)

// Table is a table to be written.
type Table struct {
	Path  Path   // "": the keys that stand above all tables
	List  bool   // it is an element of a list of tables
	Above string // what is said above it, in one line; "": nothing
	Note  string // what is said beside it; "": nothing
	Pairs []Pair
}

// Pair is a key and its value, as Decode gives it: no table, and nothing in it is one.
type Pair struct {
	Key   string
	Value any
	Note  string // what is said beside it; "": nothing
}

// Write writes tables, each with an empty line above it. ascii: what is beyond ASCII is escaped, for screens that do not know more.
func Write(w io.Writer, tables []Table, ascii bool) error {
	var b strings.Builder
	for _, t := range tables {
		b.WriteByte('\n')
		if t.Above != "" {
			b.WriteString(Remark(t.Above))
		}
		switch {
		case t.Path == "":
		case t.List:
			b.WriteString("[[" + string(t.Path) + "]]" + note(t.Note))
		default:
			b.WriteString("[" + string(t.Path) + "]" + note(t.Note))
		}
		for _, p := range t.Pairs {
			line, err := toml.Marshal(map[string]any{p.Key: p.Value})
			if err != nil {
				return fmt.Errorf("%s can't be written: %w", t.Path.Key(p.Key), err)
			}
			b.WriteString(foreign.TOML(strings.TrimSuffix(string(line), "\n"), ascii) + note(p.Note))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Remark is a comment in a line of its own.
func Remark(text string) string { return "# " + printable(text) + "\n" }

// note ends a line.
func note(text string) string {
	if text == "" {
		return "\n"
	}
	return "  # " + printable(text) + "\n"
}
