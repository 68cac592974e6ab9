// Package document reads the text of a configuration: what stands in it, on which line, and what is wrong with it, in words for
// the person who wrote it. It also writes such text.
//
// It knows no key and what none means, opens no file, and never puts into an error what may be a secret: what a person typed is
// shown only by Shown, and a syntax error is worded anew, since the decoder quotes what it met. The syntax is TOML 1.0 with the
// relaxations of 1.1; the decoder judges, and a scanner of our own finds the lines. The package config is its only caller.
package document

import (
	"errors"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"
)

// MaxFile bounds the file, in octets: about 50,000 accounts.
const MaxFile = 16 << 20

// Decode gives the generic tree of a document and where its keys stand, or the problem that keeps it from being one.
func Decode(name string, data []byte) (tree map[string]any, where Positions, p *Problem) {
	defer func() {
		// The decoder reports its own inconsistencies by a panic. Its text may quote the document: it is dropped.
		if recover() != nil {
			tree, p = nil, &Problem{File: name, Text: "this file confuses the TOML decoder", Hint: "simplify the tables"}
		}
	}()
	if len(data) > MaxFile {
		return nil, nil, &Problem{File: name, Text: fmt.Sprintf("larger than %d bytes", MaxFile)}
	}
	// The scanner comes first because it stops at a depth where the decoder would exhaust its stack.
	where, deep := scan(string(data))
	if deep > 0 {
		return nil, nil, &Problem{File: name, Line: deep, Text: fmt.Sprintf("more than %d levels in one another", maxDepth)}
	}
	_, err := toml.Decode(string(data), &tree)
	if err == nil {
		return tree, where, nil
	}
	var pe toml.ParseError
	if !errors.As(err, &pe) {
		return nil, nil, &Problem{File: name, Text: "not valid TOML"}
	}
	text, hint := syntaxText(pe.Message)
	p = &Problem{File: name, Line: pe.Position.Line, Col: pe.Position.Col, Text: text, Hint: hint}
	if strings.Contains(text, "defined twice") {
		p.Col = 0 // found when the line had been read: the decoder's column is its end
	}
	p.unclosed(pe.Message, string(data))
	return nil, nil, p
}
