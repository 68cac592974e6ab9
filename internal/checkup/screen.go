package checkup

import (
	"fmt"
	"io"
	"strings"

	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/words"
)

// fewAccounts is up to how many accounts all findings are printed: with more, nobody would find those that matter.
const fewAccounts = 3

// screenful prints what was found, for people or programs.
type screenful struct {
	w     io.Writer
	width int // of lines; 0: they are not wrapped
	full  bool
	table bool // a row for each of several accounts
	json  bool
	alone bool // no server was asked
}

// Options say how it is printed.
type Options struct {
	Accounts int  // how many there are
	Width    int  // of lines; 0: they are not broken
	Verbose  bool // all findings of many accounts, too
	JSON     bool // for programs
	Offline  bool // no server was asked
	Trial    bool // of alarms: all findings and no table
}

// newScreen prints to w.
func newScreen(w io.Writer, o Options) *screenful {
	return &screenful{w: w, width: o.Width, full: o.Verbose || o.Trial || o.Accounts <= fewAccounts, table: o.Accounts > 1 && !o.Trial, json: o.JSON, alone: o.Offline}
}

// heads are what lines begin with.
var heads = map[Level]string{OK: "ok", Info: "info", Note: "note", Fail: "FAIL"}

// Sheet prints the findings of one sheet, which nobody writes to any more.
func (p *screenful) Sheet(s *Sheet) error {
	if p.json {
		return screen.WriteJSON(p.w, s.Object())
	}
	var b strings.Builder
	for _, f := range s.findings {
		if !p.full && s.account != "" && (f.Level == OK || f.Level == Info) {
			continue
		}
		p.finding(&b, s.account, f)
	}
	if s.begun && !s.whole {
		p.finding(&b, s.account, Finding{Level: Info, Part: PartConfiguration, Text: "stopped; the rest was not looked at"})
	}
	_, err := io.WriteString(p.w, b.String())
	return err
}

func (p *screenful) finding(b *strings.Builder, account string, f Finding) {
	about := account
	if about == "" {
		about = string(f.Part)
	}
	p.line(b, fmt.Sprintf("%-5s ", heads[f.Level]), about+": "+f.Text)
	if f.Next != "" {
		p.line(b, "      ", "next step: "+f.Next)
	}
}

// line writes one text, with what its first line begins with.
func (p *screenful) line(b *strings.Builder, head, text string) {
	text = words.Clip(text)
	if p.width > 0 {
		text = screen.Wrap(text, "      ", max(p.width-len(head), 20))
	}
	b.WriteString(head + text + "\n")
}

// Summary prints the table, and below it who needs attention: that is what stays on a screen.
func (p *screenful) Summary(all []*Sheet, stopped bool) error {
	if p.json {
		return nil
	}
	accounts := all[1:]
	var b strings.Builder
	if p.table {
		b.WriteString("\n")
		if err := checkTable(&b, accounts); err != nil {
			return err
		}
	}
	lines := verdictLines(all, stopped)
	if p.alone && !p.full {
		lines = append(lines, "servers, logins, the mail there and mail servers of destinations were not looked at (--offline)")
	}
	if len(lines) > 0 {
		b.WriteString("\n")
	}
	for _, line := range lines {
		b.WriteString(screen.Wrap(words.Clip(line), "  ", p.width) + "\n")
	}
	_, err := io.WriteString(p.w, b.String())
	return err
}
