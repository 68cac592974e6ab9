package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/popsync/popsync/internal/screen"
)

// fewAccounts is up to how many accounts all findings are printed: with more, nobody would find those that matter.
const fewAccounts = 3

// checkScreen prints what check found, for people or programs.
type checkScreen struct {
	w     io.Writer
	width int // of lines; 0: they are not wrapped
	full  bool
	table bool // a row for each of several accounts
	json  bool
	alone bool // no server was asked
}

func (a *app) newCheckScreen(accounts int, o checkOptions) *checkScreen {
	p := &checkScreen{w: a.out, full: o.verbose || o.alarm || accounts <= fewAccounts, table: accounts > 1 && !o.alarm, json: o.asJSON, alone: o.offline}
	if a.outTerm {
		p.width, _ = a.outSize()
	}
	return p
}

// words are what lines begin with.
var words = map[level]string{levelOK: "ok", levelInfo: "info", levelNote: "note", levelFail: "FAIL"}

// sheet prints the findings of one sheet.
func (p *checkScreen) sheet(s *sheet) error {
	if p.json {
		return screen.WriteJSON(p.w, s.object())
	}
	var b strings.Builder
	for _, f := range s.findings {
		if !p.full && s.account != "" && (f.Level == levelOK || f.Level == levelInfo) {
			continue
		}
		p.finding(&b, s.account, f)
	}
	if s.begun && !s.whole {
		p.finding(&b, s.account, finding{Level: levelInfo, Part: partConfiguration, Text: "stopped; the rest was not looked at"})
	}
	_, err := io.WriteString(p.w, b.String())
	return err
}

func (p *checkScreen) finding(b *strings.Builder, account string, f finding) {
	about := account
	if about == "" {
		about = f.Part
	}
	p.line(b, fmt.Sprintf("%-5s ", words[f.Level]), about+": "+f.Text)
	if f.Next != "" {
		p.line(b, "      ", "next step: "+f.Next)
	}
}

// line writes one text, with what its first line begins with.
func (p *checkScreen) line(b *strings.Builder, head, text string) {
	text = screen.Printable(text)
	if p.width > 0 {
		text = screen.Wrap(text, "      ", max(p.width-len(head), 20))
	}
	b.WriteString(head + text + "\n")
}

// summary prints the table, and below it who needs attention: that is what stays on a screen.
func (p *checkScreen) summary(all []*sheet, stopped bool) error {
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
		b.WriteString(screen.Wrap(screen.Printable(line), "  ", p.width) + "\n")
	}
	_, err := io.WriteString(p.w, b.String())
	return err
}
