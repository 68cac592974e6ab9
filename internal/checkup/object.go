package checkup

import "github.com/popsync/popsync/fetcher/verdict"

// Object is the JSON form of a sheet; see docs/json.md.
type Object struct {
	About        string    `json:"about"` // "configuration" or "account"
	Account      string    `json:"account,omitempty"`
	Result       string    `json:"result"`
	Server       Step      `json:"server,omitempty"`
	Login        Step      `json:"login,omitempty"`
	Messages     *int      `json:"messages,omitempty"`
	Destinations []Seen    `json:"destinations,omitempty"`
	Findings     []Finding `json:"findings"`
}

// Object is the sheet for programs.
func (s *Sheet) Object() Object {
	o := Object{About: string(PartConfiguration), Result: string(s.Class()), Findings: s.findings}
	if o.Findings == nil {
		o.Findings = []Finding{}
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
	case !s.whole && o.Result == string(verdict.OK):
		o.Result = "stopped"
	}
	return o
}
