package main

import (
	"time"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/oauth/signin"
	"github.com/popsync/popsync/internal/oauth/tokens"
)

// endingOf tells what of an account's logins by OAuth will end soon, and what to do. unknown: nobody is logged in, or it cannot be read.
func endingOf(cfg *config.Config, account string, now time.Time) (what, next string, unknown bool) {
	if len(cfg.OAuth) == 0 {
		return "", "", false
	}
	var nearest tokens.End
	for _, h := range holdersOf(cfg) {
		if h.account != account {
			continue
		}
		source, _, err := new(app).tokenOf(cfg, h, "")
		if err != nil {
			return "", "", true
		}
		st, err := source.Status()
		if err != nil || !st.LoggedIn || st.Dead {
			return "", "", true
		}
		if e, due := st.Due(now); due && (what == "" || e.At.Before(nearest.At)) {
			nearest = e
			what, next = signin.Warning(e, h.grant, h.name)
		}
	}
	return what, next, false
}
