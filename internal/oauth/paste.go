package oauth

import (
	"context"
	"net/url"
	"strings"
)

// ask asks for the address until it is the right one.
func (a *attempt) ask(ctx context.Context, answers chan<- answer, p Prompts) {
	for ctx.Err() == nil {
		text, err := p.Paste(ctx)
		got, why := answer{err: err}, ""
		if err == nil {
			got, why = a.pasted(text)
		}
		if why != "" {
			p.Note(why)
			continue
		}
		select {
		case answers <- got:
		default: // the browser came first
		}
		return
	}
}

const maxPaste = 16 << 10 // octets

// What is said of a text that is no answer.
const (
	pastedNothing = "that was nothing; paste the whole address that the browser shows at the end"
	pastedStart   = "that is the address to begin with; paste the one that the browser shows at the end"
	pastedOther   = "that is not an answer to this login: maybe of an earlier one; paste the address that the browser shows now"
	pastedOdd     = "that is no address with a code in it; paste the whole address that the browser shows at the end"
)

// pasted reads what a person pasted: the address of the page that failed to load, with the state in it that this attempt has, or
// the code alone. why tells what is wrong with it; "": nothing.
func (a *attempt) pasted(text string) (got answer, why string) {
	if len(text) > maxPaste {
		return answer{}, pastedOdd
	}
	// Terminals break long lines, and people copy quotes and brackets along.
	text = strings.Trim(strings.Join(strings.Fields(text), ""), `"'<>`)
	switch {
	case text == "":
		return answer{}, pastedNothing
	case !sendable(text):
		return answer{}, pastedOdd
	case !strings.ContainsAny(text, "?&=") && !strings.Contains(text, "://"):
		return alone(text)
	}
	if _, query, ok := strings.Cut(text, "?"); ok {
		text = query
	}
	text, _, _ = strings.Cut(text, "#")
	q, err := url.ParseQuery(text)
	if err != nil {
		return answer{}, pastedOdd
	}
	got, ok := a.read(q)
	switch {
	case ok:
		return got, ""
	case q.Has("response_type") || q.Has("code_challenge"):
		return answer{}, pastedStart
	case q.Has("code") || q.Has("error"):
		return answer{}, pastedOther
	}
	return answer{}, pastedOdd
}

// alone takes a code by itself. It has no state: that it is the answer to this attempt, PKCE shows.
func alone(text string) (answer, string) {
	if code, err := url.PathUnescape(text); err == nil {
		text = code // as it stands in an address
	}
	if len(text) < 6 || len(text) > 4096 || !sendable(text) || strings.Contains(text, " ") {
		return answer{}, pastedOdd
	}
	return answer{code: text}, ""
}
