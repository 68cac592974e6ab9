package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/popsync/popsync/fetcher"
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
}

func (a *app) newCheckScreen(accounts int, o checkOptions) *checkScreen {
	p := &checkScreen{w: a.out, full: o.verbose || o.alarm || accounts <= fewAccounts, table: accounts > 1 && !o.alarm, json: o.asJSON}
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
		return writeJSON(p.w, s.object())
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
	text = printable(text)
	if p.width > 0 {
		text = wrapped(text, "      ", max(p.width-len(head), 20))
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
	if len(lines) > 0 {
		b.WriteString("\n")
	}
	for _, line := range lines {
		b.WriteString(wrapped(printable(line), "  ", p.width) + "\n")
	}
	_, err := io.WriteString(p.w, b.String())
	return err
}

// verdictLines say who failed, or that nobody did. Of one account its findings say that.
func verdictLines(all []*sheet, stopped bool) (lines []string) {
	general, accounts := all[0], all[1:]
	var bad []string
	skipped, cut, noted := 0, 0, 0
	for _, s := range accounts {
		switch {
		case !s.begun:
			skipped++
		case !s.whole:
			cut++
		}
		if c := s.class(); c != fetcher.OK {
			bad = append(bad, s.account+" ("+string(c)+")")
		}
		if s.notes() > 0 {
			noted++
		}
	}
	if len(accounts) > 1 {
		if c := general.class(); c != fetcher.OK {
			lines = append(lines, "FAIL at the beginning is about all accounts ("+string(c)+")")
		}
		switch {
		case len(bad) > 0:
			const most = 20
			names := strings.Join(bad[:min(len(bad), most)], ", ")
			if more := len(bad) - most; more > 0 {
				names += fmt.Sprintf(" and %d more", more)
			}
			lines = append(lines, fmt.Sprintf("%d of %s failed: %s", len(bad), count(len(accounts), "account"), names))
		case stopped || len(lines) > 0:
		case noted > 0:
			lines = append(lines, "nothing failed; there are notes about "+count(noted, "account"))
		default:
			lines = append(lines, "nothing failed")
		}
	}
	if stopped {
		line := "stopped; " + count(skipped, "account") + " not looked at"
		if cut > 0 {
			line += fmt.Sprintf(", %d only in part", cut)
		}
		lines = append(lines, line)
	}
	return lines
}

// screenWidth is what the table keeps to, whatever the terminal has: it is mailed, too.
const screenWidth = 80

// checkTable writes one row for each account.
func checkTable(w io.Writer, accounts []*sheet) error {
	head := []string{"ACCOUNT", "SERVER", "LOGIN", "MAIL", "DESTINATIONS", "RESULT"}
	var rows [][]string
	for _, s := range accounts {
		rows = append(rows, s.cells())
	}
	rest := 0 // what the columns behind the names take
	for i := 1; i < len(head); i++ {
		width := len(head[i])
		for _, r := range rows {
			width = max(width, len(r[i]))
		}
		rest += 2 + width
	}
	most := max(screenWidth-rest, 12)
	for _, r := range rows {
		r[0] = shortened(r[0], most)
	}
	return table(w, head, rows)
}

// shortened cuts a text to so many characters.
func shortened(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-3]) + "..."
}

// cells are the columns of an account's row.
func (s *sheet) cells() []string {
	mail := "-"
	if s.messages >= 0 {
		mail = fmt.Sprint(s.messages)
	}
	step := func(state string) string {
		switch state {
		case stepNotTried:
			return "-"
		case stepFailed:
			return "FAIL"
		}
		return state
	}
	return []string{s.account, step(s.server), step(s.login), mail, s.destinationsText(), s.resultText()}
}

func (s *sheet) destinationsText() string {
	failed, looked := 0, 0
	for _, d := range s.destinations {
		if d.Result != stepNotTried {
			looked++
		}
		if d.Result == stepFailed {
			failed++
		}
	}
	switch {
	case failed > 0 && len(s.destinations) == 1:
		return "FAIL"
	case failed > 0:
		return fmt.Sprintf("FAIL %d of %d", failed, len(s.destinations))
	case looked == 0:
		return "-"
	case looked < len(s.destinations):
		return fmt.Sprintf("ok %d of %d", looked, len(s.destinations))
	}
	return stepOK
}

func (s *sheet) resultText() string {
	switch c := s.class(); {
	case !s.begun:
		return "not looked at"
	case c != fetcher.OK:
		return "FAIL " + string(c)
	case !s.whole:
		return "stopped"
	}
	if n := s.notes(); n > 0 {
		return "ok, " + count(n, "note")
	}
	return stepOK
}

// checkObject is the JSON form of a sheet; see docs/json.md.
type checkObject struct {
	About        string    `json:"about"` // "configuration" or "account"
	Account      string    `json:"account,omitempty"`
	Result       string    `json:"result"`
	Server       string    `json:"server,omitempty"`
	Login        string    `json:"login,omitempty"`
	Messages     *int      `json:"messages,omitempty"`
	Destinations []seen    `json:"destinations,omitempty"`
	Findings     []finding `json:"findings"`
}

func (s *sheet) object() checkObject {
	o := checkObject{About: partConfiguration, Result: string(s.class()), Findings: s.findings}
	if o.Findings == nil {
		o.Findings = []finding{}
	}
	if s.account != "" {
		o.About, o.Account, o.Server, o.Login, o.Destinations = "account", s.account, s.server, s.login, s.destinations
		if s.messages >= 0 {
			o.Messages = &s.messages
		}
	}
	switch {
	case !s.begun:
		o.Result = "not_looked_at"
	case !s.whole && o.Result == string(fetcher.OK):
		o.Result = "stopped"
	}
	return o
}
