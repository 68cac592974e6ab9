package probe

import (
	"crypto/tls"
	"errors"
	"testing"

	"github.com/popsync/popsync/deliver/smtp"
)

// What was not asked is not said to be well.
func TestMailServerText(t *testing.T) {
	m := MailServer{Username: "me", Recipients: 1}
	for _, tt := range []struct {
		original bool
		saw      smtp.Sight
		err      error
		want     string
	}{
		{false, smtp.Sight{Connected: true}, errors.New("x"), "connected, NOT encrypted"},
		{false, smtp.Sight{Connected: true, LoggedIn: true}, nil,
			"connected, NOT encrypted, logged in as me; sender and recipients were not tried, as each message names its own"},
		{false, smtp.Sight{Connected: true, Asked: true, From: "a@h"}, nil, "connected, NOT encrypted; it accepts the sender <a@h> and 1 recipient; no message was sent"},
		{true, smtp.Sight{Connected: true, Asked: true}, nil,
			"connected, NOT encrypted; it accepts the sender <>, where each message will have its own, and 1 recipient; no message was sent"},
		{false, smtp.Sight{Connected: true, TLS: &tls.ConnectionState{Version: tls.VersionTLS13}}, errors.New("x"), ""},
	} {
		m.Original = tt.original
		if got := m.text(tt.saw, tt.err); tt.want != "" && got != tt.want || tt.want == "" && got == "connected, NOT encrypted" {
			t.Errorf("%+v: %s", tt.saw, got)
		}
	}
}
