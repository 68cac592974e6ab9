package main

import "github.com/popsync/popsync/fetcher"

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
